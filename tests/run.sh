#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh: installs what the tests need, builds every backend and runs everything. Last line: "N passed, N failed".
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top" || exit 1
. examples/common/packages.sh
. tests/tally.sh
work=$top/build/tests
jobs=$(nproc)
begin=$(date +%s)
stage() {
  echo "-- $1 ($(($(date +%s) - begin)) s)"
}

need_packages g++ cmake make clang libcli11-dev libstb-dev libeigen3-dev libxsimd-dev doctest-dev libbenchmark-dev \
  python3 python3-numpy python3-pil || exit 1
machine=$(uname -m)
case $machine in
  x86_64)
    need_packages qemu-user-static g++-aarch64-linux-gnu || exit 1
    backends="scalar avx2 avxvnni avx512vnni amx"
    ;;
  aarch64) backends="scalar neon neon_dotprod neon_i8mm" ;;
  *) backends=scalar ;;
esac
mkdir -p "$work"

# Whether this machine can run what was built for a variant.
runs_here() {
  case $1 in
    avx2 | o3_avx2 | fast_math | emulated) wanted="avx2 fma" ;;
    avx512vnni) wanted="avx2 fma avx512f avx512bw avx512dq avx512vl avx512_vnni" ;;
    avxvnni) wanted="avx2 fma avx_vnni" ;;
    amx) wanted="avx2 fma avx512f avx512bw avx512dq avx512vl avx512_vnni amx_tile amx_int8" ;;
    neon_dotprod) wanted=asimddp ;;
    neon_i8mm) wanted="asimddp i8mm" ;;
    *) wanted= ;;
  esac
  [ "$machine" = x86_64 ] || [ "$1" = neon_dotprod ] || [ "$1" = neon_i8mm ] || return 0
  for flag in $wanted; do
    grep -m 1 -E '^(flags|Features)' /proc/cpuinfo | grep -qw "$flag" || return 1
  done
}

# Where the processor has no AVX-512, its backend runs on emulated instructions.
if [ "$machine" = x86_64 ] && ! runs_here avx512vnni; then
  need_packages libsimde-dev || exit 1
  backends="$backends emulated"
fi

# build TREE COMPILER "VARIANTS" [CMAKE ARGUMENTS]: one build tree a compiler.
build() {
  tree=$1 compiler=$2 variants=$3
  shift 3
  if cmake -S . -B "$work/$tree" -DCMAKE_CXX_COMPILER="$compiler" -DATTENDSEG_BUILD_EXAMPLES=OFF \
    -DATTENDSEG_BUILD_TESTS=ON -DATTENDSEG_TEST_VARIANTS="$(echo $variants | tr ' ' ';')" "$@" >"$work/$tree.log" 2>&1 &&
    cmake --build "$work/$tree" -j "$jobs" >>"$work/$tree.log" 2>&1; then
    pass 1
    if grep -q 'warning:' "$work/$tree.log"; then
      grep 'warning:' "$work/$tree.log" | sort | uniq -c | sort -rn | head -n 10 >"$scratch/warnings"
      fail "$tree builds without warnings" "$scratch/warnings"
    else
      pass 1
    fi
  else
    grep -E 'error|Error|undefined' "$work/$tree.log" | head -n 15 >"$scratch/errors"
    fail "$tree builds (see $work/$tree.log)" "$scratch/errors"
  fi
}

# run TREE "VARIANTS" [EMULATOR]: whatever was built of a variant.
run() {
  tree=$1 list=$2 emulator=${3-}
  for variant in $list; do
    if [ -z "$emulator" ] && ! runs_here "$variant"; then
      skip "$variant: this CPU lacks its instructions"
      continue
    fi
    case $variant in
      unoptimised | fast_math | o3*) ;;
      *) count "$tree: test_$variant" $emulator "$work/$tree/tests/test_$variant" ;;
    esac
    case $variant in
      portable | eigen) ;;
      *) count "$tree: same_bits_$variant" $emulator "$work/$tree/tests/same_bits_$variant" tests/data/checksums.txt ;;
    esac
  done
}

stage "the rules of the house"
count "house.sh" sh tests/house.sh
stage "every header alone"
count "headers.sh" sh tests/headers.sh g++

stage "the programs"
if { cmake --preset release && cmake --build build/release -j "$jobs"; } >"$work/release.log" 2>&1; then
  pass 1
  count "programs.sh" sh tests/programs.sh build/release/bin
else
  fail "the programs build (see $work/release.log)" "$work/release.log"
fi

stage "the recipe"
# ATTENDSEG_PYTHON: a Python with PyTorch, which Debian's lacks in a version that would do.
count "tests/recipe" "${ATTENDSEG_PYTHON:-$(python_with "numpy, PIL")}" tests/recipe/run.py

stage "the benchmarks"
benchmarks() {
  cmake -S . -B "$work/bench" -DCMAKE_BUILD_TYPE=Release -DATTENDSEG_BUILD_EXAMPLES=OFF -DATTENDSEG_BUILD_TESTS=OFF \
    -DATTENDSEG_BUILD_BENCH=ON && cmake --build "$work/bench" -j "$jobs" &&
    "$work/bench/bin/bench_operators" --benchmark_min_time=0.001 --benchmark_filter="max pool" &&
    g++ -std=c++20 -O1 -Iinclude bench/peers/ours.cpp -o "$work/bench/ours" -pthread
}
check "the benchmarks build and run" benchmarks
count "latency.sh" sh tests/latency.sh "$work/bench/bin/latency"

stage "every backend, g++"
special="unoptimised fast_math o3"
[ "$machine" = x86_64 ] || special="unoptimised o3"
compiled=
for variant in $backends; do
  runs_here "$variant" || compiled="$compiled${compiled:+;}$variant"
done
build gcc g++ "portable eigen $backends $special" -DATTENDSEG_TEST_COMPILED="$compiled"
run gcc "portable eigen $backends $special"

stage "clang"
case $machine in x86_64) variants="o3 o3_avx2" ;; *) variants=o3 ;; esac
build clang clang++ "$variants"
run clang "$variants"
if [ "$machine" = x86_64 ]; then
  check "AMX assembles" clang++ -std=c++20 -O1 -Wall -Wextra -Werror -Iinclude -mavx512f -mavx512bw -mavx512vl \
    -mavx512vnni -mamx-tile -mamx-int8 -c examples/minimal.cpp -o "$work/amx.o"
fi

if [ "$machine" = x86_64 ]; then
  stage "aarch64 under qemu"
  build aarch64 aarch64-linux-gnu-g++ "neon neon_dotprod neon_i8mm" -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64
  run aarch64 "neon neon_dotprod neon_i8mm" "qemu-aarch64-static -cpu max"
  check "latency builds for a board" aarch64-linux-gnu-g++ -std=c++20 -O1 -static -Iinclude bench/latency.cpp \
    -o "$work/latency_aarch64" -pthread
  count "aarch64: latency.sh" sh tests/latency.sh "$work/latency_aarch64" qemu-aarch64-static -cpu max
fi

stage "many translation units, and the installed package"
link() {
  part="-std=c++20 -O1 -Wall -Wextra -Iinclude -Iexamples -c tests/link/part.cpp"
  g++ $part -DPART=part_plain -o "$work/plain.o" && g++ $part -DPART=part_twin -o "$work/twin.o" &&
    g++ $part -DPART=part_vector "$1" -o "$work/vector.o" &&
    g++ -std=c++20 tests/link/main.cpp "$work/plain.o" "$work/twin.o" "$work/vector.o" -pthread -o "$work/link" &&
    "$work/link" weights/person.int8.safetensors
}
if [ "$machine" != x86_64 ]; then
  check "objects with other instruction sets link and agree" link -DATTENDSEG_FORCE_SCALAR
elif runs_here avx2; then
  check "objects with other instruction sets link and agree" link -mavx2
else
  skip "link: this CPU has no AVX2"
fi
package() {
  config=include/attendseg/core/config.hpp
  version=$(sed -n 's/.*define ATTENDSEG_VERSION_MAJOR //p' $config).$(sed -n 's/.*define ATTENDSEG_VERSION_MINOR //p' $config)
  rm -rf "$work/prefix" "$work/user" &&
    cmake -S . -B "$work/install" -DATTENDSEG_BUILD_EXAMPLES=OFF -DATTENDSEG_BUILD_TESTS=OFF \
      -DCMAKE_INSTALL_PREFIX="$work/prefix" && cmake --install "$work/install" &&
    cmake -S tests/package -B "$work/user" -DCMAKE_PREFIX_PATH="$work/prefix" -DVERSION="$version" \
      -DEXAMPLES="$top/examples" &&
    cmake --build "$work/user" -j "$jobs" && "$work/user/int8_user" weights/person.int8.safetensors &&
    "$work/user/float_user" weights/person.float.safetensors
}
check "find_package finds the installed library" package

stage "instruction counts"
need_packages valgrind || true
count "instructions.sh" sh tests/instructions.sh

stage "done"
tally
