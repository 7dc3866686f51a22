#!/usr/bin/env bash
# Failures: invalid options, kill -9 while writing, an etcd that dies and comes back. Starts and stops its own
# servers; prints the start-up time and the memory of the server.
#
#   PORTCULLIS=target/release/portcullis testdata/kubectl/hardening.sh
#
# shellcheck source-path=SCRIPTDIR source=../server.sh
. "$(dirname "$0")/../server.sh"
# shellcheck source-path=SCRIPTDIR source=../figures.sh
. "$TESTDATA/figures.sh"

# --- a start that cannot succeed -----------------------------------------------------------------

# cannot_start WHAT TEXT... -- FLAG...: one line with every TEXT on stderr, exit status 1, no files made.
cannot_start() {
  local what=$1 texts=() status=0 text lines
  shift
  while [[ $1 != -- ]]; do
    texts+=("$1")
    shift
  done
  shift
  step "$what"
  rm -rf "$WORK/refused"
  shown portcullis serve "$@"
  timeout 30 "$PORTCULLIS" serve --data-dir "$WORK/refused" "$@" >"$WORK/out" 2>"$WORK/err" || status=$?
  cat "$WORK/out" "$WORK/err"
  check 'exit status 1' test "$status" = 1
  mapfile -t lines <"$WORK/err"
  check 'one line' test "${#lines[@]}" = 1
  for text in "${texts[@]}"; do
    check "it names $text" grep -qF -- "$text" "$WORK/err"
  done
  check 'nothing is left behind' test ! -e "$WORK/refused"
}

bad_starts() {
  printf 'password,alice,1000\npassword,bob,2000\nonly-a-password\n' >"$WORK/users.csv"
  cannot_start 'A users file whose third line is short' "$WORK/users.csv" 'line 3' -- \
    --secure-port 0 --basic-auth-file "$WORK/users.csv"
  cannot_start 'A missing users file' --basic-auth-file "$WORK/absent.csv" -- \
    --secure-port 0 --basic-auth-file "$WORK/absent.csv"
  printf 'token,alice,1000\nshort,nobody\n' >"$WORK/tokens.csv"
  cannot_start 'A token file whose second line is short' "$WORK/tokens.csv" 'line 2' -- \
    --secure-port 0 --token-auth-file "$WORK/tokens.csv"
  cannot_start 'A missing certificate' "$WORK/absent.crt" -- \
    --secure-port 0 --tls-cert-file "$WORK/absent.crt" --tls-private-key-file "$WORK/absent.key"
  cannot_start 'A certificate without its key' --tls-private-key-file -- \
    --secure-port 0 --tls-cert-file "$WORK/absent.crt"
  cannot_start 'A client CA that is not a certificate' "$WORK/users.csv" -- \
    --secure-port 0 --client-ca-file "$WORK/users.csv"
  cannot_start 'An unreachable etcd' --etcd-servers http://127.0.0.1:1 -- --etcd-startup-timeout 0 \
    --secure-port 0 --etcd-servers http://127.0.0.1:1
  printf 'x' >"$WORK/no.crt"
  cannot_start 'An invalid certificate' --tls-cert-file -- \
    --secure-port 0 --tls-cert-file "$WORK/no.crt" --tls-private-key-file "$WORK/no.crt"
  cannot_start 'A controller that does not exist' --controllers nosuch -- \
    --secure-port 0 --controllers=*,nosuch
  cannot_start 'An admission plugin that does not exist' --enable-admission-plugins NoSuchPlugin -- \
    --secure-port 0 --enable-admission-plugins=NamespaceLifecycle,NoSuchPlugin
  cannot_start 'An authorization mode that does not exist' --authorization-mode Chance -- \
    --secure-port 0 --authorization-mode=Chance
  cannot_start 'A port that is not a number' --secure-port -- --secure-port http
  cannot_start 'An option that does not exist' --no-such-option -- --secure-port 0 --no-such-option

  STORE=embedded start_portcullis "${PLAIN_FLAGS[@]}"
  cannot_start 'A port in use' --secure-port "${SERVER##*:}" -- --secure-port "${SERVER##*:}"
  second_server_on_the_same_data
  stop_portcullis
  rm -rf "$WORK/data"
}

second_server_on_the_same_data() {
  local status=0
  step 'A data directory in use'
  shown portcullis serve --secure-port 0 --data-dir "$WORK/data"
  timeout 30 "$PORTCULLIS" serve --secure-port 0 --data-dir "$WORK/data" >"$WORK/out" 2>"$WORK/err" || status=$?
  cat "$WORK/out" "$WORK/err"
  check 'exit status 1' test "$status" = 1
  check 'it names the directory' grep -qF "$WORK/data" "$WORK/err"
  check 'the first server continues' kill -0 "$PORTCULLIS_PID"
}

# --- kill -9 -------------------------------------------------------------------------------------

config_maps() { # FROM TO: manifests of as many config maps
  local i
  for ((i = $1; i < $2; i++)); do
    printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: kept-%04d}\ndata: {n: "%d"}\n' "$i" "$i"
  done
}

AS_LINE='{.metadata.name} {.metadata.uid} {.metadata.resourceVersion}{"\n"}'

# A line `name uid resourceVersion` in acked.* is an answer that a client received.
create_from_four_clients() {
  local i
  for i in 0 1 2 3; do
    config_maps $((i * 1000)) $((i * 1000 + 1000)) >"$WORK/many-$i.yaml"
    timeout 60 kubectl create -f "$WORK/many-$i.yaml" -o "jsonpath=$AS_LINE" \
      >"$WORK/acked.$i" 2>/dev/null &
    CREATORS+=($!)
  done
}

acked() { cat "$WORK"/acked.*; }
enough_acked() { (($(acked | wc -l) >= $1)); }
stored() { kubectl get configmaps -o "jsonpath={range .items[*]}$AS_LINE{end}" | grep '^kept-'; }

kill_while_writing() {
  step "kill -9 while four clients create objects (store: $STORE)"
  CREATORS=()
  start_portcullis "${PLAIN_FLAGS[@]}"
  use_kubeconfig "$WORK/data/admin.kubeconfig"
  create_from_four_clients
  until_true 30 enough_acked 400 || true
  kill_portcullis
  wait "${CREATORS[@]}" 2>/dev/null || true
  PORT=${SERVER##*:}
  start_portcullis "${PLAIN_FLAGS[@]}"
  PORT=0
  acked | sort >"$WORK/acked"
  stored | sort >"$WORK/stored"
  printf '%d objects were acknowledged, %d are stored\n' "$(wc -l <"$WORK/acked")" "$(wc -l <"$WORK/stored")"
  comm -23 "$WORK/acked" "$WORK/stored" | tee "$WORK/lost" | head -n 5
  check 'some objects were acknowledged' test -s "$WORK/acked"
  check 'every one of them is there, with its uid and resourceVersion' test ! -s "$WORK/lost"
  run kubectl create configmap afterwards --from-literal=a=b
  expect 'configmap/afterwards created'
  stop_portcullis
  check 'SIGTERM: exit status 0' test "$STOPPED_WITH" = 0
  rm -rf "$WORK/data" "$WORK"/acked*
}

# --- etcd goes away ------------------------------------------------------------------------------

watch_sees() { grep -q "$1" "$WORK/watch"; }
config_map_accepted() { kubectl --request-timeout=5s create configmap "$1" --from-literal=a=b >/dev/null 2>&1; }

etcd_goes_and_comes_back() {
  step 'etcd is killed and started again: the server recovers by itself'
  STORE=etcd start_portcullis "${PLAIN_FLAGS[@]}"
  use_kubeconfig "$WORK/data/admin.kubeconfig"
  run kubectl create configmap before --from-literal=a=b
  expect 'configmap/before created'
  kubectl get configmaps -w >"$WORK/watch" 2>&1 &
  local watcher=$!
  until_true 10 watch_sees '^before ' || true
  stop_etcd
  run kubectl --request-timeout=20s create configmap meanwhile --from-literal=a=b
  # shellcheck disable=SC2153 # set by run
  check 'without etcd a write is refused' test "$STATUS" -ne 0 -a "$STATUS" -ne 124
  check 'the server still runs' kill -0 "$PORTCULLIS_PID"
  start_etcd
  check 'with etcd back a write is accepted, within 20 s' until_true 20 config_map_accepted after
  run kubectl get configmaps before after -o name
  expect_part configmap/before configmap/after
  run kubectl get --raw /readyz
  expect ok
  kill "$watcher" 2>/dev/null || true
  wait "$watcher" 2>/dev/null || true
  kubectl get configmaps -w >"$WORK/watch" 2>&1 &
  watcher=$!
  until_true 10 watch_sees '^after ' || true
  run kubectl create configmap seen --from-literal=a=b
  expect 'configmap/seen created'
  check 'a watch sees new events' until_true 10 watch_sees '^seen '
  kill "$watcher" 2>/dev/null || true
  wait "$watcher" 2>/dev/null || true
  stop_portcullis
  check 'SIGTERM: exit status 0' test "$STOPPED_WITH" = 0
  stop_etcd
  rm -rf "$WORK/data" "$WORK/etcd"
  ETCD_URL=''
}

# --- how fast, how small -------------------------------------------------------------------------

figures() {
  local i first=() again=()
  step 'How fast is a start, how small is the server (embedded store)'
  for i in 1 2 3 4 5 6 7 8 9; do
    rm -rf "$WORK/data"
    time_to_ready "$WORK/data" "${BOOK_FLAGS[@]}" && first+=("$MICROSECONDS")
    stop_child
    time_to_ready "$WORK/data" "${BOOK_FLAGS[@]}" && again+=("$MICROSECONDS")
    stop_child
  done
  time_to_ready "$WORK/data" "${BOOK_FLAGS[@]}"
  sleep 1
  printf 'exec to ready, first start: %s (median of 9)\n' "$(milliseconds "$(median "${first[@]}")")"
  printf 'exec to ready, next starts: %s (median of 9)\n' "$(milliseconds "$(median "${again[@]}")")"
  printf 'idle: %s of memory\n' "$(memory)"
  printf 'binary: %s KiB\n' "$(($(stat -Lc %s "$(command -v "$PORTCULLIS")") / 1024))"
  stop_child
}

# -------------------------------------------------------------------------------------------------

if [[ ${1:-all} == figures ]]; then
  figures
  exit
fi
bad_starts
STORE=embedded kill_while_writing
STORE=etcd
kill_while_writing
stop_etcd
rm -rf "$WORK/etcd"
ETCD_URL=''
etcd_goes_and_comes_back
figures
finish hardening
