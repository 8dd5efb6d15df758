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

import numpy as np
from PIL import Image

import oracle
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
    for path in found:
        if not mask_of(path).is_file():
            raise RequirementsError(f"{path}: no mask, expected {mask_of(path)}")
    return found


def mask_of(picture: pathlib.Path) -> pathlib.Path:
    return picture.parent.parent / "labels" / (picture.stem + ".png")


def order(path: pathlib.Path) -> str:
    """A shuffle that is the same everywhere."""
    return hashlib.sha256(path.stem.encode()).hexdigest()


def carve(paths: list[pathlib.Path], share: float) -> tuple[list[pathlib.Path], list[pathlib.Path]]:
    """(training, validation): a share of the pictures, always the same ones."""
    shuffled = sorted(paths, key=order)
    count = max(1, round(share * len(paths)))
    return sorted(shuffled[count:]), sorted(shuffled[:count])


def place(path: pathlib.Path, to: pathlib.Path, largest: int, prefix: str) -> None:
    """Links to a picture and its mask; copies, reduced as the library reduces, where they are larger than `largest`."""
    mask, name = mask_of(path), prefix + path.stem
    with Image.open(path) as image:
        height, width = oracle.network_size(image.height, image.width, largest)
        if (width, height) != image.size:
            reduced = oracle.resample(np.array(image.convert("RGB")), height, width)
            Image.fromarray(reduced).save(to / "images" / f"{name}.png")
            with Image.open(mask) as labels:
                labels.resize((width, height), Image.Resampling.NEAREST).save(to / "labels" / f"{name}.png")
            return
    os.symlink(path.resolve(), to / "images" / (prefix + path.name))
    os.symlink(mask.resolve(), to / "labels" / f"{name}.png")


def digest(root: pathlib.Path, largest: int, *groups: list[pathlib.Path]) -> str:
    """Of which pictures a view is made; the same on machines that keep the set in another place."""
    names = [f"{i} {path.relative_to(root)}" for i, group in enumerate(groups) for path in group]
    text = "\n".join([str(largest), *names])
    return hashlib.sha256(text.encode()).hexdigest()


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
    size, counts = oracle.network_size(*middle, largest), (len(train), len(held_out))
    if not carved and max(map(max, sizes)) <= largest:
        return View(root.parent, root.name, r.train, list(r.validation), counts, size, False)
    final, made_of = out / "data" / root.name, digest(root, largest, train, held_out)
    if not final.exists():
        part = out / f"data.{os.getpid()}" / root.name
        for split, paths in (("train", train), ("val", held_out)):
            for kind in ("images", "labels"):
                (part / split / kind).mkdir(parents=True, exist_ok=True)
            several = len({path.parent for path in paths}) > 1  # splits, whose pictures may have equal names
            for path in paths:
                place(path, part / split, largest, f"{path.parent.parent.name}-" if several else "")
        shutil.copy(root / "dataset.json", part / "dataset.json")
        (part / "made-of").write_text(made_of)
        final.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.rename(final)
        except OSError:  # another worker was faster; the views are the same
            shutil.rmtree(part)
        part.parent.rmdir()
    if not (final / "made-of").is_file() or (final / "made-of").read_text() != made_of:
        raise RequirementsError(
            f"data: pictures have changed since {final} was made of them, expected the same; choose another --out"
        )
    return View(final.parent, root.name, ["train"], ["val"], counts, size, True)
