#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# demo.sh [IMAGE]: builds the program `segment` and runs it on a photograph: yours, or the two that come along.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/examples/common/packages.sh"
out=$top/demo-output

if [ $# -gt 1 ] || [ "${1-}" = --help ] || [ "${1-}" = -h ]; then
  echo "usage: sh examples/demo.sh [IMAGE]" >&2
  exit 1
fi
if [ $# = 1 ] && [ ! -r "$1" ]; then
  echo "demo.sh: $1: no such file" >&2
  exit 1
fi

need_packages g++ cmake make libcli11-dev libstb-dev libeigen3-dev libxsimd-dev || exit 1

mkdir -p "$top/build"
log=$top/build/demo.log
echo "building the program segment (a minute or so the first time)"
if ! { cd "$top" && cmake --preset release && cmake --build build/release --target segment -j "$(nproc)"; } >"$log" 2>&1; then
  cat "$log" >&2
  echo "demo.sh: the build failed; its messages are above and in $log" >&2
  exit 1
fi
cd "$OLDPWD"

# segment WEIGHTS IMAGE
segment() {
  "$top/build/release/bin/segment" "$2" --weights "$top/weights/$1.int8.safetensors" --threads "$(nproc)" -o "$out"
}
if [ $# = 1 ]; then
  segment person "$1"
else
  segment person "$top/examples/images/astronaut.png"
  segment camvid "$top/examples/images/china.jpg"
fi
echo "The pictures are in $out"
