# SPDX-License-Identifier: Apache-2.0
"""Whether the program `evaluate` agrees with oracle.py to the last label, over a split of a data set.

  python weights/recipe/agreement.py NAME.int8.safetensors --data DATA/camvid --evaluate build/release/bin/evaluate

The oracle's masks are given to `evaluate` as if they were the true labels: every pixel off the diagonal of its
confusion matrix is a label that differs. Where the network's classes are the data set's, the confusion matrices against
the true labels are compared as well. Pictures are handed over as PNG, since decoders of JPEG differ. NumPy and Pillow
alone. Prints a line of JSON; the exit code is 1 where a label or a count differs.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

import oracle
from pictures import count_labels, development_split, pairs, read_info, read_pair, spread
from progress import progress


def run_evaluate(program: pathlib.Path, weights: pathlib.Path, folder: pathlib.Path,
                 labels: str) -> tuple[np.ndarray, int]:
    """The confusion matrix of `evaluate` for FOLDER/images against FOLDER/`labels`, and how many pictures it read."""
    command = [program, "--weights", weights, "--images", folder / "images", "--labels", folder / labels, "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{program}: exit code {done.returncode}: {done.stderr.strip()}")
    said = json.loads(done.stdout)
    return np.array(said["confusion"], np.int64), said["images"]


def write_oracle(network: oracle.Network, found: list, theirs: int, folder: pathlib.Path, truth: bool) -> np.ndarray:
    """Writes FOLDER/images, FOLDER/oracle (masks) and, on request, FOLDER/truth as PNG.

    @return the oracle's confusion matrix, all 0 where `truth` is not wanted
    """
    classes = network.description.classes
    total = np.zeros((classes, classes), np.int64)
    for kind in ("images", "oracle", "truth"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for i, (image, label) in enumerate(progress(found, "pictures through the oracle")):
        picture, labels = read_pair(image, label, theirs)
        mask, _, _ = oracle.run(network, picture)
        name = f"{i:05d}-{image.stem}.png"
        Image.fromarray(picture).save(folder / "images" / name, compress_level=1)
        Image.fromarray(mask).save(folder / "oracle" / name, compress_level=1)
        if truth:
            Image.fromarray(labels).save(folder / "truth" / name, compress_level=1)
            total += count_labels(labels, mask, classes)
    return total


def compare(program: pathlib.Path, weights: pathlib.Path, root: pathlib.Path, split: str, limit: int | None,
            folder: pathlib.Path) -> dict:
    """What agrees, as data; `folder` is filled with what `evaluate` reads."""
    network = oracle.Network.load(weights)
    theirs = read_info(root)["classes"]
    same_classes = json.loads(network.metadata["classes"]) == theirs
    found = spread(pairs(root, split), limit)
    wanted = write_oracle(network, found, len(theirs), folder, same_classes)
    cross, read = run_evaluate(program, weights, folder, "oracle")
    if read != len(found):
        raise RuntimeError(f"{program}: {read} pictures read, expected {len(found)}")
    out = {"pictures": read, "labels": int(cross.sum()), "labels_differing": int(cross.sum() - np.trace(cross)),
           "counts_differing": None}
    if same_classes:
        met, _ = run_evaluate(program, weights, folder, "truth")
        out["counts_differing"] = int((met != wanted).sum())
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("weights", type=pathlib.Path, help="NAME.int8.safetensors")
    p.add_argument("--data", type=pathlib.Path, required=True, help="folder of the data set (dataset.json, ...)")
    p.add_argument("--split", type=development_split, default="val", help="not test [val]")
    p.add_argument("--limit", type=int, help="only so many pictures, evenly spaced over the split")
    p.add_argument("--evaluate", type=pathlib.Path, required=True, help="the program")
    p.add_argument("--keep", type=pathlib.Path, help="empty folder for pictures and masks [a temporary one]")
    a = p.parse_args()
    if a.keep and a.keep.exists() and any(a.keep.iterdir()):
        p.error(f"--keep {a.keep}: is not empty")
    with tempfile.TemporaryDirectory() as scratch:
        met = compare(a.evaluate, a.weights, a.data, a.split, a.limit, a.keep or pathlib.Path(scratch))
    print(json.dumps(met))
    sys.exit(bool(met["labels_differing"] or met["counts_differing"]))


if __name__ == "__main__":
    main()
