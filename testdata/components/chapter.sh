#!/usr/bin/env bash
# What sections 13.1 and 13.2 show of pods that run. The pods are those that testdata/chapter13 has created, on a
# node; NODE_ADDRESS is its address.
#
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
terminal=$(cd "$(dirname "$0")" && pwd)/terminal.py
cd "$(dirname "$0")/../chapter13"

step 'All pods but the one that must not run as root are running'
running='pod-with-host-network kubia-hostport pod-with-host-pid-and-ipc pod-with-defaults pod-as-user-guest
  pod-privileged pod-add-settime-capability pod-drop-chown-capability pod-add-sysadmin-capability
  pod-with-readonly-filesystem pod-with-shared-volume-fsgroup'
# shellcheck disable=SC2086 # a list
run kubectl wait --for=condition=Ready --timeout=170s pod $running
expect_ok

step '13.1.1 The interfaces of the node'
run kubectl exec pod-with-host-network -- ifconfig
expect_part "eth0 " "inet addr:$NODE_ADDRESS" 'lo  ' cni0
run kubectl exec pod-with-defaults -- ifconfig
expect_part 'eth0 ' 'inet addr:10.244.0.'
check 'another pod has its own' test "${OUT/cni0/}" = "$OUT"

step '13.1.2 A port of the node, which only one pod can have'
run busybox wget -qO- "http://$NODE_ADDRESS:9000/"
expect 'You have hit kubia-hostport'
sed 's/name: kubia-hostport/&-2/' kubia-hostport.yaml | kubectl create -f - >/dev/null
second() { kubectl get pod kubia-hostport-2 -o "jsonpath={.status.conditions[?(@.type=='PodScheduled')].message}"; }
scheduled() { [[ -n $(second) ]]; }
until_true 120 scheduled
check 'a second one stays pending' test "$(second)" = \
  "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."
run kubectl get pod kubia-hostport-2 --no-headers
expect_part Pending
run kubectl delete pod kubia-hostport-2
expect_ok

step '13.1.3 The processes of the node'
run kubectl exec pod-with-host-pid-and-ipc -- ps aux
expect_part kubelet containerd '/bin/sleep 999999'
run kubectl exec pod-with-defaults -- ps aux
expect_part '1 root' '/bin/sleep 999999'
check 'another pod sees its own' test "${OUT/kubelet/}" = "$OUT"

step '13.2.1 Users'
run kubectl exec pod-with-defaults -- id
expect 'uid=0(root) gid=0(root) groups=0(root),1(bin),2(daemon),3(sys),4(adm),6(disk),10(wheel),11(floppy),20(dialout),26(tape),27(video)'
run kubectl exec pod-as-user-guest -- id
expect_part 'uid=405(guest) gid=100(users)' # newer runtimes add the group once more

step '13.2.2 A container that would run as root, and must not'
refused() { kubectl get pod pod-run-as-non-root -o 'jsonpath={.status.containerStatuses[0].state.waiting.message}'; }
waits() { [[ -n $(refused) ]]; }
until_true 120 waits
check 'the kubelet says why' test "$(refused | sed 's/ (pod.*//')" = \
  'container has runAsNonRoot and image will run as root'
run kubectl get pod pod-run-as-non-root --no-headers
expect_part 0/1 CreateContainerConfigError # the book's kubelet wrote the message here

step '13.2.3 Devices'
run "$terminal" kubectl exec -it pod-with-defaults -- ls /dev
expect_part fd full mqueue null ptmx pts random shm stderr stdin stdout termination-log tty urandom zero
few=$(wc -w <<<"$OUT")
run "$terminal" kubectl exec -it pod-privileged -- ls /dev
expect_part loop0 tty63
check 'a privileged container has those of the node' test "$(wc -w <<<"$OUT")" -gt $((3 * few))

# The clock is the machine's, so it is not set to another time but to the rate that it has.
step '13.2.4 Setting the clock'
run "$terminal" kubectl exec -it pod-with-defaults -- adjtimex -t 10000
check 'not without the capability' test "$STATUS" != 0
check 'and the kernel says so' test "${OUT/Operation not permitted/}" != "$OUT"
run "$terminal" kubectl exec -it pod-add-settime-capability -- adjtimex -t 10000
expect_ok
run kubectl exec pod-add-settime-capability -- sh -c 'grep CapEff /proc/self/status'
with_time=$OUT
run kubectl exec pod-with-defaults -- sh -c 'grep CapEff /proc/self/status'
check 'SYS_TIME is the difference' test $((0x${with_time##*[[:space:]]} - 0x${OUT##*[[:space:]]})) = $((1 << 25))

step '13.2.5 Changing the owner of a file'
run kubectl exec pod-with-defaults -- chown guest /tmp
expect ''
run kubectl exec pod-with-defaults -- ls -la /
expect_part ' guest    root '
check 'that is /tmp' grep -q '^drwxrwxrwt .* guest .* tmp$' <<<"$OUT"
run kubectl exec pod-drop-chown-capability -- chown guest /tmp
expect_refused_part 'chown: /tmp: Operation not permitted'

step '13.2.6 A root file system that is only read'
run "$terminal" kubectl exec -it pod-with-readonly-filesystem -- touch /new-file
check 'it is refused' test "$STATUS" != 0
check 'and the kernel says so' grep -q 'touch: /new-file: Read-only file system' <<<"$OUT"
run "$terminal" kubectl exec -it pod-with-readonly-filesystem -- touch /volume/newfile
expect ''
run "$terminal" kubectl exec -it pod-with-readonly-filesystem -- ls -la /volume/newfile
check 'the volume has it' grep -q '^-rw-r--r-- .* root .* root .* 0 .* /volume/newfile$' <<<"$OUT"

step '13.2.7 Two users who share a volume'
typed() { printf '%s\n' "$@" | kubectl exec -i pod-with-shared-volume-fsgroup -c first -- sh; }
export -f typed
run bash -c 'typed id'
expect 'uid=1111 gid=0(root) groups=0(root),555,666,777'
run bash -c "typed 'ls -l / | grep volume'"
check 'the volume belongs to the group' grep -q '^drwxrwsrwx .* root .* 555 .* volume$' <<<"$OUT"
run bash -c "typed 'echo foo > /volume/foo' 'ls -l /volume'"
check 'and so does a file in it' grep -q '^-rw-r--r-- .* 1111 .* 555 .* foo$' <<<"$OUT"
run bash -c "typed 'echo foo > /tmp/foo' 'ls -l /tmp'"
check 'elsewhere it belongs to the group of the user' grep -q '^-rw-r--r-- .* 1111 .* root .* foo$' <<<"$OUT"
run kubectl exec pod-with-shared-volume-fsgroup -c second -- cat /volume/foo
expect foo

finish '13.1-2_inside'
