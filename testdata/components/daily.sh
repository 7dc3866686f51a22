#!/usr/bin/env bash
# What one kubectl does with running containers: exec, cp, attach, port-forward, logs and debug.
#
# KUBECTL is its path, VERSION its release; BOX is a pod that sleeps, and SERVED one of luksa/kubia.
#
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
cd "$LIB_TMP"
suffix=${VERSION//./-}

step "kubectl $VERSION: exec"
run kubectl exec "$BOX" -- sh -c 'echo out; echo err >&2; exit 3'
check 'its output is shown' test "$OUT" = out
expect_refused_part err 'command terminated with exit code 3'
run sh -c "echo through | kubectl exec -i $BOX -- tr a-z A-Z"
expect THROUGH
run sh -c "echo unread | kubectl exec $BOX -- wc -c"
expect 0
run "$here/terminal.py" kubectl exec -t "$BOX" -- sh -c 'test -t 1 || echo kubectl asks for a terminal only with input'
expect_part 'only with input'
# shellcheck disable=SC2016 # for the shell in the container
run "$here/terminal.py" kubectl exec -it "$BOX" -- sh -c 'tty; until [ "$(stty size)" = "33 99" ]; do sleep 0.1; done; echo its size'
expect_part /dev/pts/ 'its size'
head -c 100000000 /dev/urandom >large
run sh -c "kubectl exec -i $BOX -- cat <large | cmp - large"
expect ''
run sh -c "kubectl exec -i $BOX -- sha256sum <large"
expect "$(sha256sum <large)"

step "kubectl $VERSION: cp"
run kubectl cp large "$BOX:/tmp/large-$suffix"
expect_ok
run kubectl cp "$BOX:/tmp/large-$suffix" back
expect_ok
check '100 MB come back as they were' cmp large back
kubectl exec "$BOX" -- rm "/tmp/large-$suffix"

step "kubectl $VERSION: attach"
pod() { # NAME OPTIONS COMMAND: of container `main`
  kubectl create -f - >/dev/null <<TEXT
apiVersion: v1
kind: Pod
metadata: {name: $1}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: main, image: alpine, imagePullPolicy: IfNotPresent, $2, command: [sh, -c, '$3']}]
TEXT
  at_exit kubectl delete pod "$1" --timeout=170s
  kubectl wait --for=condition=Ready --timeout=170s "pod/$1" >/dev/null
}
# shellcheck disable=SC2016 # for the shell in the container
pod "reads-$suffix" 'stdin: true, stdinOnce: true' 'while read -r line; do echo "read: $line"; done; sleep 1'
run sh -c "printf 'one\ntwo\n' | kubectl attach -i reads-$suffix"
expect_part 'read: one' 'read: two'

step "kubectl $VERSION: port-forward"
kubectl port-forward "$SERVED" :8080 >forwarded 2>errors &
forwarder=$!
at_exit kill "$forwarder"
until_true 120 grep -q 'Forwarding from 127.0.0.1' forwarded || cat errors
port=$(sed -n 's/^Forwarding from 127.0.0.1:\([0-9]*\) .*/\1/p' forwarded)
run "$here/connections.py" "$port" 1000 "You have hit $SERVED"
expect '1000 answers'

step "kubectl $VERSION: logs over a restart"
pod "restarts-$suffix" 'tty: false' 'echo started; until [ -e /tmp/end ]; do sleep 0.1; done; echo ends'
name=restarts-$suffix
kubectl logs -f "$name" >followed 2>&1 &
follower=$!
check 'the log begins' until_true 120 grep -q started followed
run kubectl exec "$name" -- touch /tmp/end
expect_ok
ended() { ! kill -0 "$follower" 2>/dev/null; }
check 'it ends with the container' until_true 120 ended
check 'and is whole' test "$(<followed)" = $'started\nends'
restarted() { [[ $(kubectl get pod "$name" -o 'jsonpath={.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].ready}') == '1 true' ]]; }
check 'the container is started again' until_true 120 restarted
run kubectl logs "$name" --previous
expect $'started\nends'
run kubectl logs "$name"
expect started

step "kubectl $VERSION: debug"
run kubectl debug "$BOX" --image=alpine --image-pull-policy=IfNotPresent -c "debugger-$suffix" -- sleep 999999
if [[ $VERSION == 1.20 ]]; then
  # it sends what was an alpha feature of servers before 1.22
  expect_refused_part 'EphemeralContainers in version "v1" cannot be handled as a Pod'
else
  expect_ok
  debugger() { [[ $(kubectl exec "$BOX" -c "debugger-$suffix" -- cat /proc/1/comm 2>/dev/null) == sleep ]]; }
  check 'an ephemeral container runs' until_true 120 debugger
fi

finish "kubectl_$VERSION"
