# SPDX-License-Identifier: Apache-2.0
"""The data set as the search sees it: no test split, a validation split carved where there is none, no picture larger
than the network's working size. Made of links and reduced copies; a set that is fit as it lies is taken so.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
import shutil

from PIL import Image

from pictures import SUFFIXES
from search.requirements import Requirements
from search.table import RequirementsError


@dataclasses.dataclass(frozen=True)
class View:
    """`parent`/`name`/SPLIT, and what of it is trained on and validated with."""

    parent: pathlib.Path
    name: str
    train: list[str]
    validate: list[str]
    counts: tuple[int, int]  # pictures to train on, to validate with
    size: tuple[int, int]  # height, width of the middle one of the training pictures, by area
    own: bool  # not the set as it lies


def pictures(root: pathlib.Path, splits: list[str]) -> list[pathlib.Path]:
    found = sorted(p for s in splits for p in (root / s / "images").iterdir() if p.suffix.lower() in SUFFIXES)
    if not found:
        raise RequirementsError(f"data.train: no .jpg or .png pictures in {root}, splits {splits}")
    return found


def order(path: pathlib.Path) -> str:
    """A shuffle that is the same everywhere."""
    return hashlib.sha256(path.stem.encode()).hexdigest()


def carve(paths: list[pathlib.Path], share: float) -> tuple[list[pathlib.Path], list[pathlib.Path]]:
    """(training, validation): a share of the pictures, always the same ones."""
    shuffled = sorted(paths, key=order)
    count = max(1, round(share * len(paths)))
    return sorted(shuffled[count:]), sorted(shuffled[:count])


def place(path: pathlib.Path, to: pathlib.Path, largest: int) -> None:
    """Links to a picture and its mask; copies, reduced as the library reduces, where they are larger than `largest`."""
    mask = path.parent.parent / "labels" / (path.stem + ".png")
    with Image.open(path) as image:
        width, height = image.size
        factor = largest / max(width, height)
        if factor < 1:
            size = max(1, round(width * factor)), max(1, round(height * factor))
            image.convert("RGB").resize(size, Image.Resampling.BOX).save(to / "images" / (path.stem + ".png"))
            with Image.open(mask) as labels:
                labels.resize(size, Image.Resampling.NEAREST).save(to / "labels" / (path.stem + ".png"))
            return
    os.symlink(path.resolve(), to / "images" / path.name)
    os.symlink(mask.resolve(), to / "labels" / mask.name)


def make(r: Requirements, root: pathlib.Path, out: pathlib.Path) -> View:
    """The view of the data set at `root`, written below `out` where one is needed."""
    train = pictures(root, r.train)
    if isinstance(r.validation, float):
        train, held_out = carve(train, r.validation)
    else:
        held_out = pictures(root, r.validation)
    carved = isinstance(r.validation, float) or len(held_out) > r.validation_pictures
    held_out = sorted(sorted(held_out, key=order)[: r.validation_pictures])
    sizes = []
    for path in train + held_out:
        with Image.open(path) as image:
            sizes.append((image.height, image.width))
    largest = r.base["working_size"]
    middle = sorted(sizes[: len(train)], key=lambda s: s[0] * s[1])[len(train) // 2]
    factor = min(1.0, largest / max(middle))
    size, counts = (round(middle[0] * factor), round(middle[1] * factor)), (len(train), len(held_out))
    if not carved and max(map(max, sizes)) <= largest:
        return View(root.parent, root.name, r.train, list(r.validation), counts, size, False)
    final = out / "data" / root.name
    if not final.exists():
        part = out / f"data.{os.getpid()}" / root.name
        for split, paths in (("train", train), ("val", held_out)):
            for kind in ("images", "labels"):
                (part / split / kind).mkdir(parents=True, exist_ok=True)
            for path in paths:
                place(path, part / split, largest)
        shutil.copy(root / "dataset.json", part / "dataset.json")
        final.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.rename(final)
        except OSError:  # another worker was faster; the views are the same
            shutil.rmtree(part)
        part.parent.rmdir()
    return View(final.parent, root.name, ["train"], ["val"], counts, size, True)
