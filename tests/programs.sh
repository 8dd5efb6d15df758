#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# programs.sh FOLDER: the programs in FOLDER on odd pictures, odd weights and odd arguments. An error is one line on
# standard error, a code that is not 0, and no file left behind.
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
bin=$(cd "${1:-$top/build/release/bin}" && pwd) || exit 1
. "$top/tests/tally.sh"
unset ATTENDSEG_WEIGHTS
int8=$top/weights/person.int8.safetensors
float=$top/weights/person.float.safetensors
images=$top/tests/data/images
cd "$scratch" || exit 1

checksum() {
  "$bin/segment" --json -o results "$@" 2>/dev/null | sed -n 's/.*"checksum":"\([0-9a-f]\{16\}\)".*/\1/p' | tr '\n' ' '
}

# Pictures that can be converted.
for picture in rgb.png rgba.png rgb16.png palette.png grey.png grey_alpha.png grey16.png rgb.jpg progressive.jpg \
  grey.jpg cmyk.jpg one_pixel.png; do
  rm -rf results
  accept "segment $picture" "$bin/segment" "$images/$picture" -o results/new/folder
  is "results of $picture" "$(ls -A results/new/folder | tr '\n' ' ')" \
    "${picture%.*}.classes.png ${picture%.*}.overlay.png "
done
sum=$(checksum "$images/rgb.png")
is "a checksum has 16 digits" "${#sum}" 17
is "alpha is dropped" "$(checksum "$images/rgba.png")" "$sum"
is "16 bits are cut to 8" "$(checksum "$images/rgb16.png")" "$sum"
is "three threads give the same bits" "$(checksum --threads 3 "$images/rgb.png")" "$sum"
sum=$(checksum "$images/grey.png")
is "grey and alpha is read as grey" "$(checksum "$images/grey_alpha.png")" "$sum"
is "16-bit grey is read as grey" "$(checksum "$images/grey16.png")" "$sum"
is "progressive JPEG decodes as baseline" "$(checksum "$images/progressive.jpg")" "$(checksum "$images/rgb.jpg")"

# Pictures that cannot.
refuse "missing file" "no-such.png: cannot be opened" "$bin/segment" no-such.png -o results
refuse "too wide" "too_wide.png: width 20000, expected 1 to 8192" "$bin/segment" "$images/too_wide.png" -o results
refuse "text named .png" "text.png: is not a JPEG or PNG picture" "$bin/segment" "$images/text.png" -o results
refuse "CMYK without a marker" "four colour channels" "$bin/segment" "$images/cmyk_unmarked.jpg" -o results
: >empty.png
refuse "empty file" "empty.png: is empty" "$bin/segment" empty.png -o results
for picture in rgb.png rgb.jpg progressive.jpg cmyk.jpg; do
  size=$(wc -c <"$images/$picture")
  for bytes in 9 30 $((size / 2)) $((size - 13)) $((size - 1)); do
    head -c "$bytes" "$images/$picture" >"cut.${picture##*.}"
    refuse "$picture cut to $bytes bytes" "cut.*: is " "$bin/segment" "cut.${picture##*.}" -o results
  done
done
{ head -c 200 "$images/rgb.png"; head -c 3000 "$images/rgb.jpg"; tail -c +1201 "$images/rgb.png"; } >mixed.png
refuse "PNG with foreign bytes in it" "mixed.png: is " "$bin/segment" mixed.png -o results

# Weights.
refuse "missing weights" "none.safetensors: cannot be opened" "$bin/segment" "$images/rgb.png" -o results --weights none.safetensors
refuse "a folder as weights" ": " "$bin/segment" "$images/rgb.png" -o results --weights "$images"
refuse "a picture as weights" "header" "$bin/segment" "$images/rgb.png" -o results --weights "$images/rgb.png"
size=$(wc -c <"$int8")
for bytes in 0 7 8 100 $((size / 2)) $((size - 1)); do
  head -c "$bytes" "$int8" >cut.safetensors
  refuse "weights cut to $bytes bytes" "cut.safetensors: " "$bin/segment" "$images/rgb.png" -o results --weights cut.safetensors
done
refuse "float weights for int8" 'precision: .*float' "$bin/segment" "$images/rgb.png" -o results --weights "$float"
refuse "int8 weights for float" 'precision: .*int8' "$bin/segment" "$images/rgb.png" -o results --weights "$int8" --float
accept "float network" "$bin/segment" "$images/rgb.png" -o results --float
accept "ATTENDSEG_WEIGHTS names a file" env ATTENDSEG_WEIGHTS="$int8" "$bin/segment" "$images/rgb.png" -o results
accept "ATTENDSEG_WEIGHTS names a folder" env ATTENDSEG_WEIGHTS="$top/weights" "$bin/segment" "$images/rgb.png" -o results
refuse "ATTENDSEG_WEIGHTS names nothing" "nowhere: cannot be opened" env ATTENDSEG_WEIGHTS=nowhere "$bin/segment" "$images/rgb.png" -o results

# Places for results (root may write anywhere, so the place is one that cannot be a folder).
: >file
refuse "results below a file" "file/below: " "$bin/segment" "$images/rgb.png" -o file/below
refuse "results into a file" "file: " "$bin/segment" "$images/rgb.png" -o file
if [ "$(id -u)" != 0 ]; then
  mkdir -p locked && chmod 555 locked
  refuse "results into a read-only folder" "locked: " "$bin/segment" "$images/rgb.png" -o locked
fi
mkdir -p taken/rgb.overlay.png
refuse "a folder where a result should be" "rgb.overlay.png: " "$bin/segment" "$images/rgb.png" -o taken
is "nothing hidden is left behind" "$(find . -name '.*.tmp')" ""
if [ -e /dev/full ]; then
  refuse "standard output that is full" "standard output" sh -c "'$bin/segment' '$images/rgb.png' -o . --json >/dev/full"
fi

# Folders.
mkdir -p folder/inner && cp "$images/rgb.png" folder/a.png && cp "$images/text.png" folder/b.png &&
  cp "$images/rgb.jpg" folder/c.jpg && echo note >folder/notes.txt
code=0
"$bin/segment" folder -o folder --json >out 2>err || code=$?
is "a folder with a bad file ends with 1" "$code" 1
is "its good files are done" "$(wc -l <out)" 2
is "every line is an object" "$(grep -c '^{"image":".*","width":48,"height":40,"classes":{.*},"checksum":"[0-9a-f]\{16\}","milliseconds":[0-9.e-]*}$' out)" 2
holds "the bad file is named at the end" "1 of 3 pictures failed: folder/b.png" err
is "results beside the pictures" "$(ls -A folder | tr '\n' ' ')" \
  "a.classes.png a.overlay.png a.png b.png c.classes.png c.jpg c.overlay.png inner notes.txt "
rm folder/b.png
accept "a second run leaves earlier results out" "$bin/segment" folder -o folder --json
is "two pictures again" "$(wc -l <out)" 2
mkdir -p none
refuse "an empty folder" "none: holds no" "$bin/segment" none -o results
mkdir -p other && cp "$images/grey.png" other/a.png
code=0
"$bin/segment" folder/a.png other/a.png -o both >out 2>err || code=$?
is "two pictures of one name end with 1" "$code" 1
holds "the second one is refused" "other/a.png: its results would replace those of folder/a.png" err

# Arguments.
refuse "no argument" "segment: " "$bin/segment"
refuse "unknown argument" "--wrong" "$bin/segment" "$images/rgb.png" --wrong -o results
refuse "no thread" "--threads" "$bin/segment" "$images/rgb.png" --threads 0 -o results
accept "help" "$bin/segment" --help
accept "version" "$bin/segment" --version

# evaluate, on labels that the network made itself: it must agree with itself.
mkdir -p pictures labels
cp "$images/rgb.png" pictures/a.png && cp "$images/grey.jpg" pictures/b.jpg
for picture in a.png b.jpg; do "$bin/segment" pictures/$picture -o made >/dev/null; done
cp made/a.classes.png labels/a.png && cp made/b.classes.png labels/b.png
accept "evaluate" "$bin/evaluate" --images pictures --labels labels --json --plot plots/confusion.png
holds "all right" '^{"miou":100.0,"pixel_accuracy":100.0,"iou":{.*},"confusion":\[\[.*\]\],"images":2}$' out
holds "the plot is a PNG" PNG plots/confusion.png
accept "evaluate as a table" "$bin/evaluate" --images pictures --labels labels --limit 1
holds "one image only" "images  *1$" out
refuse "evaluate without arguments" "--images" "$bin/evaluate"
refuse "no labels" "none/a.png: cannot be opened" "$bin/evaluate" --images pictures --labels none
refuse "no pictures" "nothing: " "$bin/evaluate" --images nothing --labels labels
refuse "plot below a file" "file/below: " "$bin/evaluate" --images pictures --labels labels --plot file/below/plot.png
cp "$images/grey.png" labels/a.png
refuse "a class id that is too large" "labels/a.png: class id [0-9]*, expected 0 to [0-9]* or 255" "$bin/evaluate" --images pictures --labels labels
cp "$images/rgb.png" labels/a.png
refuse "labels in colour" "labels/a.png: 8-bit RGB PNG, expected 8-bit grey" "$bin/evaluate" --images pictures --labels labels
cp "$images/grey16.png" labels/a.png
refuse "labels of 16 bits" "16-bit grey PNG" "$bin/evaluate" --images pictures --labels labels
cp "$images/one_pixel.png" pictures/a.png && cp made/a.classes.png labels/a.png
refuse "labels of another size" "48 x 40 labels, expected 1 x 1" "$bin/evaluate" --images pictures --labels labels

# evaluate on a data set that has other classes than the network.
mkdir -p set/val/images set/val/labels
cp "$images/rgb.png" set/val/images/a.png && cp made/a.classes.png set/val/labels/a.png
evaluate_set() {
  "$bin/evaluate" --images set/val/images --labels set/val/labels --json "$@"
}
echo '{"classes": ["background", "person"]}' >set/dataset.json
accept "the classes of the network" evaluate_set
echo '{"classes": ["scene", "somebody"]}' >set/dataset.json
refuse "other classes" "set/val/labels: classes scene, somebody, expected those of the network, background, person, or --map" evaluate_set
echo '{"somebody": ["person"], "scene": ["background"]}' >map.json
accept "other classes, mapped" evaluate_set --map map.json
holds "the data set's names and ids" '^{"miou":100.0,"pixel_accuracy":100.0,"iou":{"scene":100.0,"somebody":.*},"confusion"' out
echo '{"classes": ["drivable", "non-drivable", "living", "vehicle", "roadside-object", "far-object", "sky"]}' >set/dataset.json
accept "the map of the source tree" evaluate_set --weights "$top/weights/camvid.int8.safetensors" \
  --map "$top/weights/maps/camvid-to-idd-lite.json"
echo '{"classes": ["scene", "somebody"]}' >set/dataset.json
refuse_map() { # NAME PATTERN JSON
  echo "$3" >map.json
  refuse "$1" "map.json: $2" evaluate_set --map map.json
}
refuse_map "a map without a class of the network" 'person: of the network, named nowhere' '{"scene": ["background"], "somebody": []}'
refuse_map "an unknown class of the network" 'somebody: "people", expected one of background, person' '{"scene": ["background"], "somebody": ["people"]}'
refuse_map "an unknown class of the data set" 'anybody: not a class of the data set, expected one of scene, somebody' '{"anybody": ["person"]}'
refuse_map "a map that is cut short" 'byte ' '{"scene": '
refuse "no map" "none.json: cannot be opened" evaluate_set --map none.json
echo '{"classes": 2}' >set/dataset.json
refuse "classes that are no array" "dataset.json: classes: 2, expected an array" evaluate_set

# inspect and minimal.
accept "inspect" "$bin/inspect"
holds "licence" "^licence" out
accept "inspect --json" "$bin/inspect" --size 360x480 --json
for key in parameters macs weight_bytes peak_activation_bytes layers classes license; do
  holds "inspect tells $key" "\"$key\":" out
done
is "weight bytes are the file's" "$(sed -n 's/.*"weight_bytes":\([0-9]*\).*/\1/p' out)" "$(($(wc -c <"$int8")))"
accept "inspect by rows" "$bin/inspect" --size 4096x4096 --native --memory 64
holds "rings of rows" "stem .* [1-9][0-9]$" out
refuse "inspect in no memory" "memory_budget: 10485, expected at least" "$bin/inspect" --memory 0.01
accept "inspect float weights" "$bin/inspect" --weights "$float"
for size in 0x10 10 10x 10x10x3 9000x10 -1x5 axb; do
  refuse "inspect --size $size" "size" "$bin/inspect" --size="$size"
done
refuse "inspect a picture" "rgb.png: " "$bin/inspect" --weights "$images/rgb.png"
accept "minimal" "$bin/minimal" "$int8"
refuse "minimal without weights" "cannot be opened" "$bin/minimal" none.safetensors
tally
