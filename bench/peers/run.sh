#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh [--json FILE] [--size N] [--threads "1 2"] [--quick] [--only ENGINE,...] [--avx2]: this library against ONNX
# Runtime, OpenVINO, LiteRT and ncnn on the same network. Packages go to build/peers/venv. README.md says how and why.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
peers=$top/bench/peers
work=$top/build/peers
say() { echo "-- $*" >&2; }
usage() {
  echo 'usage: sh bench/peers/run.sh [--json FILE] [--size N] [--threads "1 2"] [--quick] [--only ENGINE,...] [--avx2]' >&2
  exit 1
}

size=512 json='' threads='1 2' only='' quick='' avx2=''
while [ $# -gt 0 ]; do
  case $1 in
    --quick) quick=$1 ;;
    --avx2) avx2=$1 ;;
    --json | --size | --threads | --only)
      [ $# -gt 1 ] || usage
      name=${1#--}
      eval "$name=\$2"
      shift
      ;;
    *) usage ;;
  esac
  shift
done
case $size in '' | *[!0-9]*) usage ;; esac
if [ "$size" -lt 64 ] || [ $((size % 64)) != 0 ]; then
  echo "run.sh: --size $size, expected a multiple of 64 (the total stride; the peers do not pad), 64 or more" >&2
  exit 1
fi

. "$top/examples/common/packages.sh"
need_packages g++ python3 python3-venv || exit 1
need_packages libeigen3-dev libxsimd-dev || say "our float network is left out"
mkdir -p "$work"

python=$work/venv/bin/python
if ! cmp -s "$peers/requirements.txt" "$work/venv/installed.txt"; then
  say "installing the engines"
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || {
    echo "run.sh: python3 is $(python3 -V), expected 3.10 or newer" >&2
    exit 1
  }
  python3 -m venv "$work/venv"
  complete=yes
  for package in $(grep -v '^#' "$peers/requirements.txt"); do
    "$python" -m pip install -q --disable-pip-version-check "$package" >>"$work/pip.log" 2>&1 || {
      say "not installed: $package (build/peers/pip.log)"
      complete=
    }
  done
  [ -z "$complete" ] || cp "$peers/requirements.txt" "$work/venv/installed.txt"
fi
"$python" -c 'import numpy, PIL' || exit 1

build() { # NAME FLAGS...: quietly leaves out what does not build
  name=$1
  shift
  g++ -std=c++20 -O3 -DNDEBUG -pthread -I"$top/include" "$@" "$peers/ours.cpp" -o "$work/$name" 2>"$work/$name.log" || {
    rm -f "$work/$name"
    say "not built: $name (build/peers/$name.log)"
  }
}
say "building"
eigen="-DPEERS_FLOAT -isystem /usr/include/eigen3 -isystem /usr/local/include/eigen3"
if [ -n "$avx2" ]; then
  build ours-int8-avx2 -mavx2 -mfma
  build ours-f32-avx2 -mavx2 -mfma $eigen
else
  build ours-int8-native -march=native
  build ours-f32-native -march=native $eigen
fi

say "exporting"
"$python" "$peers/export" "$top/weights/camvid.int8.safetensors" "$top/weights/camvid.float.safetensors" \
  "$work/models-$size" "$size"
"$python" "$peers/compare.py" "$work" --size "$size" --threads "$threads" $quick $avx2 ${only:+--only "$only"} \
  ${json:+--json "$json"}
