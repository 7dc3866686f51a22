#!/usr/bin/env bash
# Section 13.3.5: assigning different policies to different users
#
# Two policies, two users: RBAC's verb `use` decides which user's pods a policy may admit. KUBECONFIG holds
# the users alice and bob beside the cluster-admin; the server runs with the PodSecurityPolicy plugin.
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "$(dirname "$0")/../../lib.sh"
cd "$(dirname "$0")/.."

# The text with which the plugin refuses a privileged pod.
NOT_PRIVILEGED='pods "pod-privileged" is forbidden: unable to validate against any pod security policy: '
NOT_PRIVILEGED+='[spec.containers[0].securityContext.privileged: Invalid value: true: '
NOT_PRIVILEGED+='Privileged containers are not allowed]'

step 'Alice and Bob may work in the namespace default, as everybody may in the Minikube of the book'
run kubectl create rolebinding alice-edits --clusterrole=edit --user=alice
expect 'rolebinding.rbac.authorization.k8s.io/alice-edits created'
run kubectl create rolebinding bob-edits --clusterrole=edit --user=bob
expect 'rolebinding.rbac.authorization.k8s.io/bob-edits created'
run kubectl --user alice auth can-i create pods
expect yes

step 'The policy default is the first one of section 13.3 again'
run kubectl apply -f pod-security-policy.yaml
expect_ok

step '12. A second policy, for privileged pods'
run kubectl create -f psp-privileged.yaml
expect 'podsecuritypolicy.extensions/privileged created'
run kubectl get psp
expect_row 'NAME PRIV CAPS SELINUX RUNASUSER FSGROUP SUPGROUP READONLYROOTFS VOLUMES'
expect_row 'default false RunAsAny RunAsAny RunAsAny RunAsAny true *'
expect_row 'privileged true RunAsAny RunAsAny RunAsAny RunAsAny false *'

step 'Alice may create pods, but may use no policy'
run kubectl --user alice create -f pod-as-user-guest.yaml
expect_refused 'Error from server (Forbidden): error when creating "pod-as-user-guest.yaml": pods '"$(
  )"'"pod-as-user-guest" is forbidden: unable to validate against any pod security policy: []'

step '13. A role that may use the policy default, and one for privileged'
run kubectl create clusterrole psp-default --verb=use --resource=podsecuritypolicies --resource-name=default
expect 'clusterrole.rbac.authorization.k8s.io/psp-default created'
run kubectl create clusterrole psp-privileged --verb=use --resource=podsecuritypolicies --resource-name=privileged
expect 'clusterrole.rbac.authorization.k8s.io/psp-privileged created'
expect_field clusterrole/psp-default '{.rules[0].resources[0]} {.rules[0].resourceNames[0]} {.rules[0].verbs[0]}' \
  'podsecuritypolicies default use'

step '14. Every authenticated user may use default'
run kubectl create clusterrolebinding psp-all-users --clusterrole=psp-default --group=system:authenticated
expect 'clusterrolebinding.rbac.authorization.k8s.io/psp-all-users created'

step '15. Only Bob may use privileged'
run kubectl create clusterrolebinding psp-bob --clusterrole=psp-privileged --user=bob
expect 'clusterrolebinding.rbac.authorization.k8s.io/psp-bob created'
run kubectl auth can-i use podsecuritypolicies/privileged --as bob
expect yes
run kubectl auth can-i use podsecuritypolicies/privileged --as alice
check 'Alice may not' test "$OUT" = no -a "$STATUS" = 1

step '16. Alice cannot create a privileged pod'
run kubectl --user alice create -f pod-privileged.yaml
expect_refused "Error from server (Forbidden): error when creating \"pod-privileged.yaml\": $NOT_PRIVILEGED"

step '17. Bob can'
run kubectl --user bob create -f pod-privileged.yaml
expect 'pod/pod-privileged created'
expect_field pod/pod-privileged '{.metadata.annotations.kubernetes\.io/psp}' privileged

step 'Alice may not even label it: her update would have to pass her own policy'
run kubectl --user alice label pod pod-privileged owner=alice
expect_refused "Error from server (Forbidden): $NOT_PRIVILEGED"
run kubectl --user bob label pod pod-privileged owner=bob
expect_ok

step 'An ordinary pod is admitted by default, changed, for Alice, and by privileged, unchanged, for Bob'
run kubectl --user alice run pod-of-alice --image alpine --restart Never
expect 'pod/pod-of-alice created'
expect_field pod/pod-of-alice '{.metadata.annotations.kubernetes\.io/psp}' default
expect_field pod/pod-of-alice '{.spec.containers[0].securityContext.readOnlyRootFilesystem}' true
run kubectl --user bob run pod-of-bob --image alpine --restart Never
expect 'pod/pod-of-bob created'
expect_field pod/pod-of-bob '{.metadata.annotations.kubernetes\.io/psp}' privileged
expect_field pod/pod-of-bob '{.spec.containers[0].securityContext}' ''

finish '13.3.5'
