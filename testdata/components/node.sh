# shellcheck shell=bash
# A machine that becomes a node, in namespaces that are already its own; for scripts that source server.sh.
#
#   private_machine           a host name, an address, and /etc, /var and /run that are not the machine's
#   start_images              serves what docker.io and gcr.io would
#   start_containerd          the container runtime
#   join_node                 runs the command that `portcullis token create --print-join-command` prints
#   start_component NAME      a kube-scheduler, kube-controller-manager or kube-proxy, if there is one
#
# What they write is in $WORK/NAME.log.

NODE=node-1
NODE_ADDRESS=192.0.2.10
REGISTRY=127.0.0.1:5000
SOCKET=/run/containerd/containerd.sock
# What a kubelet sets although it is the machine's, and not of a namespace.
TUNABLES='vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys
  kernel/keys/root_maxbytes'

private_machine() {
  local name
  hostname "$NODE"
  for name in etc var; do
    mkdir -p "$WORK/layers/$name/upper" "$WORK/layers/$name/work"
    mount -t overlay overlay "/$name" \
      -o "lowerdir=/$name,upperdir=$WORK/layers/$name/upper,workdir=$WORK/layers/$name/work"
  done
  mount -t tmpfs tmpfs /run
  mkdir -p /run/lock /run/containerd
  printf '127.0.0.1 localhost\n%s %s\n' "$NODE_ADDRESS" "$NODE" >/etc/hosts
  rm -f /etc/resolv.conf
  echo "nameserver $NODE_ADDRESS" >/etc/resolv.conf
  for name in $TUNABLES; do
    mkdir -p "$WORK/tunables/${name%/*}"
    cat "/proc/sys/$name" >"$WORK/tunables/$name"
    mount --bind "$WORK/tunables/$name" "/proc/sys/$name"
  done
  ip link set lo up
  ip link add eth0 type veth peer name router
  ip address add "$NODE_ADDRESS/24" dev eth0
  ip link set router up
  ip link set eth0 up
  ip route add default via "${NODE_ADDRESS%.*}.1"
}

# logged NAME COMMAND...: runs it in the background.
logged() {
  local name=$1
  shift
  "$@" >>"$WORK/$name.log" 2>&1 &
}

listens() { (exec 3<>"/dev/tcp/${1%:*}/${1#*:}") 2>/dev/null; }

start_images() {
  logged images "$COMPONENTS_DIR/images.py" "${REGISTRY%:*}" "${REGISTRY#*:}"
  until_true 120 listens "$REGISTRY" || fail_start images.py "$WORK/images.log"
}

start_containerd() {
  mkdir -p "$WORK/containerd" /etc/cni/net.d
  cat >"$WORK/containerd.toml" <<TEXT
version = 2
root = "$WORK/containerd"
state = "/run/containerd"
[grpc]
  address = "$SOCKET"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/library/pause:local"
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "/etc/cni/net.d"
[plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]
  endpoint = ["http://$REGISTRY"]
[plugins."io.containerd.grpc.v1.cri".registry.mirrors."gcr.io"]
  endpoint = ["http://$REGISTRY"]
TEXT
  cat >/etc/cni/net.d/10-pods.conflist <<'TEXT'
{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.244.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
TEXT
  logged containerd containerd --config "$WORK/containerd.toml"
  until_true 120 ctr --address "$SOCKET" version >/dev/null 2>&1 || fail_start containerd "$WORK/containerd.log"
}

# What the join command leaves to the machine.
kubelet_config() {
  cat <<TEXT
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
serverTLSBootstrap: true
cgroupRoot: /$CGROUP
cgroupsPerQOS: false
enforceNodeAllocatable: []
failSwapOn: false
clusterDNS: [10.0.0.10]
clusterDomain: cluster.local
resolvConf: /etc/resolv.conf
volumePluginDir: /var/lib/kubelet/volume-plugins
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}
featureGates: {EphemeralContainers: true}
TEXT
}

join_node() {
  local command
  kubelet_config >"$WORK/kubelet.yaml"
  command=$("$PORTCULLIS" token create --print-join-command)
  [[ $command == *'kubelet --bootstrap-kubeconfig='* ]] || { printf 'no join command: %s\n' "$command" >&2; return 1; }
  command+=" --config=$WORK/kubelet.yaml --container-runtime=remote --container-runtime-endpoint=unix://$SOCKET"
  logged kubelet env "PATH=$KUBERNETES_BINARIES:$PATH" sh -c "$command"
}

# Each is the user that upstream's default bindings name.
start_component() {
  local name=$1 options=()
  case $name in
    kube-scheduler) options=(--port=0) ;;
    kube-controller-manager)
      options=(
        --port=0 --use-service-account-credentials --controllers='*,bootstrapsigner,tokencleaner'
        "--service-account-private-key-file=$WORK/data/pki/sa.key" "--root-ca-file=$WORK/data/pki/ca.crt"
        "--cluster-signing-cert-file=$WORK/data/pki/ca.crt" "--cluster-signing-key-file=$WORK/data/pki/ca.key"
      )
      ;;
    kube-proxy)
      # the limits of connection tracking are the machine's
      options=(
        --proxy-mode=iptables --cluster-cidr=10.244.0.0/24 --conntrack-max-per-core=0
        --conntrack-tcp-timeout-established=0s --conntrack-tcp-timeout-close-wait=0s
      )
      ;;
  esac
  [[ -x $KUBERNETES_BINARIES/$name ]] || return 0
  "$PORTCULLIS" kubeconfig --user "system:$name" --server "$SERVER" --data-dir "$WORK/data" -o "$WORK/$name.conf"
  logged "$name" "$KUBERNETES_BINARIES/$name" "--kubeconfig=$WORK/$name.conf" "${options[@]}"
}
