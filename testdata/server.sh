# shellcheck shell=bash
# Starts and stops the server under test: a portcullis and, with STORE=etcd, its own etcd. Everything listens
# on loopback and keeps its data below WORK, which is removed when the script ends.
#
#   PORTCULLIS   the binary to test
#   STORE        embedded (default) or etcd
#
#   start_portcullis FLAG...   serves on a free port (or on PORT); sets PORTCULLIS_PID and SERVER
#   stop_portcullis            asks it to stop; sets STOPPED_WITH to its exit status
#   start_etcd, stop_etcd      sets ETCD_PID and ETCD_URL; a second start continues with the same data
#   use_kubeconfig FILE        exports KUBECONFIG: the admin's FILE, with alice and bob added

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

export ETCDCTL_API=3
TESTDATA=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PORTCULLIS=${PORTCULLIS:-portcullis}
if ! PORTCULLIS=$(realpath "$(command -v "$PORTCULLIS")" 2>/dev/null); then
  echo "PORTCULLIS names no program: build one with 'make build'" >&2
  exit 1
fi
STORE=${STORE:-embedded}

# shellcheck source-path=SCRIPTDIR source=chapter13/flags.sh
. "$TESTDATA/chapter13/flags.sh"

WORK=$(mktemp -d)
export HOME=$WORK/home # kubectl's discovery cache belongs to this run
mkdir "$HOME"
at_exit rm -rf "$WORK"
at_exit stop_etcd
at_exit kill_portcullis

PORTCULLIS_PID='' SERVER='' PORT=0 STOPPED_WITH=''
ETCD_PID='' ETCD_URL=''

start_portcullis() {
  local log=$WORK/portcullis.log store=()
  if [[ $STORE == etcd ]]; then
    [[ -n $ETCD_PID ]] || start_etcd
    store=(--etcd-servers "$ETCD_URL")
  fi
  : >"$log" # the server before said in it that it was ready
  "$PORTCULLIS" serve --secure-port "$PORT" --data-dir "$WORK/data" "${store[@]}" "$@" >"$log" 2>&1 &
  PORTCULLIS_PID=$!
  if ! until_true 30 portcullis_answered; then
    kill_portcullis
    fail_start portcullis "$log"
  fi
  SERVER=$(sed -n 's/.*portcullis ready on \(https:[^ ]*\).*/\1/p' "$log" | head -n 1)
  [[ -n $SERVER ]] || fail_start portcullis "$log"
}

# Ready or ended: in both cases the wait is over.
portcullis_answered() {
  grep -q 'portcullis ready on https:' "$WORK/portcullis.log" || gone "$PORTCULLIS_PID"
}

fail_start() {
  printf '%s did not start; its log ends:\n' "$1" >&2
  tail -n 20 "$2" >&2
  exit 1
}

# shellcheck disable=SC2034 # STOPPED_WITH is the answer
stop_portcullis() {
  STOPPED_WITH=none
  kill -TERM "$PORTCULLIS_PID" 2>/dev/null || true
  if until_true 15 gone "$PORTCULLIS_PID"; then
    STOPPED_WITH=0
    wait "$PORTCULLIS_PID" || STOPPED_WITH=$?
    PORTCULLIS_PID=''
  else
    kill_portcullis
  fi
}

kill_portcullis() {
  [[ -n $PORTCULLIS_PID ]] || return 0
  kill -KILL "$PORTCULLIS_PID" 2>/dev/null || true
  wait "$PORTCULLIS_PID" 2>/dev/null || true
  PORTCULLIS_PID=''
}

# A process that ended but was not yet waited for still has its id, so look at its state.
gone() {
  local state
  state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) || return 0
  [[ -z $state || $state == Z ]]
}

# Below the ephemeral ports, so that no outgoing connection takes it before its server listens.
free_port() {
  python3 -c '
import random, socket
while True:
    port = random.randrange(20000, 30000)
    try:
        socket.socket().bind(("127.0.0.1", port))
    except OSError:
        continue
    print(port)
    break
'
}

start_etcd() {
  local log=$WORK/etcd.log peer
  if [[ -z $ETCD_URL ]]; then
    ETCD_URL=http://127.0.0.1:$(free_port)
  fi
  peer=http://127.0.0.1:$(free_port)
  etcd --name walk --data-dir "$WORK/etcd" \
    --listen-client-urls "$ETCD_URL" --advertise-client-urls "$ETCD_URL" \
    --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "walk=$peer" \
    >"$log" 2>&1 &
  ETCD_PID=$!
  until_true 30 etcd_answers || fail_start etcd "$log"
}

etcd_answers() {
  etcdctl --endpoints "$ETCD_URL" --dial-timeout 1s --command-timeout 2s endpoint health >/dev/null 2>&1
}

stop_etcd() {
  [[ -n $ETCD_PID ]] || return 0
  kill -KILL "$ETCD_PID" 2>/dev/null || true
  wait "$ETCD_PID" 2>/dev/null || true
  ETCD_PID=''
}

# A file for the users, not `kubectl config set-credentials`: Debian's kubectl 1.20 crashes on that.
use_kubeconfig() {
  cp "$1" "$WORK/kubeconfig"
  export KUBECONFIG=$WORK/kubeconfig:$CHAPTER13/users.yaml
}
