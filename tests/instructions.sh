#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# instructions.sh [--record]: how many instructions the int8 network takes for a picture of 128x128, counted by
# callgrind: the same on a busy machine. Fails where a count exceeds tests/data/instructions.json by more than 5 %;
# --record writes that file anew.
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top" || exit 1
. tests/tally.sh
record=tests/data/instructions.json
builds="scalar avx2"
flags() {
  case $1 in
    scalar) echo "-DATTENDSEG_FORCE_SCALAR" ;;
    avx2) echo "-mavx2 -mfma" ;;
  esac
}
stop() { # REASON: nothing can be compared, and nothing is wrong
  skip "instruction counts: $1"
  tally
  exit
}

# counted BUILD: prints the instructions of one run.
counted() {
  g++ -std=c++20 -O2 $(flags "$1") -Wno-maybe-uninitialized -Iinclude tests/instructions.cpp -o "$scratch/$1" &&
    valgrind --tool=callgrind --collect-atstart=no --callgrind-out-file=/dev/null "$scratch/$1" \
      weights/person.int8.safetensors >"$scratch/$1.log" 2>&1 ||
    {
      cat "$scratch/$1.log" >&2
      return 1
    }
  sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$scratch/$1.log"
}
recorded() { # FIELD
  sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p" "$record"
}

compiler=$(g++ -dumpversion | cut -d . -f 1)
if [ "${1-}" = --record ]; then
  lines=
  for build in $builds; do
    n=$(counted "$build") && [ -n "$n" ] || exit 1
    echo "$build: $n"
    lines="$lines,
    \"$build\": $n"
  done
  cat >"$record" <<END
{
  "what": "instructions of one run of person.int8 at 128x128, pixels to labels, g++ -O2, counted by callgrind",
  "compiler": $compiler,
  "instructions": {${lines#,}
  }
}
END
  exit 0
fi

complete() {
  [ -n "$(recorded compiler)" ] && for build in $builds; do [ -n "$(recorded "$build")" ] || return 1; done
}
check "$record holds a compiler and a count for each build" complete
command -v valgrind >/dev/null 2>&1 || stop "no valgrind"
[ "$(uname -m)" = x86_64 ] || stop "the record is of x86_64"
[ "$compiler" = "$(recorded compiler)" ] || stop "g++ $compiler, the record is of g++ $(recorded compiler)"
for build in $builds; do
  if [ "$build" = avx2 ] && ! grep -m 1 '^flags' /proc/cpuinfo | grep -qw avx2; then
    skip "instructions of avx2: this CPU lacks its instructions"
    continue
  fi
  if ! n=$(counted "$build") || [ -z "$n" ]; then
    fail "instructions of $build: could not be counted"
    continue
  fi
  want=$(recorded "$build")
  change=$(awk "BEGIN { printf \"%+.1f %%\", 100 * ($n - $want) / $want }")
  if [ $((n * 100)) -gt $((want * 105)) ]; then
    echo "$n, recorded $want ($change). Where that is the price of something: sh tests/instructions.sh --record" \
      >"$scratch/said.more"
    fail "instructions of $build" "$scratch/said.more"
  else
    pass 1
    echo "instructions of $build: $n ($change)"
    [ $((n * 100)) -ge $((want * 95)) ] ||
      echo "NOTE   $build takes fewer instructions than recorded: renew the record (sh tests/instructions.sh --record)"
  fi
done
tally
