#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh [--quick] [--markdown] [--json FILE]: builds the benchmarks for this machine, runs all of them and prints one
# set of tables; draws docs/images/roofline.png and memory-time.png (with --quick: into build/bench).
set -eu
usage() {
  echo "usage: sh bench/run.sh [--quick] [--markdown] [--json FILE]" >&2
  exit 1
}
top=$(cd "$(dirname "$0")/.." && pwd)
quick='' markdown='' json=$top/build/bench/report.json
while [ $# -gt 0 ]; do
  case $1 in
    --quick) quick=--quick ;;
    --markdown) markdown=--markdown ;;
    --json)
      [ $# -gt 1 ] || usage
      shift
      json=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
      ;;
    *) usage ;;
  esac
  shift
done
cd "$top"
. examples/common/packages.sh
need_packages g++ cmake make python3 libbenchmark-dev libeigen3-dev libxsimd-dev || exit 1
need_packages python3-matplotlib || echo "SKIP   the plots: no matplotlib" >&2

work=$top/build/bench
raw=$work/raw
images=$top/docs/images
[ -z "$quick" ] || images=$work
mkdir -p "$raw"
say() {
  echo "-- $*" >&2
}

say "building"
if ! { cmake -S . -B "$work" -DCMAKE_BUILD_TYPE=Release -DATTENDSEG_BUILD_EXAMPLES=OFF -DATTENDSEG_BUILD_TESTS=OFF \
  -DATTENDSEG_BUILD_BENCH=ON && cmake --build "$work" -j "$(nproc)"; } >"$work/build.log" 2>&1; then
  tail -n 30 "$work/build.log" >&2
  echo "run.sh: the build failed; its messages are in build/bench/build.log" >&2
  exit 1
fi

# Repetitions come interleaved in random order, so that a disturbance spreads over all. Google Benchmark's remarks (such
# as Debian's library being a debug build, which only concerns its own loop) stay in the log.
measure() { # NAME REPETITIONS SECONDS [FILTER]
  say "$1"
  "$work/bin/bench_$1" --benchmark_repetitions="$2" --benchmark_min_time="$3" --benchmark_filter="${4-.}" \
    --benchmark_enable_random_interleaving=true --benchmark_out="$raw/$1.json" --benchmark_out_format=json \
    --benchmark_format=json >/dev/null 2>"$raw/$1.log" || {
    cat "$raw/$1.log" >&2
    exit 1
  }
}
if [ -n "$quick" ]; then
  measure operators 3 0.003
  measure network 3 0.01 'int8/whole/(128|512|1024)/|float/whole/512/|int8/(plan|stream)/(512|2048)/|load'
else
  measure operators 9 0.02
  measure network 5 0.05 'int8/|float/(whole|load)'
fi
say "cold start"
python3 bench/cold_start.py "$work/bin" weights "$raw/cold.json" $quick
echo
python3 bench/report.py "$raw" --json "$json" $markdown

if python=$(python_with matplotlib); then
  "$python" bench/plot.py "$json" "$images"
  say "plots in ${images#"$top"/}"
fi
