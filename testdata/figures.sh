# shellcheck shell=bash
# Measures start-up time and memory of a server; for scripts that source server.sh.
#
#   time_to_ready DIR FLAG...   starts a server on DIR; sets MICROSECONDS, PORTCULLIS_PID and SERVER
#   stop_child                  stops it
#   milliseconds MICROSECONDS   as text
#   median NUMBER...            their median
#   memory                      the server's resident memory, as text
#   highest_memory              the highest that it has been

# Microseconds from exec to the line that reports that the server is ready.
time_to_ready() {
  local dir=$1 start line ready
  shift
  start=${EPOCHREALTIME/./}
  exec 3< <(exec "$PORTCULLIS" serve --secure-port 0 --data-dir "$dir" "$@" 2>"$WORK/err")
  PORTCULLIS_PID=$!
  IFS= read -r -t 60 line <&3 || fail_start portcullis "$WORK/err"
  ready=${EPOCHREALTIME/./}
  [[ $line == 'portcullis ready on '* ]] || fail_start portcullis "$WORK/err"
  MICROSECONDS=$((ready - start))
  line=${line#portcullis ready on }
  # shellcheck disable=SC2034 # for the script that sources this file
  SERVER=${line%% *}
}

milliseconds() { printf '%d.%d ms' $(($1 / 1000)) $(($1 % 1000 / 100)); }

median() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }

memory() { sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1 KiB/p' "/proc/$PORTCULLIS_PID/status"; }

highest_memory() { sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1 KiB/p' "/proc/$PORTCULLIS_PID/status"; }

# Servers started above run in process substitutions, which `wait` cannot always wait for.
stop_child() {
  kill -TERM "$PORTCULLIS_PID"
  until_true 15 gone "$PORTCULLIS_PID" || kill -KILL "$PORTCULLIS_PID"
  PORTCULLIS_PID=''
  exec 3<&-
}
