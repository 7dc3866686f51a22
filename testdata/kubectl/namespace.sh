#!/usr/bin/env bash
# Deletes a namespace with objects of every kind while kubectl waits.
#
#   testdata/with-server -- testdata/kubectl/namespace.sh [OBJECTS_PER_KIND]
#
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

EACH=${1:-25}
NS=full

# The fields that each kind needs besides a name.
declare -A BODY=(
  [ConfigMap]='"data":{"a":"b"}'
  [ControllerRevision]='"revision":1,"data":{"a":"b"}'
  [CronJob]='"spec":{"schedule":"* * * * *","jobTemplate":{"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"i"}]}}}}}'
  [DaemonSet]='"spec":{"selector":{"matchLabels":{"a":"b"}},"template":TEMPLATE}'
  [Deployment]='"spec":{"selector":{"matchLabels":{"a":"b"}},"template":TEMPLATE}'
  [Endpoints]='"subsets":[]'
  [EndpointSlice]='"addressType":"IPv4","endpoints":[]'
  [Event]='"involvedObject":{"namespace":"full","kind":"Pod","name":"p"},"reason":"R","type":"Normal"'
  [HorizontalPodAutoscaler]='"spec":{"maxReplicas":2,"scaleTargetRef":{"kind":"Deployment","name":"d"}}'
  [Ingress]='"spec":{"defaultBackend":{"service":{"name":"s","port":{"number":80}}}}'
  [Job]='"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"i"}]}}}'
  [Lease]='"spec":{"holderIdentity":"h"}'
  [LimitRange]='"spec":{"limits":[]}'
  [NetworkPolicy]='"spec":{"podSelector":{}}'
  [PersistentVolumeClaim]='"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}'
  [Pod]='"spec":{"containers":[{"name":"c","image":"i"}]}'
  [PodDisruptionBudget]='"spec":{"minAvailable":1}'
  [PodTemplate]='"template":TEMPLATE'
  [ReplicaSet]='"spec":{"selector":{"matchLabels":{"a":"b"}},"template":TEMPLATE}'
  [ReplicationController]='"spec":{"selector":{"a":"b"},"template":TEMPLATE}'
  [ResourceQuota]='"spec":{"hard":{"pods":"999"}}'
  [Role]='"rules":[]'
  [RoleBinding]='"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"r"}'
  [Secret]='"type":"Opaque"'
  [Service]='"spec":{"ports":[{"port":80}]}'
  [ServiceAccount]='"secrets":[]'
  [StatefulSet]='"spec":{"serviceName":"s","selector":{"matchLabels":{"a":"b"}},"template":TEMPLATE}'
)
TEMPLATE='{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}'

# The resources of the server for which a body is known; sets KINDS.
objects() {
  local resource version kind body n
  while read -r resource version kind; do
    body=${BODY[$kind]:-}
    [[ -n $body && -z ${SEEN[$kind]:-} ]] || continue
    SEEN[$kind]=$resource
    for ((n = 0; n < EACH; n++)); do
      printf '{"apiVersion":"%s","kind":"%s","metadata":{"name":"o-%s","namespace":"%s"},%s}\n' \
        "$version" "$kind" "$n" "$NS" "${body//TEMPLATE/$TEMPLATE}"
    done
  done < <(kubectl api-resources --namespaced --verbs=create,deletecollection --no-headers |
    awk '{ print $1, $(NF-2), $NF }')
}
declare -A SEEN=()
objects >"$LIB_TMP/objects.json"
KINDS=${#SEEN[@]}

run kubectl create namespace "$NS"
expect_ok
step "$EACH objects of each of $KINDS kinds"
STATUS=0
kubectl create -f "$LIB_TMP/objects.json" >"$LIB_TMP/created" 2>"$LIB_TMP/err" || STATUS=$?
head -n 5 "$LIB_TMP/err" >&2
check 'all are created' test "$STATUS" = 0 -a "$(wc -l <"$LIB_TMP/created")" = $((KINDS * EACH))

begun=$(date +%s%N)
run kubectl delete namespace "$NS" --wait
expect_ok
took=$((($(date +%s%N) - begun) / 1000000))
printf 'deleted after %s ms (goal on a quiet machine: 2000): %s objects of %s kinds\n' "$took" $((KINDS * EACH)) "$KINDS"
run kubectl get namespace "$NS"
expect_refused 'Error from server (NotFound): namespaces "full" not found'
check 'nothing is left' test -z "$(kubectl get pods,configmaps,secrets --all-namespaces --no-headers 2>/dev/null | grep "^$NS ")"

finish
