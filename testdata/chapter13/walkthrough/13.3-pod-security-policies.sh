#!/usr/bin/env bash
# Section 13.3: restricting the use of security-related features in pods
#
# A PodSecurityPolicy restricts pods and sets their defaults. The numbers are those of the steps in the
# chapter. The server runs with the PodSecurityPolicy plugin.
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "$(dirname "$0")/../../lib.sh"
cd "$(dirname "$0")/.."

# The text with which the plugin refuses the pod of a file: refused FILE POD 'ERRORS'.
refused() {
  printf 'Error from server (Forbidden): error when creating "%s": pods "%s" is forbidden: %s: [%s]' \
    "$1" "$2" 'unable to validate against any pod security policy' "$3"
}

step 'With the plugin and without a policy, no user can create a pod'
run kubectl create -f pod-as-user-guest.yaml
expect_refused_part 'pods "pod-as-user-guest" is forbidden: ' 'no providers available to validate pod request'

step '1. The first policy'
run kubectl create -f pod-security-policy.yaml
expect 'podsecuritypolicy.extensions/default created'
run kubectl get podsecuritypolicies.policy default -o 'jsonpath={.apiVersion} {.spec.readOnlyRootFilesystem}'
expect 'policy/v1beta1 true'
run kubectl get podsecuritypolicies.extensions default -o 'jsonpath={.apiVersion} {.spec.readOnlyRootFilesystem}'
expect 'extensions/v1beta1 true'

step '2. A privileged pod is refused'
run kubectl create -f pod-privileged.yaml
expect_refused "$(refused pod-privileged.yaml pod-privileged \
  'spec.containers[0].securityContext.privileged: Invalid value: true: Privileged containers are not allowed')"

step '3. So are pods that use the namespaces and ports of their node'
run kubectl create -f pod-with-host-network.yaml
expect_refused "$(refused pod-with-host-network.yaml pod-with-host-network \
  'spec.securityContext.hostNetwork: Invalid value: true: Host network is not allowed to be used')"
run kubectl create -f pod-with-host-pid-and-ipc.yaml
expect_refused "$(refused pod-with-host-pid-and-ipc.yaml pod-with-host-pid-and-ipc \
  "spec.securityContext.hostPID: Invalid value: true: Host PID is not allowed to be used $(
  )spec.securityContext.hostIPC: Invalid value: true: Host IPC is not allowed to be used")"
run kubectl create -f kubia-hostport.yaml
expect_refused "$(refused kubia-hostport.yaml kubia-hostport \
  "spec.containers[0].hostPort: Invalid value: 9000: Host port 9000 is not allowed to be used. $(
  )Allowed ports: [10000-11000,13000-14000]")"

step '4. A pod with default settings is admitted, and now has a read-only root filesystem'
run kubectl run pod-with-defaults --image alpine --restart Never -- /bin/sleep 999999
expect 'pod/pod-with-defaults created'
expect_field pod/pod-with-defaults '{.spec.containers[0].securityContext.readOnlyRootFilesystem}' true
expect_field pod/pod-with-defaults '{.metadata.annotations.kubernetes\.io/psp}' default

step '5. The policy now requires user 2, and groups 2-10 or 20-30'
run kubectl replace -f psp-must-run-as.yaml
expect 'podsecuritypolicy.extensions/default replaced'
run kubectl create -f pod-as-user-guest.yaml
expect_refused "$(refused pod-as-user-guest.yaml pod-as-user-guest \
  "securityContext.runAsUser: Invalid value: 405: UID on container main does not match required range.  $(
  )Found 405, allowed: [{2 2}]")"
run kubectl create -f pod-with-shared-volume-fsgroup.yaml
expect_refused_part 'pods "pod-with-shared-volume-fsgroup" is forbidden: ' \
  'group 555 must be in the ranges: [{2 10} {20 30}]' 'group 666 must be in' 'group 777 must be in' \
  'UID on container first does not match required range.  Found 1111, allowed: [{2 2}]' \
  'UID on container second does not match required range.  Found 2222, allowed: [{2 2}]'

step '6. A pod whose image would run as user 5 runs as user 2: the policy sets what the pod leaves open'
run kubectl run run-as-5 --image luksa/kubia-run-as-user-5 --restart Never
expect 'pod/run-as-5 created'
expect_field pod/run-as-5 '{.spec.containers[0].securityContext.runAsUser}' 2
expect_field pod/run-as-5 '{.spec.securityContext.fsGroup}' 2
expect_field pod/run-as-5 '{.spec.securityContext.supplementalGroups[*]}' 2

step '10. A changed policy leaves existing pods alone; it is asked when a pod is created or updated'
expect_field pod/pod-with-defaults '{.spec.containers[0].securityContext}' '{"readOnlyRootFilesystem":true}'
run kubectl label pod pod-with-defaults touched=yes
expect_refused_part 'pods "pod-with-defaults" is forbidden: unable to validate against any pod security policy: ['

step '7. Now a policy for capabilities: SYS_TIME may be added, CHOWN is, SYS_ADMIN and SYS_MODULE are dropped'
run kubectl replace -f psp-capabilities.yaml
expect 'podsecuritypolicy.extensions/default replaced'
run kubectl create -f pod-add-sysadmin-capability.yaml
expect_refused "$(refused pod-add-sysadmin-capability.yaml pod-add-sysadmin-capability \
  'capabilities.add: Invalid value: "SYS_ADMIN": capability may not be added')"

step '8. SYS_TIME is allowed'
run kubectl create -f pod-add-settime-capability.yaml
expect 'pod/pod-add-settime-capability created'
expect_field pod/pod-add-settime-capability '{.spec.containers[0].securityContext.capabilities.add[*]}' 'CHOWN SYS_TIME'
expect_field pod/pod-add-settime-capability \
  '{.spec.containers[0].securityContext.capabilities.drop[*]}' 'SYS_ADMIN SYS_MODULE'

step '9. Now a policy that lists the types of volumes: hostPath is not among them'
run kubectl replace -f psp-volumes.yaml
expect 'podsecuritypolicy.extensions/default replaced'
expect_field psp/default '{.spec.volumes[*]}' 'emptyDir configMap secret downwardAPI persistentVolumeClaim'
run kubectl create -f pod-with-hostpath-volume.yaml
expect_refused "$(refused pod-with-hostpath-volume.yaml pod-with-hostpath-volume \
  'spec.volumes[0]: Invalid value: "hostPath": hostPath volumes are not allowed to be used')"
run kubectl create -f pod-with-allowed-volumes.yaml
expect 'pod/pod-with-allowed-volumes created'

step '10, once more. Pods of earlier policies are still as they were'
expect_field pod/run-as-5 '{.spec.containers[0].securityContext.runAsUser}' 2
expect_field pod/pod-add-settime-capability '{.spec.containers[0].securityContext.capabilities.add[*]}' 'CHOWN SYS_TIME'

step '11. Of several policies one is enough: it admits the pod'
run kubectl create -f pod-privileged.yaml
expect_refused_part 'Privileged containers are not allowed'
run kubectl create -f psp-privileged.yaml
expect 'podsecuritypolicy.extensions/privileged created'
run kubectl create -f pod-privileged.yaml
expect 'pod/pod-privileged created'
expect_field pod/pod-privileged '{.metadata.annotations.kubernetes\.io/psp}' privileged

step 'Clean up: section 13.3.5 starts with one policy and no pods'
run kubectl delete psp privileged
expect_ok
run kubectl delete pods --all
expect_ok
run kubectl get pods
expect ''

finish '13.3'
