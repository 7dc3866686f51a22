#!/usr/bin/env bash
# Two servers on one etcd: the objects of this server are stored where and as kube-apiserver would read them
# with --storage-media-type=application/json, and the objects of kube-apiserver are served. Starts and stops
# its own server and etcd.
#
#   PORTCULLIS=target/release/portcullis testdata/kubectl/interchange.sh
#
# shellcheck source-path=SCRIPTDIR source=../server.sh
. "$(dirname "$0")/../server.sh"

etcd_get() { etcdctl --endpoints "$ETCD_URL" get --print-value-only "$1"; }
etcd_keys() { etcdctl --endpoints "$ETCD_URL" get --prefix --keys-only /registry/; }
etcd_put() { etcdctl --endpoints "$ETCD_URL" put "$1" >/dev/null; } # the value comes on stdin

# field KEY PATH: a field of the JSON under a key; a PATH of `.` is the names of all top fields.
field() {
  etcd_get "$1" | python3 -c '
import json, sys
value = json.load(sys.stdin)
for part in filter(None, sys.argv[1].split(".")):
    value = value.get(part, "absent")
print(" ".join(value) if sys.argv[1] == "." else json.dumps(value).strip("\""))' "$2"
}

# is KEY PATH TEXT: the stored field is TEXT.
is() { check "$1 has $2 $3" test "$(field "$1" "$2")" = "$3"; }

what_is_written() {
  step 'Objects are stored where kube-apiserver reads them'
  run kubectl create configmap ours --from-literal=a=b
  run kubectl create secret generic ours --from-literal=a=b
  run kubectl create deployment ours --image=nginx:alpine
  run kubectl create clusterrole ours --verb=get --resource=pods
  run kubectl create role ours --verb=get --resource=pods
  run kubectl create rolebinding ours --role=ours --user=alice
  run kubectl run ours --image=nginx:alpine --restart=Never
  etcd_keys >"$WORK/keys"
  local key
  for key in namespaces/default configmaps/default/ours secrets/default/ours deployments/default/ours \
    clusterroles/ours roles/default/ours rolebindings/default/ours \
    pods/default/ours serviceaccounts/default/default; do
    check "a key /registry/$key" grep -qx "/registry/$key" "$WORK/keys"
  done

  step 'It is JSON as kube-apiserver writes it: the stored version, with a type and no version of its own'
  is /registry/configmaps/default/ours kind ConfigMap
  is /registry/configmaps/default/ours apiVersion v1
  is /registry/configmaps/default/ours data.a b
  is /registry/secrets/default/ours data.a Yg==
  is /registry/deployments/default/ours apiVersion apps/v1
  is /registry/deployments/default/ours spec.replicas 1
  is /registry/clusterroles/ours apiVersion rbac.authorization.k8s.io/v1
  is /registry/pods/default/ours spec.restartPolicy Never
  is /registry/pods/default/ours status.phase Pending
  for key in configmaps pods deployments; do
    is "/registry/$key/default/ours" metadata.resourceVersion absent
    is "/registry/$key/default/ours" metadata.selfLink absent
    is "/registry/$key/default/ours" metadata.namespace default
    check "/registry/$key/default/ours has a uid" test "$(field "/registry/$key/default/ours" metadata.uid)" != absent
  done
}

METADATA='"namespace":"default","uid":"6f1d6a4b-0a3c-4a7e-9c55-0d2f2f6f0001","creationTimestamp":"2021-03-04T05:06:07Z"'

what_is_found() {
  step 'Objects of kube-apiserver are served'
  # Its order of fields, and the line end of Go'\''s encoder.
  etcd_put /registry/configmaps/default/theirs <<JSON
{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"theirs",$METADATA,"labels":{"from":"elsewhere"}},"data":{"a":"b"}}
JSON
  etcd_put /registry/deployments/default/theirs <<JSON
{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"theirs",$METADATA,"generation":1},"spec":{"replicas":2,"selector":{"matchLabels":{"app":"theirs"}},"template":{"metadata":{"creationTimestamp":null,"labels":{"app":"theirs"}},"spec":{"containers":[{"name":"main","image":"nginx:alpine","resources":{},"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File","imagePullPolicy":"IfNotPresent"}],"restartPolicy":"Always","terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst","securityContext":{},"schedulerName":"default-scheduler"}},"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":"25%","maxSurge":"25%"}},"revisionHistoryLimit":10,"progressDeadlineSeconds":600},"status":{}}
JSON
  expect_field configmap/theirs '{.data.a} {.metadata.uid}' 'b 6f1d6a4b-0a3c-4a7e-9c55-0d2f2f6f0001'
  run kubectl get configmaps -l from=elsewhere -o name
  expect configmap/theirs
  run kubectl scale deployment theirs --replicas=3
  expect_part 'deployment.apps/theirs scaled'
  is /registry/deployments/default/theirs spec.replicas 3
  run kubectl label configmap theirs more=labels
  expect_part 'configmap/theirs labeled'
  is /registry/configmaps/default/theirs metadata.labels.more labels
  run kubectl delete configmap theirs
  expect_part 'configmap "theirs" deleted'
}

what_cannot_be_read() {
  step 'An unreadable object is named, affects no other, and can be deleted'
  printf 'k8s\0\n\017\n\002v1\022\tConfigMap\022\001\377' | etcd_put /registry/configmaps/default/broken
  run kubectl get configmap broken
  expect_refused_part /registry/configmaps/default/broken
  run kubectl get configmap ours -o name
  expect configmap/ours
  run kubectl delete configmap broken
  expect_part 'configmap "broken" deleted'
  run kubectl get configmaps ours -o name
  expect configmap/ours
}

STORE=etcd start_portcullis "${PLAIN_FLAGS[@]}"
use_kubeconfig "$WORK/data/admin.kubeconfig"
check 'the default service account is there' until_true 20 kubectl get serviceaccount default
what_is_written
what_is_found
what_cannot_be_read
stop_portcullis
finish interchange
