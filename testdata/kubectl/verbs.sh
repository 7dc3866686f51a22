#!/usr/bin/env bash
# The verbs that controllers and people use, with kubectl: apply in its three ways, diff, replace, patches,
# scale, wait, deletions, pages, watches, rollouts. KUBECONFIG is a cluster-admin's.
#
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$(dirname "$0")"

minor=$(kubectl version --client -o json | sed -n 's/.*"minor": "\([0-9]*\).*/\1/p')
new() { ((minor >= 24)); }
namespace=verbs-$minor

web() { # REPLICAS IMAGE
  cat <<TEXT
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: $1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: main, image: "$2"}
TEXT
}

map() { # NAME VALUE
  printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {colour: %s}\n' "$1" "$2"
}

# Whether there is an entry of managed fields: OBJECT 'MANAGER OPERATION [SUBRESOURCE]'.
wrote() {
  local with=()
  ! new || with=(--show-managed-fields)
  kubectl get "$1" "${with[@]}" \
    -o 'jsonpath={range .metadata.managedFields[*]}{.manager} {.operation} {.subresource}{"\n"}{end}' |
    sed 's/ *$//' | grep -qx "$2"
}

# Writes the status of a deployment as its controller would: NAME STATUS. This avoids `--subresource`, which
# kubectl 1.20 lacks.
put_status() {
  kubectl patch deployment "$1" --dry-run=client -o json --type merge -p "{\"status\":$2}" >"$LIB_TMP/status.json"
  kubectl replace --raw "/apis/apps/v1/namespaces/$namespace/deployments/$1/status" -f "$LIB_TMP/status.json" >/dev/null
}

step "kubectl 1.$minor in a namespace of its own"
run kubectl create namespace "$namespace"
expect "namespace/$namespace created"
kubectl config view --raw --minify >"$LIB_TMP/kubeconfig"
export KUBECONFIG=$LIB_TMP/kubeconfig
kubectl config set-context --current --namespace "$namespace" >/dev/null

step 'apply by the client, then by the server'
web 1 web:1 >"$LIB_TMP/web.yaml"
run kubectl apply -f "$LIB_TMP/web.yaml"
expect 'deployment.apps/web created'
run kubectl apply -f "$LIB_TMP/web.yaml"
expect 'deployment.apps/web unchanged'
run kubectl apply --server-side -f "$LIB_TMP/web.yaml"
if new; then expect 'deployment.apps/web serverside-applied'; else expect_part web serverside-applied; fi
check 'kubectl applies' wrote deployment/web 'kubectl Apply'
web 2 web:2 >"$LIB_TMP/web.yaml"
run kubectl apply --server-side -f "$LIB_TMP/web.yaml"
expect_ok
expect_field deployment/web '{.spec.replicas} {.spec.template.spec.containers[0].image}' '2 web:2'

step 'Conflicting managers'
web 3 web:2 >"$LIB_TMP/other.yaml"
run kubectl apply --server-side --field-manager=other -f "$LIB_TMP/other.yaml"
expect_refused_part 'conflict with "kubectl"' .spec.replicas
run kubectl apply --server-side --field-manager=other --force-conflicts -f "$LIB_TMP/other.yaml"
expect_ok
expect_field deployment/web '{.spec.replicas}' 3
check 'both apply now' wrote deployment/web 'other Apply'
check 'and the first still does' wrote deployment/web 'kubectl Apply'
run kubectl apply --server-side -f "$LIB_TMP/web.yaml"
expect_refused_part 'conflict with "other"'

step 'diff shows what would change, and changes nothing'
web 4 web:3 >"$LIB_TMP/web.yaml"
KUBECTL_EXTERNAL_DIFF='diff -u' run kubectl diff -f "$LIB_TMP/web.yaml"
check 'a difference is exit status 1' test "$STATUS" = 1
check 'of the image' grep -q '^+.*image: web:3' <<<"$OUT"
expect_field deployment/web '{.spec.template.spec.containers[0].image}' web:2
run kubectl diff --server-side --force-conflicts -f "$LIB_TMP/web.yaml"
check 'a difference is exit status 1' test "$STATUS" = 1

step 'replace'
map settings red | kubectl create -f - >/dev/null
map settings blue >"$LIB_TMP/settings.yaml"
run kubectl replace -f "$LIB_TMP/settings.yaml"
expect 'configmap/settings replaced'
expect_field configmap/settings '{.data.colour}' blue
uid=$(kubectl get configmap settings -o 'jsonpath={.metadata.uid}')
run kubectl replace --force -f "$LIB_TMP/settings.yaml"
expect_part 'configmap/settings replaced'
check 'by force, it is another object' test "$(kubectl get configmap settings -o 'jsonpath={.metadata.uid}')" != "$uid"
run kubectl replace -f <(map absent red)
expect_refused_part 'configmaps "absent" not found'

step 'Patches of three types'
run kubectl patch deployment web --type strategic -p '{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"side:1"}]}}}}'
expect 'deployment.apps/web patched'
expect_field deployment/web '{.spec.template.spec.containers[*].name}' 'side main'
run kubectl patch deployment web --type json -p '[{"op":"remove","path":"/spec/template/spec/containers/0"}]'
expect 'deployment.apps/web patched'
expect_field deployment/web '{.spec.template.spec.containers[*].name}' main
run kubectl patch deployment web --type json -p '[{"op":"test","path":"/spec/replicas","value":77}]'
check 'a test that fails is refused' test "$STATUS" = 1
run kubectl patch deployment web --type merge -p '{"metadata":{"labels":{"tier":"front"}}}'
expect 'deployment.apps/web patched'
run kubectl patch deployment web --type merge -p '{"metadata":{"labels":{"tier":"front"}}}'
expect 'deployment.apps/web patched (no change)'

step 'scale'
run kubectl scale deployment web --replicas=5
expect 'deployment.apps/web scaled'
expect_field deployment/web '{.spec.replicas}' 5
run kubectl scale deployment web --current-replicas=4 --replicas=6
expect_refused_part 'Expected replicas to be 4, was 5'
run kubectl scale deployment web --current-replicas=5 --replicas=2
expect 'deployment.apps/web scaled'
check 'the manager that scales owns the replicas' wrote deployment/web 'kubectl Update scale'
if kubectl api-resources --api-group=autoscaling -o name | grep -q horizontalpodautoscalers; then
  run kubectl autoscale deployment web --min=2 --max=5 --cpu-percent=80
  expect 'horizontalpodautoscaler.autoscaling/web autoscaled'
fi

step 'rollout status of a deployment that its controller does not reach, then does'
run kubectl rollout status deployment web --timeout=2s
check 'it waits in vain' test "$STATUS" != 0
generation=$(kubectl get deployment web -o 'jsonpath={.metadata.generation}')
put_status web "{\"observedGeneration\":$generation,\"replicas\":2,\"updatedReplicas\":2,\"readyReplicas\":2,
  \"availableReplicas\":2,\"conditions\":[{\"type\":\"Available\",\"status\":\"True\"}]}"
run kubectl rollout status deployment web --timeout=30s
expect 'deployment "web" successfully rolled out'
run kubectl wait deployment web --for=condition=Available --timeout=30s
expect 'deployment.apps/web condition met'
run kubectl wait deployment web --for=condition=Progressing --timeout=1s
expect_refused_part 'timed out waiting for the condition'
run kubectl rollout restart deployment web
expect 'deployment.apps/web restarted'
run kubectl rollout pause deployment web
expect 'deployment.apps/web paused'
run kubectl rollout resume deployment web
expect 'deployment.apps/web resumed'
run kubectl rollout history deployment web
expect_part 'deployment.apps/web'

# watching ARGUMENT...: starts a kubectl that watches, and returns when it does; what it shows is in
# LIB_TMP/watched. `ended` waits for its end.
watching() {
  shown kubectl "$@"
  : >"$LIB_TMP/watching" # of the watch before
  kubectl -v=6 "$@" >"$LIB_TMP/watched" 2>"$LIB_TMP/watching" &
  WATCHER=$!
  until_true 30 grep -q 'watch=true' "$LIB_TMP/watching" || failed 'kubectl watches' "$(tail -n 3 "$LIB_TMP/watching")"
}
ended() {
  wait "$WATCHER" 2>/dev/null || true
  cat "$LIB_TMP/watched"
}

step 'wait'
map going red | kubectl create -f - >/dev/null
watching wait configmap going --for=delete --timeout=60s
run kubectl delete configmap going
ended
check 'it says what is gone' grep -q '^configmap/going ' "$LIB_TMP/watched"

step 'Pages, and watches of changes'
for i in 1 2 3 4 5; do map "page-$i" red | kubectl create -f - >/dev/null; done
run kubectl get configmaps --chunk-size=2 -o name
expect_part configmap/page-1 configmap/page-5
check 'each of them once' test "$(grep -c page- <<<"$OUT")" = 5
watching get configmap page-3 --watch-only -o 'jsonpath={.data.colour}{"\n"}'
run kubectl patch configmap page-3 -p '{"data":{"colour":"green"}}'
expect 'configmap/page-3 patched'
until_true 30 test -s "$LIB_TMP/watched" || true
kill "$WATCHER"
ended
check 'only the change is shown' test "$(<"$LIB_TMP/watched")" = green

step 'Deletions, and their effect on dependents'
owner() { # NAME: an owner and its dependent
  map "$1" red | kubectl create -f - >/dev/null
  uid=$(kubectl get configmap "$1" -o 'jsonpath={.metadata.uid}')
  map "$1-child" red | kubectl create -f - >/dev/null
  kubectl patch configmap "$1-child" --type merge >/dev/null -p \
    "{\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"name\":\"$1\",\"uid\":\"$uid\",\"blockOwnerDeletion\":true}]}}"
}
gone() { ! kubectl get configmap "$1" >/dev/null 2>&1; }
for how in background foreground orphan; do
  owner "own-$how"
  run kubectl delete configmap "own-$how" --cascade="$how" --timeout=30s
  expect_part "configmap \"own-$how\" deleted"
  check 'it is gone' until_true 30 gone "own-$how"
  if [[ $how == orphan ]]; then
    expect_field configmap/own-orphan-child '{.metadata.ownerReferences}' ''
  else
    check 'its dependent goes too' until_true 30 gone "own-$how-child"
  fi
done

run kubectl delete namespace "$namespace" --timeout=30s
expect_part "namespace \"$namespace\" deleted"

finish
