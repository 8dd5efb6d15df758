# SPDX-License-Identifier: Apache-2.0
# To be sourced (sh): counts checks. Every script of tests/ ends with tally, whose last line is "N passed, N failed".
passed=0
failed=0

pass() {
  passed=$((passed + $1))
}
fail() { # NAME [FILE with what it said]
  failed=$((failed + 1))
  echo "FAILED $1"
  [ $# -lt 2 ] || tail -n 15 "$2" | sed 's/^/    /'
}
skip() {
  echo "SKIP   $1"
}

# check NAME COMMAND...: the command must succeed; what it says is shown only if it does not.
check() {
  name=$1
  shift
  if "$@" >"$scratch/said" 2>&1; then pass 1; else fail "$name" "$scratch/said"; fi
}

# accept NAME COMMAND...: code 0 and nothing on standard error. Standard output stays in `out`.
accept() {
  name=$1
  shift
  if "$@" >out 2>err && [ ! -s err ]; then
    pass 1
  else
    echo "code or standard error of: $*" >>err
    fail "$name" err
  fi
}
# refuse NAME PATTERN COMMAND...: code not 0 (nor a crash), one line on standard error that matches, no results.
refuse() {
  name=$1 pattern=$2
  shift 2
  rm -rf results
  code=0
  "$@" >out 2>err || code=$?
  if [ "$code" = 0 ] || [ "$code" -ge 128 ] || [ "$(wc -l <err)" != 1 ] || ! grep -q -e "$pattern" err ||
    [ -n "$(find results -type f 2>/dev/null)" ]; then
    echo "code $code, expected one line with '$pattern' and no file; files: $(find results -type f 2>/dev/null | tr '\n' ' ')" >>err
    fail "$name" err
  else
    pass 1
  fi
}
# holds NAME PATTERN FILE
holds() {
  if grep -q -e "$2" "$3"; then pass 1; else fail "$1: no '$2'" "$3"; fi
}
# is NAME MET WANTED
is() {
  if [ "$2" = "$3" ]; then pass 1; else
    echo "$2, expected $3" >err
    fail "$1" err
  fi
}
# count NAME COMMAND...: adds the counts that a test program or another of these scripts ends with.
count() {
  name=$1
  shift
  code=0
  "$@" >"$scratch/said" 2>&1 || code=$?
  grep -E '^(SKIP|NOTE) ' "$scratch/said" || true
  cases=$(sed -n 's/.*test cases: *\([0-9]*\) *| *\([0-9]*\) passed *| *\([0-9]*\) failed.*/\2 \3/p' "$scratch/said" | tail -n 1)
  [ -n "$cases" ] || cases=$(tail -n 1 "$scratch/said" | sed -n 's/.*\b\([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed$/\1 \2/p')
  if [ -z "$cases" ]; then
    fail "$name: ended with code $code and without a count" "$scratch/said"
    return
  fi
  pass "${cases% *}"
  if [ "$code" != 0 ] || [ "${cases#* }" != 0 ] || [ "${cases% *}" = 0 ]; then
    grep -v '^SKIP ' "$scratch/said" | tail -n 60 | sed 's/^/    /'
    echo "FAILED $name: ${cases% *} passed, ${cases#* } failed, code $code"
    if [ "${cases#* }" = 0 ]; then failed=$((failed + 1)); else failed=$((failed + ${cases#* })); fi
  else
    echo "ok     $name: ${cases% *} passed"
  fi
}

tally() {
  rm -rf "$scratch"
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ] && [ "$passed" != 0 ]
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
