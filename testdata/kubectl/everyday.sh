#!/usr/bin/env bash
# Everyday work with kubectl, without --validate=false. KUBECONFIG is a cluster-admin's with the users alice
# and bob; the server runs with PodSecurityPolicy.
#
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$(dirname "$0")"

# A context in the namespace everyday, and two users that the server does not know.
more_kubeconfig() {
  cat <<TEXT
apiVersion: v1
kind: Config
current-context: everyday
contexts:
- name: everyday
  context:
    namespace: everyday
    cluster: $(kubectl config view -o 'jsonpath={.contexts[0].context.cluster}')
    user: $(kubectl config view -o 'jsonpath={.contexts[0].context.user}')
users:
- name: mallory
  user: {username: alice, password: wrong}
- name: nobody
  user: {token: unknown}
TEXT
}

# The output of `kubectl api-resources -o wide`, in the format of newer versions: 1.20 shows verbs as
# `[get list]`, and no categories.
served() { sed -E '1d; :a; s/(\[[^]]*) /\1,/; ta; s/[][]//g' <<<"$OUT" | tr -s ' ' | sed 's/ $//' | sort; }
wanted() {
  if [[ $OUT == *CATEGORIES* ]]; then cat ../api-resources.tsv; else cut -f 1-6 ../api-resources.tsv; fi |
    tr -s ' \t' ' ' | sed 's/ $//' | sort
}

uid_of() { kubectl get "$1" -o 'jsonpath={.metadata.uid}' || true; }

step 'The server'
run kubectl version -o json
expect_part '"gitVersion": "v1.24.17+portcullis.'
run kubectl get --raw /readyz
expect ok
SHOW_LINES=12 run kubectl api-resources
expect_row 'NAME SHORTNAMES APIVERSION NAMESPACED KIND'
expect_row 'pods po v1 true Pod'
expect_row 'networkpolicies netpol networking.k8s.io/v1 true NetworkPolicy'
expect_row 'podsecuritypolicies psp policy/v1beta1 false PodSecurityPolicy'
run kubectl api-versions
expect_part extensions/v1beta1 policy/v1beta1 rbac.authorization.k8s.io/v1
run kubectl get namespaces
expect_part default kube-system kube-public kube-node-lease

run kubectl cluster-info # in colours, if kubectl is old
expect_part 'Kubernetes control plane' 'is running at' "$(kubectl config view -o 'jsonpath={.clusters[0].cluster.server}')"
until_true 30 kubectl -n default get service kubernetes >/dev/null 2>&1 || true
run kubectl -n default get service kubernetes
expect_row 'NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE'
expect_part '443/TCP'

step 'A new namespace can be used immediately'
run kubectl create namespace everyday
expect 'namespace/everyday created'
more_kubeconfig >"$LIB_TMP/kubeconfig"
export KUBECONFIG=$LIB_TMP/kubeconfig:$KUBECONFIG
check 'its service account is there' until_true 30 kubectl get serviceaccount default
run kubectl get pods
expect ''
check 'No resources found in everyday namespace.' test "$ERR" = 'No resources found in everyday namespace.'

step 'apply: created, unchanged, configured'
run kubectl apply -f ../chapter13/psp-privileged.yaml
expect_part 'podsecuritypolicy.extensions/privileged '
run kubectl apply -f web.yaml
expect 'pod/web created'
run kubectl apply -f web.yaml
expect 'pod/web unchanged'
uid=$(uid_of pod/web)
run kubectl apply -f web-changed.yaml
expect 'pod/web configured'
expect_field pod/web '{.spec.containers[0].image}' alpine:3.19
expect_field pod/web '{.metadata.labels.tier}' ''
expect_field pod/web '{.metadata.annotations.portcullis\.test/note}' second
check 'it is the same pod' test "$(uid_of pod/web)" = "$uid"
run kubectl apply -f several.yaml
expect_part 'serviceaccount/robot created' 'secret/keys created' 'role.rbac.authorization.k8s.io/reader created' \
  'rolebinding.rbac.authorization.k8s.io/robot-reads created'
run kubectl apply -f netpol.yaml -f settings.yaml
expect_part 'networkpolicy.networking.k8s.io/web-only created' 'configmap/settings created'
run kubectl apply -f settings-changed.yaml
expect 'configmap/settings configured'
expect_field configmap/settings '{.data.colour} {.data.shape} {.data.size}' 'red round '
expect_field secret/keys '{.data.user}' cm9ib3Q=

step 'get, in its many forms'
run kubectl get pods
expect_row 'NAME READY STATUS RESTARTS AGE'
expect_part 'web' '0/1' Pending
run kubectl get pods -o wide
expect_row 'NAME READY STATUS RESTARTS AGE IP NODE NOMINATED NODE READINESS GATES'
run kubectl get pod web -o yaml
expect_part 'kind: Pod' '  name: web' '  namespace: everyday' 'image: alpine:3.19' 'phase: Pending'
run kubectl get pod web -o json
expect_part '"kind": "Pod"' '"name": "web"'
run kubectl get pods -o name
expect pod/web
run kubectl get pods,networkpolicies,configmaps -o name
expect_part pod/web networkpolicy.networking.k8s.io/web-only configmap/settings
run kubectl get pods -l app=web,tier!=front -o name
expect pod/web
run kubectl get pods -l 'app in (db, cache)' -o name
expect ''
run kubectl get pods --field-selector metadata.name=web,status.phase=Pending -o name
expect pod/web
run kubectl get pods --field-selector status.phase=Running -o name
expect ''
run kubectl get pods --all-namespaces --show-labels
expect_row 'NAMESPACE NAME READY STATUS RESTARTS AGE LABELS'
expect_part app=web
run kubectl get configmaps --sort-by=.metadata.name
expect_row 'NAME DATA AGE'
run kubectl get pods -o custom-columns=POD:.metadata.name,IMAGE:.spec.containers[0].image
expect_row 'POD IMAGE'
expect_row 'web alpine:3.19'
run kubectl get psp privileged -o yaml
expect_part 'kind: PodSecurityPolicy' 'privileged: true' "- '*'"
run kubectl get clusterroles edit view admin cluster-admin -o name
expect_part clusterrole.rbac.authorization.k8s.io/edit clusterrole.rbac.authorization.k8s.io/cluster-admin
run kubectl get pod nothing
expect_refused 'Error from server (NotFound): pods "nothing" not found'
run kubectl get events
expect_ok

step 'describe'
run kubectl describe pod web
expect_row 'Name: web'
expect_row 'Namespace: everyday'
expect_part 'Image:' 'alpine:3.19' 'COLOUR:' Events:
run kubectl describe psp privileged
expect_row 'Name: privileged'
run kubectl describe networkpolicy web-only
expect_part 'PodSelector:     app=web' 'To Port: 80/TCP' 'PodSelector: app=front'
run kubectl describe role reader
expect_row 'pods [] [] [get list watch]'
expect_row 'pods/log [] [] [get list watch]'
run kubectl describe rolebinding robot-reads
expect_row 'ServiceAccount robot everyday'
run kubectl describe clusterrole cluster-admin
expect_row '*.* [] [] [*]'
run kubectl describe clusterrolebinding cluster-admin
expect_row 'Group system:masters'
run kubectl describe configmap settings
expect_part colour: red
run kubectl describe secret keys
expect_row 'user: 5 bytes'
run kubectl describe serviceaccount robot
expect_row 'Name: robot'
run kubectl describe namespace everyday
expect_row 'Status: Active'

step 'get -w shows changes as they happen'
shown kubectl get pods -w
timeout 90 kubectl get pods -w >"$LIB_TMP/watch" 2>&1 &
watcher=$!
until_true 30 grep -q '^web ' "$LIB_TMP/watch" || true
run kubectl run visitor --image alpine --restart Never
expect 'pod/visitor created'
run kubectl delete pod visitor
expect_part 'pod "visitor" deleted'
until_true 30 grep -q '^visitor ' "$LIB_TMP/watch" || true
kill "$watcher" 2>/dev/null || true
wait "$watcher" 2>/dev/null || true
cat "$LIB_TMP/watch"
check 'the watch shows web, which was there' grep -q '^web ' "$LIB_TMP/watch"
check 'the watch shows the new pod visitor' grep -q '^visitor ' "$LIB_TMP/watch"
check 'one heading only' test "$(grep -c '^NAME ' "$LIB_TMP/watch")" = 1

step 'explain'
run kubectl explain pod.spec.securityContext
expect_part runAsUser fsGroup supplementalGroups 'SecurityContext holds pod-level security attributes'
run kubectl explain psp.spec
expect_part allowedCapabilities runAsUser readOnlyRootFilesystem
run kubectl explain networkpolicy.spec.ingress.from
expect_part ipBlock namespaceSelector podSelector

step 'label and annotate'
run kubectl label pod web tier=back
expect_part 'pod/web labeled'
run kubectl label pod web tier=front
expect_refused_part "'tier' already has a value (back), and --overwrite is false"
run kubectl label pod web tier=front --overwrite
expect_part 'pod/web labeled'
expect_field pod/web '{.metadata.labels.tier}' front
run kubectl label pod web tier-
expect_ok
expect_field pod/web '{.metadata.labels.tier}' ''
run kubectl annotate pod web portcullis.test/owner=me
expect_ok
expect_field pod/web '{.metadata.annotations.portcullis\.test/owner}' me

step 'edit'
run env EDITOR=cat kubectl edit configmap settings
check 'nothing changed' grep -qF 'Edit cancelled, no changes made.' <<<"$OUT$ERR"
cat >"$LIB_TMP/paint" <<'TEXT'
#!/bin/sh
sed 's/colour: red/colour: blue/' "$1" >"$1.new" && cat "$1.new" >"$1" && rm "$1.new"
TEXT
chmod +x "$LIB_TMP/paint"
run env "EDITOR=$LIB_TMP/paint" kubectl edit configmap settings
expect 'configmap/settings edited'
expect_field configmap/settings '{.data.colour}' blue
run env EDITOR=cat kubectl edit psp privileged
check 'nothing changed' grep -qF 'Edit cancelled, no changes made.' <<<"$OUT$ERR"

step 'patch, in three ways'
run kubectl patch pod web -p '{"spec":{"containers":[{"name":"main","image":"alpine:3.20"}]}}'
expect 'pod/web patched'
expect_field pod/web '{.spec.containers[0].image} {.spec.containers[0].env[0].name}' 'alpine:3.20 COLOUR'
run kubectl patch configmap settings --type merge -p '{"data":{"shape":null,"weight":"heavy"}}'
expect 'configmap/settings patched'
expect_field configmap/settings '{.data.shape}/{.data.weight}' /heavy
run kubectl patch configmap settings --type json -p '[{"op":"replace","path":"/data/weight","value":"light"}]'
expect 'configmap/settings patched'
expect_field configmap/settings '{.data.weight}' light
run kubectl patch configmap settings --type json -p '[{"op":"test","path":"/data/weight","value":"heavy"}]'
expect_refused_part 'The request is invalid'
run kubectl patch configmap settings --type merge -p '{"data":{"weight":"light"}}'
expect 'configmap/settings patched (no change)'

step 'dry runs change nothing'
run kubectl create configmap dry --from-literal=a=b --dry-run=server
expect 'configmap/dry created (server dry run)'
run kubectl get configmap dry
expect_refused 'Error from server (NotFound): configmaps "dry" not found'
run kubectl apply -f settings.yaml --dry-run=server
expect 'configmap/settings configured (server dry run)'
expect_field configmap/settings '{.data.colour}' blue
run kubectl delete configmap settings --dry-run=server
expect_ok
expect_field configmap/settings '{.data.colour}' blue

step 'diff shows what apply would change'
run kubectl diff -f settings.yaml
check 'exit status 1: there are differences' test "$STATUS" = 1
check 'the old value' grep -q '^-  colour: blue' <<<"$OUT"
check 'the new value' grep -q '^+  colour: green' <<<"$OUT"

step 'replace'
run kubectl replace -f settings.yaml
expect 'configmap/settings replaced'
expect_field configmap/settings '{.data}' '{"colour":"green","size":"large"}'
run kubectl diff -f settings.yaml
check 'exit status 0: no difference' test "$STATUS" = 0
run kubectl replace -f - <<<'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings","resourceVersion":"1"}}'
expect_refused_part 'Error from server (Conflict): ' \
  'Operation cannot be fulfilled on configmaps "settings": the object has been modified; please apply your changes to the latest version and try again'
run kubectl replace -f - <<<'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"absent"}}'
expect_refused_part 'configmaps "absent" not found'

step 'create, for kinds with a generator'
run kubectl create configmap made --from-literal=a=b
expect 'configmap/made created'
run kubectl create configmap made --from-literal=a=b
expect_refused_part 'configmaps "made" already exists'
run kubectl create secret generic secret-made --from-literal=password=hunter2
expect 'secret/secret-made created'
run kubectl create serviceaccount made
expect 'serviceaccount/made created'
run kubectl create role made --verb=get,list --resource=configmaps
expect 'role.rbac.authorization.k8s.io/made created'
run kubectl create rolebinding made --role=made --user=alice
expect 'rolebinding.rbac.authorization.k8s.io/made created'

step 'auth can-i'
run kubectl auth can-i '*' '*' --all-namespaces
expect yes
run kubectl auth can-i list configmaps --as alice
expect yes
run kubectl auth can-i delete configmaps --as alice
check 'no, with exit status 1' test "$OUT/$STATUS" = no/1
run kubectl --user alice auth can-i list configmaps
expect yes
run kubectl auth can-i list pods --as "system:serviceaccount:everyday:robot"
expect yes
run kubectl auth can-i list pods --subresource log --as "system:serviceaccount:everyday:robot"
expect yes
run kubectl auth can-i use psp/privileged --as alice
check 'no, with exit status 1' test "$OUT/$STATUS" = no/1
run kubectl auth can-i --list --as alice
expect_part configmaps selfsubjectaccessreviews
run kubectl get secrets --as alice
expect_refused "Error from server (Forbidden): secrets is forbidden: User \"alice\" cannot list resource $(
  )\"secrets\" in API group \"\" in the namespace \"everyday\""

step 'The rules of aggregated roles: edit may change pods and not roles, view may not read secrets'
run kubectl create rolebinding bob-edits --clusterrole=edit --user=bob
expect_ok
run kubectl --user bob create configmap of-bob --from-literal=a=b
expect 'configmap/of-bob created'
run kubectl --user bob create role of-bob --verb=get --resource=pods
expect_refused_part 'User "bob" cannot create resource "roles" in API group "rbac.authorization.k8s.io" in the namespace "everyday"'
run kubectl create rolebinding carol-views --clusterrole=view --user=carol
expect_ok
run kubectl auth can-i get configmaps --as carol
expect yes
run kubectl auth can-i get secrets --as carol
check 'no, with exit status 1' test "$OUT/$STATUS" = no/1
run kubectl create rolebinding dave-admins --clusterrole=admin --user=dave
expect_ok
run kubectl auth can-i create roles --as dave
expect yes

step 'Wrong input is refused with the server'"'"'s text, and the server continues'
run kubectl get gizmos
expect_refused 'error: the server doesn'"'"'t have a resource type "gizmos"'
run kubectl get --raw /api/v1/namespaces/everyday/gizmos
expect_refused_part 'Error from server (NotFound): the server could not find the requested resource'
run kubectl create configmap Bad_Name
expect_refused_part 'ConfigMap "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name"'
run kubectl create -f - <<<'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x"},"spec":{"containers":[{"name":"a","image":"b","bogus":1}]}}'
expect_refused_part bogus
run kubectl create -f - <<<'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"y"},"spec":{"hostNetwork":"maybe","containers":[{"name":"a","image":"b"}]}}'
expect_refused_part hostNetwork
run kubectl create -f - <<<'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"z"},"spec":{"containers":[]}}'
expect_refused_part 'spec.containers: Required value'
printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"broken"' >"$LIB_TMP/broken.json"
run kubectl create --raw /api/v1/namespaces/everyday/configmaps -f "$LIB_TMP/broken.json"
expect_refused_part 'Error from server (BadRequest): '
printf '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"broken"}}' >"$LIB_TMP/other.json"
run kubectl create --raw /api/v1/namespaces/everyday/configmaps -f "$LIB_TMP/other.json"
expect_refused_part 'Error from server (BadRequest): '
printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"broken"},"data":{"a":1}}' >"$LIB_TMP/types.json"
run kubectl create --raw /api/v1/namespaces/everyday/configmaps -f "$LIB_TMP/types.json"
expect_refused_part 'Error from server (BadRequest): '
{
  printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"big"},"data":{"a":"'
  head -c 3200000 /dev/zero | tr '\0' a
  printf '"}}'
} >"$LIB_TMP/big.json"
run kubectl create --raw /api/v1/namespaces/everyday/configmaps -f "$LIB_TMP/big.json"
expect_refused_part 'limit is 3145728'
run kubectl get --raw /apis/nothing.example/v1/things
expect_refused_part NotFound
run kubectl --user mallory get pods
expect_refused_part 'You must be logged in to the server'
run kubectl --user nobody get pods
expect_refused_part 'You must be logged in to the server'
run kubectl get --raw /readyz
expect ok

step 'The other kinds'
run kubectl apply -f kinds.yaml
expect_part 'cronjob.batch/nightly created' 'event.events.k8s.io/tick created'
run kubectl get cj,hpa,ing,ingressclasses,pdb
expect_part 'cronjob.batch/nightly   0 3 * * *   False     0        <none> ' \
  'horizontalpodautoscaler.autoscaling/web   Deployment/web   <unknown>/80%   1         5         0 ' \
  'ingress.networking.k8s.io/web   plain   web.example.com             80 ' \
  'ingressclass.networking.k8s.io/plain   example.com/plain   <none> ' \
  'poddisruptionbudget.policy/web   1               N/A               0 '
run kubectl get --raw /apis/autoscaling/v1/namespaces/everyday/horizontalpodautoscalers/web
expect_part '"apiVersion":"autoscaling/v1"' '"targetCPUUtilizationPercentage":80'
run kubectl get event tick -o 'jsonpath={.apiVersion} {.message}'
expect 'v1 it ticks'
run kubectl get csidrivers,csinodes,csistoragecapacities,volumeattachments,runtimeclasses
expect_part 'csi.example.com   true             false            false             <unset>         false               Persistent ' \
  'csinode.storage.k8s.io/worker   1 ' 'csistoragecapacity.storage.k8s.io/some   plain              1Gi' \
  'volumeattachment.storage.k8s.io/one   csi.example.com   disk   worker   false ' \
  'runtimeclass.node.k8s.io/sandbox   runsc '
run kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations
expect_part 'admissionregistration.k8s.io/asks   1 ' 'admissionregistration.k8s.io/changes   1 '
run kubectl get flowschemas,prioritylevelconfigurations,servicecidrs,ipaddresses,volumeattributesclasses
expect_part 'flowschema.flowcontrol.apiserver.k8s.io/robots   few             1000 ' \
  'prioritylevelconfiguration.flowcontrol.apiserver.k8s.io/few   Limited   30                         64 ' \
  'servicecidr.networking.k8s.io/more   10.9.0.0/24 ' 'ipaddress.networking.k8s.io/10.9.0.1   services/everyday/web ' \
  'volumeattributesclass.storage.k8s.io/fast   csi.example.com '
run kubectl get resourceclaims,resourceslices,deviceclasses,devicetaintrules,resourceclaimtemplates,storageversionmigrations
expect_part 'resourceclaim.resource.k8s.io/one-gpu   pending ' \
  'resourceslice.resource.k8s.io/worker-gpus   worker   gpu.example.com   worker ' 'deviceclass.resource.k8s.io/gpu ' \
  'devicetaintrule.resource.k8s.io/broken ' 'resourceclaimtemplate.resource.k8s.io/a-gpu-each ' \
  'storageversionmigration.storagemigration.k8s.io/again '
run kubectl api-resources -o wide
differs=$(comm -3 <(served) <(wanted))
check "what Kubernetes 1.24 serves and what is stable today is served, and nothing else: $differs" test -z "$differs"
run kubectl delete -f kinds.yaml
expect_part 'cronjob.batch "nightly" deleted' 'event.events.k8s.io "tick" deleted'

step 'delete waits, and ends'
run kubectl delete -f several.yaml
expect_part 'serviceaccount "robot" deleted' 'secret "keys" deleted'
run kubectl delete configmap made
expect_part 'configmap "made" deleted'
run kubectl delete pod web --wait
expect_part 'pod "web" deleted'
run kubectl delete pod web
expect_refused 'Error from server (NotFound): pods "web" not found'
run kubectl delete pod web --ignore-not-found
expect ''
run kubectl delete networkpolicies --all
expect_part 'networkpolicy.networking.k8s.io "web-only" deleted'
run kubectl delete namespace everyday --wait
expect_part 'namespace "everyday" deleted'
run kubectl get namespace everyday
expect_refused 'Error from server (NotFound): namespaces "everyday" not found'
run kubectl get configmaps --namespace everyday -o name
expect ''
run kubectl delete psp privileged
expect_part 'podsecuritypolicy'
run kubectl delete namespace kube-system
expect_refused_part 'Forbidden'

finish everyday
