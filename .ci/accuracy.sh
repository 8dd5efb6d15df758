#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# accuracy.sh DATA [--record]: measures the released weights on the test splits below DATA and compares with
# weights/accuracy.json, which --record writes. int8 must agree to the last digit, on any machine. float may differ
# in the last bits of its sums from one instruction set or cache size to another, so it may differ by 0.01 points.
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
data=$(cd "${1:?usage: accuracy.sh DATA [--record]}" && pwd) || exit 1
record=${2-}
cd "$top" || exit 1
. tests/tally.sh
file=weights/accuracy.json

if ! { cmake --preset release && cmake --build build/release --target evaluate -j "$(nproc)"; } >"$scratch/log" 2>&1; then
  fail "evaluate builds" "$scratch/log"
  tally
  exit 1
fi

# value KEY: a number in a line of JSON on standard input
value() {
  sed -n "s/.*\"$1\": *\([0-9.e+-]*\).*/\1/p"
}
near() {
  awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; exit !(a != "" && b != "" && d <= 0.01 && d >= -0.01) }'
}

lines=
for set in camvid person; do
  for precision in int8 float; do
    key=$set.$precision
    flag=
    [ "$precision" = int8 ] || flag=--float
    if ! build/release/bin/evaluate --images "$data/$set/test/images" --labels "$data/$set/test/labels" \
      --weights "weights/$key.safetensors" $flag --threads "$(nproc)" --json >"$scratch/met" 2>"$scratch/said"; then
      fail "evaluate $key" "$scratch/said"
      continue
    fi
    miou=$(value miou <"$scratch/met") accuracy=$(value pixel_accuracy <"$scratch/met") images=$(value images <"$scratch/met")
    lines="$lines${lines:+,
}  \"$key\": {\"miou\": $miou, \"pixel_accuracy\": $accuracy, \"images\": $images}"
    wanted=$(grep "\"$key\":" "$file" 2>/dev/null)
    wanted_miou=$(echo "$wanted" | value miou) wanted_accuracy=$(echo "$wanted" | value pixel_accuracy)
    wanted_images=$(echo "$wanted" | value images)
    echo "$key: mIoU $miou, pixel accuracy $accuracy, $images images" | tee "$scratch/said"
    echo "recorded: mIoU $wanted_miou, pixel accuracy $wanted_accuracy, $wanted_images images" >>"$scratch/said"
    if [ "$images" != "$wanted_images" ]; then
      same=no
    elif [ "$precision" = int8 ]; then
      [ "$miou $accuracy" = "$wanted_miou $wanted_accuracy" ] && same=yes || same=no
    else
      near "$miou" "$wanted_miou" && near "$accuracy" "$wanted_accuracy" && same=yes || same=no
    fi
    if [ "$record" = --record ] || [ $same = yes ]; then pass 1; else fail "$key as recorded" "$scratch/said"; fi
  done
done
[ "$record" != --record ] || printf '{\n%s\n}\n' "$lines" >"$file"
tally
