#!/usr/bin/env bash
# Other projects' manifests, applied twice: the second time changes neither generation nor resourceVersion of
# any object, whether the client or the server computes the patch.
#
#   testdata/kubectl/applied-twice.sh [DIRECTORY...]
#
# KUBECONFIG is a cluster-admin's. Without directories it looks for checkouts of the projects below beside
# this one, and skips missing ones. Objects of kinds that the server does not serve are left out; a file that
# is refused the first time, such as a template, is named and not counted.
#
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"

beside=$(cd "$(dirname "$0")/../../.." && pwd)
PROJECTS=(kube-prometheus/manifests examples argo-cd/manifests calico/manifests ingress-nginx/deploy)

# A pod with a bare `volumes:`, from which kubectl removes the volume of its token the second time.
REFUSED_TWICE=(calicoctl-etcd.yaml)

# One line per object: its identity, and the fields that a change would move.
OBJECT='{{.kind}} {{.metadata.namespace}} {{.metadata.name}} {{.metadata.uid}} {{.metadata.generation}} {{.metadata.resourceVersion}}{{"\n"}}'
TEMPLATE="{{if .items}}{{range .items}}$OBJECT{{end}}{{else}}$OBJECT{{end}}"

served=$LIB_TMP/served
kubectl api-resources --no-headers | awk '{ print $(NF - 2), $NF }' >"$served"
echo 'v1 List' >>"$served"

# The documents of a file whose kinds are served.
served_part() {
  case $1 in
    *.json) cat "$1" ;;
    *) awk -v served="$served" '
        function flush() {
          if ((version " " kind) in known) printf "---\n%s", text
          text = version = kind = ""
        }
        function value(line) {
          sub(/^[a-zA-Z]+:[ \t]*/, "", line)
          sub(/[ \t]*(#.*)?\r?$/, "", line)
          gsub(/["\047]/, "", line)
          return line
        }
        BEGIN { while ((getline line < served) > 0) known[line] = 1 }
        /^---/ { flush(); next }
        /^apiVersion:/ { version = value($0) }
        /^kind:/ { kind = value($0) }
        { text = text $0 "\n" }
        END { flush() }' "$1" ;;
  esac
}

# Makes the namespaces that a file refers to.
declare -A made=([default]=1)
make_namespaces() {
  local name
  while read -r name; do
    [[ -n $name && -z ${made[$name]:-} ]] || continue
    made[$name]=1
    kubectl create namespace "$name" >/dev/null 2>&1 || true
  done < <(sed -n 's/^ *"\{0,1\}namespace"\{0,1\}: *"\{0,1\}\([a-z0-9-]*\)"\{0,1\},\{0,1\}$/\1/p' "$1" | sort -u)
}

# apply FILE FLAG...: its result is in OUT, its error in ERR.
apply() {
  local file=$1
  shift
  STATUS=0
  timeout 120 kubectl apply "$@" -f "$file" -o "go-template=$TEMPLATE" >"$LIB_TMP/out" 2>"$LIB_TMP/err" || STATUS=$?
  OUT=$(<"$LIB_TMP/out") ERR=$(grep -v '^Warning:' "$LIB_TMP/err" || true)
}

# Controllers write the status of definitions and API services soon after.
settle() { # FILE
  local before='' rounds=20
  grep -Eq 'kind"?: *"?(CustomResourceDefinition|APIService)\b' "$1" || return 0
  until [[ $OUT == "$before" ]] || ((rounds-- == 0)); do
    before=$OUT
    sleep 1
    OUT=$(kubectl get -f "$1" -o "go-template=$TEMPLATE") || return 0
  done
}

refused=0
twice() { # NAME FILE FLAG...
  local name=$1 file=$2 first
  shift 2
  apply "$file" "$@"
  if ((STATUS != 0)); then
    # an object of that name may exist from another file, and be immutable
    timeout 120 kubectl delete --ignore-not-found --wait=false -f "$file" >/dev/null 2>&1 || true
    apply "$file" "$@"
  fi
  if ((STATUS != 0)); then
    refused=$((refused + 1))
    printf '  refused: %s: %.300s\n' "$name" "${ERR%%$'\n'*}"
    return
  fi
  settle "$file"
  first=$OUT
  apply "$file" "$@"
  if ((STATUS != 0)) && [[ " ${REFUSED_TWICE[*]} " == *" ${name##*/} "* ]]; then
    printf '  refused the second time, as upstream: %s\n' "$name"
  elif ((STATUS != 0)); then
    failed "$name ${*:-}" "the second time: $ERR"
  elif [[ $OUT != "$first" ]]; then
    failed "$name ${*:-}" "$(diff <(echo "$first") <(echo "$OUT") || true)"
  else
    passed "$name ${*:-}"
  fi
}

directory() {
  local file name part=$LIB_TMP/part
  step "$1"
  while IFS= read -r -d '' file; do
    name=${file#"$1"/}
    case $file in *.json) part=$LIB_TMP/part.json ;; *) part=$LIB_TMP/part.yaml ;; esac
    served_part "$file" >"$part"
    grep -q 'kind' "$part" || continue
    make_namespaces "$part"
    twice "$name" "$part"
    twice "$name" "$part" --server-side --force-conflicts
  done < <(find "$1" \( -name '*.yaml' -o -name '*.yml' -o -name '*.json' \) -type f -print0 | sort -z)
}

if (($# == 0)); then
  for project in "${PROJECTS[@]}"; do
    if [[ -d $beside/$project ]]; then
      set -- "$@" "$beside/$project"
    else
      printf 'skipped: no %s\n' "$beside/$project"
    fi
  done
fi
for manifests in "$@"; do
  directory "$manifests"
done
printf '\n%d files were refused at first\n' "$refused"
finish applied-twice.sh
