#!/usr/bin/env bash
# Section 13.2: configuring the container's security context
#
# Every field of a security context is stored unchanged; nothing is refused yet.
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "$(dirname "$0")/../../lib.sh"
cd "$(dirname "$0")/.."

step 'A pod with default options, to compare the others with'
run kubectl run pod-with-defaults --image alpine --restart Never -- /bin/sleep 999999
expect 'pod/pod-with-defaults created'
expect_field pod/pod-with-defaults '{.spec.containers[0].args[*]}' '/bin/sleep 999999'
expect_field pod/pod-with-defaults '{.spec.restartPolicy}' Never
expect_field pod/pod-with-defaults '{.spec.securityContext}' '{}'
expect_field pod/pod-with-defaults '{.spec.containers[0].securityContext}' ''

step 'A container that runs as a certain user'
run kubectl create -f pod-as-user-guest.yaml
expect 'pod/pod-as-user-guest created'
expect_field pod/pod-as-user-guest '{.spec.containers[0].securityContext.runAsUser}' 405

step 'A container that must not run as root'
run kubectl create -f pod-run-as-non-root.yaml
expect 'pod/pod-run-as-non-root created'
expect_field pod/pod-run-as-non-root '{.spec.containers[0].securityContext.runAsNonRoot}' true

step 'A privileged container'
run kubectl create -f pod-privileged.yaml
expect 'pod/pod-privileged created'
expect_field pod/pod-privileged '{.spec.containers[0].securityContext.privileged}' true

step 'A container with one capability more'
run kubectl create -f pod-add-settime-capability.yaml
expect 'pod/pod-add-settime-capability created'
expect_field pod/pod-add-settime-capability '{.spec.containers[0].securityContext.capabilities.add[*]}' SYS_TIME

step 'A container with one capability less'
run kubectl create -f pod-drop-chown-capability.yaml
expect 'pod/pod-drop-chown-capability created'
expect_field pod/pod-drop-chown-capability '{.spec.containers[0].securityContext.capabilities.drop[*]}' CHOWN

step 'A container with a capability that section 13.3 will refuse'
run kubectl create -f pod-add-sysadmin-capability.yaml
expect 'pod/pod-add-sysadmin-capability created'
expect_field pod/pod-add-sysadmin-capability '{.spec.containers[0].securityContext.capabilities.add[*]}' SYS_ADMIN

step 'A container that cannot write to its own filesystem, only to a volume'
run kubectl create -f pod-with-readonly-filesystem.yaml
expect 'pod/pod-with-readonly-filesystem created'
expect_field pod/pod-with-readonly-filesystem '{.spec.containers[0].securityContext.readOnlyRootFilesystem}' true
expect_field pod/pod-with-readonly-filesystem \
  '{.spec.containers[0].volumeMounts[?(@.name=="my-volume")].mountPath}' /volume

step 'The manifest has a bare "emptyDir:": an empty directory with default settings'
expect_field pod/pod-with-readonly-filesystem '{.spec.volumes[?(@.name=="my-volume")].emptyDir}' '{}'

step 'Two containers that run as different users and share a volume'
run kubectl create -f pod-with-shared-volume-fsgroup.yaml
expect 'pod/pod-with-shared-volume-fsgroup created'
expect_field pod/pod-with-shared-volume-fsgroup '{.spec.securityContext.fsGroup}' 555
expect_field pod/pod-with-shared-volume-fsgroup '{.spec.securityContext.supplementalGroups[*]}' '666 777'
expect_field pod/pod-with-shared-volume-fsgroup '{.spec.containers[*].name}' 'first second'
expect_field pod/pod-with-shared-volume-fsgroup '{.spec.containers[*].securityContext.runAsUser}' '1111 2222'
expect_field pod/pod-with-shared-volume-fsgroup '{.spec.volumes[?(@.name=="shared-volume")].emptyDir}' '{}'

step 'All of them are there, and wait for a node'
run kubectl get pods
expect_row 'NAME READY STATUS RESTARTS AGE'
expect_part pod-with-defaults pod-as-user-guest pod-run-as-non-root pod-privileged \
  pod-add-settime-capability pod-drop-chown-capability pod-add-sysadmin-capability \
  pod-with-readonly-filesystem pod-with-shared-volume-fsgroup
expect_field pod/pod-with-defaults '{.status.phase}' Pending

finish '13.2'
