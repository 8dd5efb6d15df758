#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# latency.sh PROGRAM [EMULATOR]: bench/latency on the network of the first release, on small ones and on wrong input.
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
program=$(cd "$(dirname "$1")" && pwd)/$(basename "$1") || exit 1
shift
emulator=$*
. "$top/tests/tally.sh"
cd "$scratch" || exit 1

# latency ARGUMENTS...: on the description in description.json.
latency() {
  $emulator "$program" --seconds 0 "$@" <description.json
}
condenser() { # CHANNELS
  echo '{"condense":"max","factor":2,"embedding":"depthwise","channels":'"$1"',"groups":1,"expand":"nearest","scale":"channel","double":false}'
}
stage() { # WIDTH DILATIONS CHANNELS
  echo '{"width":'"$1"',"stride":2,"expansion":2,"dilations":['"$2"'],"condenser":'"$(condenser "$3")"'}'
}

# Parameters and multiply-accumulates as `inspect` tells them of camvid.int8.safetensors of 0.1.0.
echo '{"name":"camvid","classes":11,"stem":24,"stages":['"$(stage 32 1,1 8)"','"$(stage 64 1,1,1 16)"','"$(stage 144 1,1,2,1,4,1,2 32)"'],"decoder":[64,32]}' \
  >description.json
accept "released network" latency --height 33 --width 64
number='[0-9.]*'
holds "one JSON object" "^{\"latency_ms\": $number, \"median_ms\": $number, \"runs\": 10, \"clock\": \"thread\", \"plan_bytes\": [1-9][0-9]*, \"parameters\": 818763, \"macs\": 22202624, \"weight_bytes\": 9[67][0-9]*, \"backend\": \"[a-z0-9_]*\", \"threads\": 1, \"height\": 33, \"width\": 64}$" out
is "one line" "$(wc -l <out)" 1
accept "a file, two threads, a side" $emulator "$program" --description description.json --threads 2 --side=64 --seconds=0.001
holds "the clock on the wall" '"clock": "wall"' out
holds "threads and sides" '"threads": 2, "height": 64, "width": 64}$' out

echo '{"name":"least","classes":2,"stem":1,"stages":['"$(stage 1 1 0)"'],"decoder":[]}' >description.json
accept "the least network on the least picture" latency --side 1
for wrong in "--side 0" "--height 8193" "--width 1x" "--threads 0" "--seconds nan"; do
  refuse "$wrong" "latency: ${wrong% *}: ${wrong#* }, expected [01] to [0-9]*$" latency $wrong
done
refuse "an unknown argument" "latency: --wrong: an unknown argument" latency --wrong
refuse "no value" "latency: --side: nothing, expected a value" latency --side
refuse "no such file" "latency: none: cannot be opened" latency --description none
: >empty
refuse "an empty file" "latency: empty: byte 0: the text ends" latency --description empty
echo '{"name":"least","classes":1}' >description.json
refuse "not all members" "latency: standard input: stem: missing" latency
echo '{"name":"least","classes":1,"stem":1,"stages":['"$(stage 1 1 0)"'],"decoder":[]}' >description.json
refuse "one class" "latency: standard input: classes: 1, expected 2 to 64" latency
accept "help" latency --help
tally
