#!/usr/bin/env bash
# A release from its installation to its end: HELM=PROGRAM testdata/matrix/helm.sh. testdata/suites/kubelet.py
# reports the chart's pods as running, so that --wait ends.
#
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$(dirname "$0")/../.."

helm=$(realpath "${HELM:-$(command -v helm)}")
chart=testdata/matrix/chart
export HELM_CACHE_HOME=$LIB_TMP/cache HELM_CONFIG_HOME=$LIB_TMP/config HELM_DATA_HOME=$LIB_TMP/data
# kubelet.py reads the usual path.
mkdir -p "$HOME/.kube"
cp "${KUBECONFIG%%:*}" "$HOME/.kube/config"
kubectl apply -f - >/dev/null <<'YAML'
apiVersion: v1
kind: Node
metadata: {name: node-1}
YAML
testdata/suites/kubelet.py &
at_exit kill $!
for _ in {1..100}; do kubectl get serviceaccount default >/dev/null 2>&1 && break; sleep 0.1; done

step 'Installed, with a definition, a hook and workloads'
run "$helm" install web "$chart" --wait --timeout 50s
expect_part 'STATUS: deployed' 'REVISION: 1'
expect_field configmap/web-before '{.data.revision}' 1
expect_field widget/web '{.spec.greeting}' hello
expect_field pod/web '{.status.phase}' Running

step 'Upgraded, with nothing and with something changed'
run "$helm" upgrade web "$chart" --wait --timeout 50s
expect_part 'REVISION: 2'
run "$helm" upgrade web "$chart" --set greeting=hi --wait --timeout 50s
expect_part 'REVISION: 3'
expect_field configmap/web '{.data.greeting}' hi
expect_field widget/web '{.spec.greeting}' hi
expect_field configmap/web-before '{.data.revision}' 3

step 'Refused by the definition'
run "$helm" upgrade web "$chart" --set greeting= --timeout 50s
expect_refused_part 'spec.greeting'

step 'Rolled back'
run "$helm" rollback web 1 --wait --timeout 50s
expect_part 'Rollback was a success'
expect_field widget/web '{.spec.greeting}' hello
run "$helm" history web
expect_part 'superseded' 'deployed'
run "$helm" get manifest web
expect_part 'kind: Widget'

step 'Uninstalled; a definition is kept'
run "$helm" uninstall web --wait --timeout 50s
expect_part 'uninstalled'
run kubectl get configmap,service,pod,widget -o name
check 'nothing of the release is left' test -z "$(grep -E '/web$' <<<"$OUT")"
run kubectl get customresourcedefinition widgets.matrix.example.com -o name
expect_ok
finish
