#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# headers.sh [COMPILER]: every header compiles alone and without warnings; those of the int8 network do so where Eigen
# and xsimd do not exist, and leave no global initialiser and no guarded static behind.
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
cxx=${1:-g++}
. "$top/tests/tally.sh"
cd "$top" || exit 1

# Headers that must not be found: including one is an error.
mkdir -p "$scratch/none/Eigen" "$scratch/none/xsimd"
for header in Eigen/Core Eigen/Dense Eigen/Eigen xsimd/xsimd.hpp; do
  echo "#error an int8 user needs neither Eigen nor xsimd" >"$scratch/none/$header"
done
strict="-std=c++20 -Wall -Wextra -Wshadow -Werror -Iinclude"

# A header may need the float libraries if its name, or that of one it includes, says so.
cat >"$scratch/one.sh" <<'ONE'
name=$(echo "$2" | sed 's|include/||')
said=$4/$(echo "$name" | tr / -)
compiler=$1
flags="-std=c++20 -Wall -Wextra -Wshadow -Werror -Iinclude"
case $name in
  *_f32.hpp | *fold_batch_norm.hpp | attendseg/float.hpp) flags="$flags -isystem /usr/include/eigen3" ;;
  *) flags="$flags -I$3" ;;
esac
case $name in
  */avx2.hpp) flags="$flags -mavx2 -mfma" ;;
  */avxvnni.hpp) flags="$flags -mavx2 -mfma -mavxvnni" ;;
  */amx*.hpp) flags="$flags -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mamx-tile -mamx-int8" ;;
  */avx512vnni.hpp) flags="$flags -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni" ;;
  */neon.hpp) compiler=aarch64-linux-gnu-g++ ;;
  */neon_i8mm.hpp) compiler=aarch64-linux-gnu-g++ flags="$flags -march=armv8.2-a+i8mm" ;;
esac
command -v "$compiler" >/dev/null || exit 0
echo "#include \"$name\"" >"$said.cpp"
$compiler $flags -fsyntax-only "$said.cpp" >"$said.said" 2>&1 && echo "$name" >"$said.fine"
ONE
find include -name '*.hpp' | sort >"$scratch/all"
xargs -P 2 -I '{}' sh "$scratch/one.sh" "$cxx" '{}' "$scratch/none" "$scratch" <"$scratch/all"
for header in $(sed 's|include/||' "$scratch/all"); do
  said=$scratch/$(echo "$header" | tr / -)
  if [ -e "$said.fine" ]; then pass 1; elif [ -e "$said.said" ]; then fail "$header compiles alone" "$said.said"; else
    skip "$header: no compiler for its instructions"
  fi
done

minimal() {
  $cxx $strict -I"$scratch/none" "$@" examples/minimal.cpp
}
check "minimal builds without Eigen and xsimd" minimal -O0 -c -o "$scratch/minimal.o"
check "minimal builds without exceptions and run-time types" minimal -fno-exceptions -fno-rtti -fsyntax-only
check "the library has no global initialisers and no guarded statics" \
  sh -c "! nm -C '$scratch/minimal.o' | grep -E '_GLOBAL__sub_I|guard variable'"

# A wrong element type must be refused in words.
echo '#include "attendseg/attendseg.hpp"
attendseg::AttendSeg<double>* p; int main() { return p->graph().size(); }' >"$scratch/wrong.cpp"
check "AttendSeg<double> is refused in words" \
  sh -c "! $cxx $strict -fsyntax-only '$scratch/wrong.cpp' 2>'$scratch/words' && grep -q 'built for float and int8' '$scratch/words'"
tally
