#!/usr/bin/env bash
# Many execs at once, what they leave behind, and what a copied byte costs.
#
# BOX is a pod that sleeps, PORTCULLIS_PID the server's.
#
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
cd "$LIB_TMP"

tasks() {
  local metrics
  metrics=$(kubectl get --raw /metrics) || return 1
  awk '/^apiserver_longrunning_requests[{].*"exec"/ { n += $2 } END { print n + 0 }' <<<"$metrics"
}

step '500 execs at once'
at_once() { timeout 900 "$here/streams.py" "${KUBECONFIG%%:*}" "$BOX" 500 "$PORTCULLIS_PID" >figures; }
before=$(tasks)
# what the first ones make the server keep is not a leak
at_once && cat figures
check 'all of them answer' at_once
cat figures
figure() { python3 -c 'import json, sys; print(json.load(open("figures"))[sys.argv[1]][sys.argv[2]])' "$@"; }
check 'they were open at once' test "$(figure meanwhile descriptors)" -ge 1000
check 'no descriptor is left' test "$(figure afterwards descriptors)" -le $(($(figure before descriptors) + 2))
check 'no memory is left' test "$(figure afterwards KiB)" -le $(($(figure before KiB) + 8192))
ended() {
  local now
  now=$(tasks) && ((now <= before))
}
check 'no request is left' until_true 120 ended
none() {
  local processes
  processes=$(timeout 60 kubectl exec "$BOX" -- ps) && [[ $processes == *PID* ]] && ! grep -q ' cat$' <<<"$processes"
}
check 'no process is left in the container' until_true 120 none

# A measurement. What socat relays is encrypted on both sides as well.
BYTES=500000000
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
cost_of_exec() {
  local before
  before=$(ticks "$PORTCULLIS_PID")
  kubectl exec "$BOX" -- head -c "$BYTES" /dev/zero | wc -c >size
  ((COST = ($(ticks "$PORTCULLIS_PID") - before) * 1000 / $(getconf CLK_TCK)))
}
cost_of_socat() {
  local relay
  openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout key.pem -out cert.pem 2>/dev/null
  cat key.pem cert.pem >both.pem
  socat OPENSSL-LISTEN:6001,bind=127.0.0.1,cert=both.pem,verify=0,reuseaddr "EXEC:head -c $BYTES /dev/zero" 2>/dev/null &
  until_true 120 listening 6001
  TIMEFORMAT='%U %S'
  { time socat -b 16384 OPENSSL-LISTEN:6002,bind=127.0.0.1,cert=both.pem,verify=0,reuseaddr \
    OPENSSL:127.0.0.1:6001,verify=0 2>/dev/null; } 2>cost &
  relay=$!
  until_true 120 listening 6002
  socat -u OPENSSL:127.0.0.1:6002,verify=0 - 2>/dev/null | wc -c >size
  wait "$relay"
  COST=$(awk '{ print int(($1 + $2) * 1000) }' cost)
}
listening() { ss -Hltn "sport = :$1" | grep -q .; }

step 'What a byte costs'
cost_of_exec
check 'all of it was copied' test "$(<size)" = "$BYTES"
exec_cost=$COST
cost_of_socat
check 'socat relayed as much' test "$(<size)" = "$BYTES"
printf '  measured: %d MB by exec cost the server %d ms, by socat %d ms of CPU\n' $((BYTES / 1000000)) "$exec_cost" "$COST"

finish execs
