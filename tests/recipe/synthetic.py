# SPDX-License-Identifier: Apache-2.0
"""A small random data set in the recipe's layout, for tests."""

import json
import pathlib

import numpy as np
from PIL import Image


def make_set(root: pathlib.Path, classes: list[str], sizes: list[tuple[int, int]], seed: int, split: str = "train") -> None:
    """Pictures of the given (height, width), noise with random masks, in root/split."""
    rng = np.random.default_rng(seed)
    for kind in ("images", "labels"):
        (root / split / kind).mkdir(parents=True, exist_ok=True)
    info = {"classes": classes, "palette": [[i, i, i] for i in range(len(classes))], "source": "random", "terms": "none"}
    (root / "dataset.json").write_text(json.dumps(info))
    for i, (h, w) in enumerate(sizes):
        Image.fromarray(rng.integers(0, 256, (h, w, 3), np.uint8)).save(root / split / "images" / f"{i}.png")
        Image.fromarray(rng.integers(0, len(classes), (h, w), np.uint8)).save(root / split / "labels" / f"{i}.png")
