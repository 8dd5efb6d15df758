#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# house.sh: the rules that a compiler does not check. Layers know only what lies below them, intrinsics live in simd/,
# headers are short and say what they are.
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tests/tally.sh"
cd "$top/include/attendseg" || exit 1

# What a folder may include: from the bottom up.
below() {
  case $1 in
    core) echo core ;;
    simd) echo core simd ;;
    reference) echo core reference ;;
    ops) echo core simd reference ops ;;
    nn) echo core nn ;;
    io) echo core nn io ;;
    runtime) echo core ops nn io runtime ;;
    models) echo core ops nn io runtime models ;;
    *) echo "" ;;
  esac
}

for file in $(find . -name '*.hpp' | sed 's|^\./||' | sort); do
  : >"$scratch/broken"
  folder=${file%/*}
  if [ "$folder" != "$file" ]; then
    for included in $(sed -n 's|^ *# *include *"attendseg/\([^"]*\)".*|\1|p' "$file"); do
      case " $(below "$folder") " in
        *" ${included%/*} "*) ;;
        *) echo "$file includes $included, but $folder/ may include only: $(below "$folder")" >>"$scratch/broken" ;;
      esac
    done
  fi
  if [ "$folder" != simd ] && grep -nE '\b_mm(256|512)?_|immintrin\.h|arm_neon\.h|\bv[a-z]+q?_[su](8|16|32)\b|<xsimd/|<Eigen/|<eigen3/' "$file" \
    >"$scratch/lines"; then
    echo "$file: intrinsics or a vector library outside simd/: $(head -n 1 "$scratch/lines")" >>"$scratch/broken"
  fi
  [ "$(wc -l <"$file")" -le 300 ] || echo "$file: $(wc -l <"$file") lines, expected at most 300" >>"$scratch/broken"
  [ "$(sed -n 1p "$file")" = "// SPDX-License-Identifier: Apache-2.0" ] || echo "$file: no SPDX line" >>"$scratch/broken"
  sed -n 2p "$file" | grep -q '^// [^ ]' || echo "$file: its second line does not say what it is" >>"$scratch/broken"
  grep -q '^#pragma once' "$file" || echo "$file: no #pragma once" >>"$scratch/broken"
  if [ -s "$scratch/broken" ]; then fail "$file" "$scratch/broken"; else pass 1; fi
done
tally
