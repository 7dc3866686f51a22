# shellcheck shell=bash
# What a crash of the server does to the components: nothing. For scripts that source server.sh and define `serve`.
#
#   service_works      a deployment and its service, which every component has a part in
#   recover FLAG...    kills the server, starts it with these flags, and checks that all go on

# Every container with what must not change.
containers() {
  kubectl get pods -o 'jsonpath={range .items[*]}{.metadata.name}{range .status.containerStatuses[*]} {.containerID} {.restartCount} {.state.running.startedAt}{end}{"\n"}{end}'
}

renewed() { kubectl -n kube-node-lease get lease "$NODE" -o 'jsonpath={.spec.renewTime}' 2>/dev/null; }
renewed_again() { [[ $(renewed) > $1 ]]; }

# service_works NAME: made by controller-manager, placed by the scheduler, run by the kubelet, reached by kube-proxy.
service_works() {
  local name=$1 address
  run kubectl create deployment "$name" --image=luksa/kubia --replicas=2
  expect_ok
  run kubectl expose deployment "$name" --port=80 --target-port=8080
  expect_ok
  run kubectl wait --for=condition=Available --timeout=170s "deployment/$name"
  expect_ok
  address=$(kubectl get service "$name" -o 'jsonpath={.spec.clusterIP}')
  check 'the service answers on the node' until_true 120 answers "$name" busybox wget -qO- "http://$address/"
  check 'and in a pod' until_true 120 answers "$name" \
    kubectl exec pod-with-defaults -- timeout 5 wget -qO- "http://$address/"
  run kubectl delete service,deployment "$name"
  expect_ok
  check 'its pods are gone' until_true 120 none_of "$name"
}

answers() { [[ $("${@:2}" 2>/dev/null) == "You have hit $1-"* ]]; }
none_of() { [[ -z $(kubectl get pods -l "app=$1" -o name) ]]; }

recover() {
  local before lease
  step "The server is killed, and comes back (store: $STORE)"
  before=$(containers)
  lease=$(renewed)
  kill_portcullis
  serve "$@"
  check 'the kubelet goes on' until_true 120 renewed_again "$lease"
  run kubectl wait --for=condition=Ready --timeout=170s "node/$NODE"
  expect_ok
  service_works after-the-kill
  check 'the containers run as before' test "$(containers)" = "$before"
}
