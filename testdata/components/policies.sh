#!/usr/bin/env bash
# Section 13.3 as testdata/chapter13 has it, and what it shows of pods that run: those whose settings a
# PodSecurityPolicy has changed.
#
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$(dirname "$0")/../chapter13"

ready() { run kubectl wait --for=condition=Ready --timeout=170s pod "$@"; }

check 'section 13.3' walkthrough/13.3-pod-security-policies.sh

step '13.3.2 The policy sets a read-only root file system'
run kubectl apply -f pod-security-policy.yaml
expect_ok
run kubectl run pod-with-defaults --image alpine --restart Never -- /bin/sleep 999999
expect 'pod/pod-with-defaults created'
ready pod-with-defaults
expect_ok
run kubectl exec pod-with-defaults -- touch /new-file
expect_refused_part 'touch: /new-file: Read-only file system'

step '13.3.3 The policy sets the user, whatever the image says'
run kubectl replace -f psp-must-run-as.yaml
expect_ok
run kubectl run run-as-5 --image luksa/kubia-run-as-user-5 --restart Never
expect 'pod/run-as-5 created'
ready run-as-5
expect_ok
run kubectl exec run-as-5 -- id
expect 'uid=2(bin) gid=2(bin) groups=2(bin)'

step '13.3.4 The policy adds and drops capabilities'
run kubectl replace -f psp-capabilities.yaml
expect_ok
run kubectl create -f pod-add-settime-capability.yaml
expect_ok
ready pod-add-settime-capability
expect_ok
run kubectl exec pod-add-settime-capability -- sh -c 'grep CapEff /proc/self/status'
effective=$((0x${OUT##*[[:space:]]}))
check 'SYS_TIME' test $((effective >> 25 & 1)) = 1
check 'CHOWN' test $((effective & 1)) = 1
check 'not SYS_ADMIN' test $((effective >> 21 & 1)) = 0

step '13.3.5 Bob may run a privileged pod'
run kubectl delete pods --all
expect_ok
run kubectl delete psp default
expect_ok
check 'section 13.3.5' walkthrough/13.3.5-per-user.sh
ready pod-privileged
expect_ok
run kubectl --user bob exec pod-privileged -- ls /dev
expect_part loop0
run kubectl --user alice exec pod-privileged -- ls /dev
expect_part loop0

finish '13.3_inside'
