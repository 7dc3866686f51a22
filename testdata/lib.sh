# shellcheck shell=bash
# Steps that show their commands and check the results. A script sources this file, needs KUBECONFIG to be a
# cluster-admin's, continues after a failed check, and ends with `finish`.
#
#   step TEXT                       prints a heading
#   run COMMAND...                  shows a command, runs it (for RUN_SECONDS=60 at most), shows its answer
#   expect_ok                       it succeeded
#   expect TEXT                     it succeeded, and its output is exactly TEXT
#   expect_part TEXT...             it succeeded, and its output contains every TEXT
#   expect_row TEXT                 it succeeded, and one line, its blanks squeezed, is TEXT
#   expect_refused TEXT             it failed, and its error output is exactly TEXT
#   expect_refused_part TEXT...     it failed, and its error output contains every TEXT
#   expect_field OBJECT PATH TEXT   the object's field (a kubectl jsonpath) is TEXT
#   check TEXT COMMAND...           COMMAND, not shown, must succeed; TEXT says what it checks
#   at_exit COMMAND...              COMMAND runs when the script ends, however it ends
#   finish                          prints `N passed, N failed`; fails if a check failed
#
# With KUBECTL=PROGRAM that is the kubectl, and not the first on the PATH.
# With TALLY=FILE, `finish` also adds a line `NAME PASSED FAILED` to that file.

set -euo pipefail

PASSED=0
FAILED=0
STATUS=0 OUT='' ERR=''
EXIT_STEPS=()

at_exit() { EXIT_STEPS+=("$(printf '%q ' "$@")"); }

run_exit_steps() {
  local i
  for ((i = ${#EXIT_STEPS[@]} - 1; i >= 0; i--)); do
    eval "${EXIT_STEPS[i]}" || true
  done
}
trap run_exit_steps EXIT

LIB_TMP=$(mktemp -d)
at_exit rm -rf "$LIB_TMP"

if [[ -n ${KUBECTL:-} ]]; then
  mkdir "$LIB_TMP/bin"
  ln -s "$(realpath "$KUBECTL")" "$LIB_TMP/bin/kubectl"
  export PATH=$LIB_TMP/bin:$PATH
fi

step() { printf '\n# %s\n' "$*"; }

# Prints a command as a reader would type it.
shown() {
  local word line='$'
  for word in "$@"; do
    if [[ $word =~ ^[A-Za-z0-9_./:=,@%+-]+$ ]]; then
      line+=" $word"
    else
      line+=" '${word//\'/\'\\\'\'}'"
    fi
  done
  printf '%s\n' "$line"
}

run() {
  shown "$@"
  STATUS=0
  timeout "${RUN_SECONDS:-60}" "$@" >"$LIB_TMP/out" 2>"$LIB_TMP/err" || STATUS=$?
  OUT=$(<"$LIB_TMP/out") ERR=$(<"$LIB_TMP/err")
  show_text "$OUT"
  show_text "$ERR"
}

# Long answers are cut in the output only: the checks see all of them.
show_text() {
  [[ -n $1 ]] || return 0
  local lines
  mapfile -t lines <<<"$1"
  printf '%s\n' "${lines[@]:0:${SHOW_LINES:-30}}"
  if ((${#lines[@]} > ${SHOW_LINES:-30})); then
    printf '... (%d more lines)\n' $((${#lines[@]} - ${SHOW_LINES:-30}))
  fi
}

passed() {
  PASSED=$((PASSED + 1))
  printf '  ok: %s\n' "$1"
}

# failed WHAT DETAIL...: counts a failed check and prints what was expected.
failed() {
  FAILED=$((FAILED + 1))
  printf '  FAILED: %s\n' "$1"
  shift
  (($# == 0)) || printf '    %s\n' "$@"
}

expect_ok() {
  if ((STATUS == 0)); then
    passed 'accepted'
  else
    failed 'exit status' "wanted: 0" "got:    $STATUS"
  fi
}

expect() {
  if ((STATUS == 0)) && [[ $OUT == "$1" ]]; then
    passed 'the promised answer'
  else
    failed 'the promised answer' "wanted: exit status 0, $1" "got:    exit status $STATUS, $OUT"
  fi
}

expect_part() {
  local text
  for text in "$@"; do
    if ((STATUS == 0)) && [[ $OUT == *"$text"* ]]; then
      passed "says: $text"
    else
      failed "says: $text" "got: exit status $STATUS"
    fi
  done
}

expect_row() {
  local line words
  while IFS= read -r line; do
    read -ra words <<<"$line"
    if ((STATUS == 0)) && [[ "${words[*]-}" == "$1" ]]; then
      passed "row: $1"
      return
    fi
  done <<<"$OUT"
  failed "row: $1" "got: exit status $STATUS"
}

expect_refused() {
  if ((STATUS != 0)) && [[ $ERR == "$1" ]]; then
    passed 'refused with the promised words'
  else
    failed 'refused with the promised words' "wanted: $1" "got:    exit status $STATUS, $ERR"
  fi
}

expect_refused_part() {
  local text
  for text in "$@"; do
    if ((STATUS != 0)) && [[ $ERR == *"$text"* ]]; then
      passed "refused: $text"
    else
      failed "refused: $text" "got: exit status $STATUS"
    fi
  done
}

expect_field() {
  run kubectl get "$1" -o "jsonpath=$2"
  expect "$3"
}

check() {
  local what=$1
  shift
  if "$@"; then passed "$what"; else failed "$what" "command: $*"; fi
}

# until_true SECONDS COMMAND...: runs COMMAND until it succeeds; fails after this time.
until_true() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < end)) || return 1
    sleep 0.1
  done
}

finish() {
  local name=${1:-$(basename "$0")}
  printf '\n%s: %d passed, %d failed\n' "${name// /_}" "$PASSED" "$FAILED"
  [[ -z ${TALLY:-} ]] || printf '%s %d %d\n' "${name// /_}" "$PASSED" "$FAILED" >>"$TALLY"
  ((FAILED == 0))
}
