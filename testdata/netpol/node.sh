# shellcheck shell=bash
# A node for the script that sources this file: namespaces of its own, `portcullis netpol` on the node, network
# namespaces as pods. As root or as a user who may make namespaces; otherwise the script prints that it is
# skipped, and ends.
#
#   start_node FLAG..., kill_node    the program that enforces policies; its log is netpol.log below WORK
#   pod NAMESPACE NAME APP ADDRESS   a network namespace (place.sh), and the pod that the API shows there

if [[ -z ${NETPOL_NAMESPACES:-} ]]; then
  export NETPOL_NAMESPACES=yes PATH=$PATH:/usr/sbin:/sbin
  for user in '' --map-root-user; do
    # shellcheck disable=SC2086 # no flag is no word
    if unshare $user --net --mount nft list ruleset >/dev/null 2>&1; then
      exec unshare $user --net --mount "$0" "$@"
    fi
  done
  echo "skipped: $0, which needs nft and network namespaces of its own"
  exit
fi
mount --make-rprivate /
mkdir -p /run/netns
mount -t tmpfs tmpfs /run/netns
ip link set lo up

# shellcheck source-path=SCRIPTDIR source=../server.sh
. "$(dirname "${BASH_SOURCE[0]}")/../server.sh"

NODE_PID=''
start_node() {
  "$PORTCULLIS" netpol --node here -v 2 "$@" >>"$WORK/netpol.log" 2>&1 &
  NODE_PID=$!
}
kill_node() {
  [[ -n $NODE_PID ]] || return 0
  kill -KILL "$NODE_PID" 2>/dev/null || true
  wait "$NODE_PID" 2>/dev/null || true
  NODE_PID=''
}
at_exit kill_node
# shellcheck source-path=SCRIPTDIR source=place.sh
. "$(dirname "${BASH_SOURCE[0]}")/place.sh"

# A pod that runs on this node, and its object.
pod() { # NAMESPACE NAME APP ADDRESS
  pod_object "$@"
  place "$2" "$4"
}
pod_object() { # NAMESPACE NAME APP ADDRESS
  kubectl create -f - >/dev/null <<YAML
apiVersion: v1
kind: Pod
metadata: {name: $2, namespace: $1, labels: {app: $3}}
spec: {nodeName: here, containers: [{name: main, image: none}]}
YAML
  kubectl get pod "$2" -n "$1" -o json | python3 -c '
import json, sys
pod = json.load(sys.stdin)
pod["status"] = {"phase": "Running", "podIP": sys.argv[1], "podIPs": [{"ip": sys.argv[1]}]}
json.dump(pod, sys.stdout)' "$4" >"$WORK/pod.json"
  kubectl replace --raw "/api/v1/namespaces/$1/pods/$2/status" -f "$WORK/pod.json" >/dev/null
}
loaded() { nft list table inet portcullis_netpol >/dev/null 2>&1; }

echo 1 >/proc/sys/net/ipv4/ip_forward
