# SPDX-License-Identifier: Apache-2.0
"""The labelled pictures of a data set, one at a time and checked; NumPy and Pillow alone.

Layout: NAME/dataset.json (classes, palette, source, terms), NAME/SPLIT/images/*.{jpg,png} and
NAME/SPLIT/labels/*.png (8-bit class ids, 255 = ignore). Stems of a picture and of its mask are equal.
"""

from __future__ import annotations

import argparse
import json
import pathlib

import numpy as np
from PIL import Image

IGNORE = 255
SUFFIXES = (".jpg", ".jpeg", ".png")


def read_info(root: pathlib.Path) -> dict:
    """What dataset.json says."""
    return json.loads((root / "dataset.json").read_text())


def pairs(root: pathlib.Path, split: str) -> list[tuple[pathlib.Path, pathlib.Path]]:
    """(picture, mask) of a split, in order of their names."""
    folder = root / split / "images"
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    images = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)
    if not images:
        raise ValueError(f"{folder}: no .jpg or .png pictures")
    found = [(image, root / split / "labels" / (image.stem + ".png")) for image in images]
    for image, label in found:
        if not label.exists():
            raise ValueError(f"{image}: no mask at {label}")
    return found


def spread(items: list, limit: int | None) -> list:
    """At most `limit` items, evenly spaced over all: neighbours of one film look alike."""
    count = min(len(items), limit or len(items))
    return [items[i * len(items) // count] for i in range(count)]


def read_pair(image: pathlib.Path, label: pathlib.Path, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Picture [H, W, 3] and mask [H, W], both uint8."""
    picture, mask = np.array(Image.open(image).convert("RGB")), np.array(Image.open(label))
    if mask.shape != picture.shape[:2]:
        raise ValueError(f"{label}: shape {mask.shape}, expected {picture.shape[:2]} as {image.name}")
    wrong = mask[(mask >= classes) & (mask != IGNORE)]
    if wrong.size:
        raise ValueError(f"{label}: class id {wrong[0]}, expected 0 to {classes - 1} or {IGNORE}")
    return picture, mask


def count_labels(truth: np.ndarray, met: np.ndarray, classes: int) -> np.ndarray:
    """[classes, classes] pixels by label (row) and by what was met there (column), all but the ignored ones."""
    keep = truth != IGNORE
    index = truth[keep].astype(np.int64) * classes + met[keep]
    return np.bincount(index, minlength=classes**2).reshape(classes, classes)


def is_test(split: str) -> bool:
    """Whether a split is for the final measure, whichever way its folder is written."""
    return pathlib.PurePath(split).name.startswith("test")


def development_split(name: str) -> str:
    """A --split that may be looked at as often as one likes."""
    if is_test(name):
        raise argparse.ArgumentTypeError(f"{name!r} is looked at once, by `evaluate`; expected train, val, ...")
    return name
