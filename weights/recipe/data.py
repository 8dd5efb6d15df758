# SPDX-License-Identifier: Apache-2.0
"""Pictures and masks (pictures.py tells the layout) held in memory; augmentation in torch, where the network runs."""

from __future__ import annotations

import dataclasses
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

from pictures import IGNORE, pairs, read_info, read_pair, spread


def normalise(pixels: torch.Tensor) -> torch.Tensor:
    """uint8 (or float of 0..255) pixels to the network's input, (pixel - 128) / 64: numerics.md, "input"."""
    return (pixels.float() - 128) / 64


SOFT_STRIDE = 2  # soft labels are kept at half the picture's resolution: finer than any scores
SOFT_STEP = 1 / 255  # ... as bytes


class Folder:
    """All pictures of some splits, edge-padded to one size: images [N, 3, H, W] uint8, labels [N, H, W] uint8.

    With `soft`, a folder of soft_labels.py, also soft [N, C, H/2, W/2] uint8: a teacher's probabilities in 1/255; C is the
    teacher's number of classes, which need not be the data set's. `limits` {split: pictures} takes so many of a split alone,
    evenly spread: neighbours of one film teach the same.
    """

    def __init__(self, root: str | pathlib.Path, splits: list[str], soft: str | pathlib.Path | None = None,
                 limits: dict[str, int] | None = None):
        root = pathlib.Path(root)
        self.info = read_info(root)
        self.classes = len(self.info["classes"])
        limits = limits or {}
        wrong = sorted(split for split, most in limits.items() if split not in splits or most < 1)
        if wrong:
            raise ValueError(f"limits: {wrong[0]}: {limits[wrong[0]]}, expected 1 or more pictures of one of {splits}")
        files = [pair for split in splits for pair in spread(pairs(root, split), limits.get(split))]
        self.names = [image.stem for image, _ in files]
        read = [read_pair(image, label, self.classes) for image, label in files]
        self.sizes = torch.tensor([mask.shape for _, mask in read])
        height, width = self.sizes.amax(0).tolist()
        self.images = torch.empty(len(files), 3, height, width, dtype=torch.uint8)
        self.labels = torch.full((len(files), height, width), IGNORE, dtype=torch.uint8)
        for i, (picture, mask) in enumerate(read):
            h, w = mask.shape
            padded = np.pad(picture, ((0, height - h), (0, width - w), (0, 0)), mode="edge")
            self.images[i] = torch.from_numpy(padded).permute(2, 0, 1)
            self.labels[i, :h, :w] = torch.from_numpy(mask)
        self.soft = None if soft is None else torch.cat([
            self.read_soft(pathlib.Path(soft) / f"{root.name}-{s}.pt", len(pairs(root, s)), limits.get(s)) for s in splits])

    def read_soft(self, path: pathlib.Path, pictures: int, limit: int | None) -> torch.Tensor:
        """The soft labels of one split of so many pictures, those that are taken of it, padded with zeros to this folder's size."""
        if not path.exists():
            raise FileNotFoundError(f"{path}: no soft labels; soft_labels.py makes them")
        soft = torch.load(path, map_location="cpu")
        if len(soft) != pictures:
            raise ValueError(f"{path}: soft labels of {len(soft)} pictures, expected {pictures} as the split has")
        soft = soft[spread(list(range(pictures)), limit)]
        height, width = (-(-side // SOFT_STRIDE) for side in self.images.shape[-2:])
        return F.pad(soft, (0, width - soft.shape[3], 0, height - soft.shape[2]))

    def __len__(self):
        return len(self.names)

    def to(self, device):
        self.images, self.labels, self.sizes = self.images.to(device), self.labels.to(device), self.sizes.to(device)
        self.soft = None if self.soft is None else self.soft.to(device)
        return self

    def class_weights(self) -> torch.Tensor:
        """1 / ln(1.10 + p), p the share of a class in the labelled pixels (ENet, section 5)."""
        count = torch.bincount(self.labels.flatten().long(), minlength=256)[: self.classes].double()
        return (1 / torch.log(1.10 + count / count.sum())).float()


def padded(picture: torch.Tensor, multiple: int) -> torch.Tensor:
    """[N, 3, H, W] edge-replicated at the bottom and right to a multiple, as the library does."""
    h, w = picture.shape[-2:]
    return F.pad(picture.float(), (0, -w % multiple, 0, -h % multiple), mode="replicate")


@dataclasses.dataclass
class Crops:
    """Augmented pictures x [n, 3, h, w], normalised, with labels at every LABEL_STEP-th pixel from pixel `phase` (y, x) on:
    y [n, h/4, w/4] class ids, and a teacher's probabilities soft [n, C, h/4, w/4] or None; IGNORE and 0 outside the picture."""

    x: torch.Tensor
    y: torch.Tensor
    soft: torch.Tensor | None
    phase: tuple[int, int]


# The loss is taken at one pixel in 4x4, at another one each time: its mean is that of all pixels, at a sixteenth the cost.
LABEL_STEP = 4


class Augment:
    """Random scale, place, flip, tilt (degrees), colour (0 to 1: factors from 1 - colour to 1 + colour), gamma (exponents
    from e^-gamma to e^gamma) and, for a share `mix` of the crops, a box from another one (CutMix, Yun et al. 2019)."""

    def __init__(self, scale=(0.75, 2.0), rotate=5.0, colour=0.3, gamma=0.0, mix=0.0):
        self.scale, self.rotate, self.colour, self.gamma, self.mix = scale, rotate, colour, gamma, mix

    def __call__(self, data: Folder, index: torch.Tensor, crop: tuple[int, int], zoom: float, rng: torch.Generator) -> Crops:
        """Crops (height, width: multiples of LABEL_STEP) of the pictures that `index` names, `zoom` times as
        large as the random scale alone makes them."""
        device = data.images.device
        theta = self.transforms(data, index, crop, zoom, rng).to(device)
        chosen = lambda source: source.index_select(0, index.to(device))
        sample = lambda source, grid, **o: F.grid_sample(source.float(), grid, align_corners=False, **o)
        x = sample(chosen(data.images), points(theta, crop), padding_mode="border")
        phase = tuple(torch.randint(0, LABEL_STEP, (2,), generator=rng).tolist())
        grid = points(theta, crop, phase, LABEL_STEP)
        # 255 - id, so that what lies outside the picture (0) becomes IGNORE (255) when turned back.
        y = 255 - sample(255 - chosen(data.labels).unsqueeze(1), grid, mode="nearest").squeeze(1).round().long()
        soft = None if data.soft is None else sample(chosen(data.soft), grid) * SOFT_STEP
        return self.mixed(Crops(normalise(self.coloured(x, rng)), y, soft, phase), rng)

    def transforms(self, data: Folder, index: torch.Tensor, crop: tuple[int, int], zoom: float,
                   rng: torch.Generator) -> torch.Tensor:
        """[n, 2, 3] affine maps from a crop's coordinates to its picture's, both -1 to 1 (as F.affine_grid has them)."""
        n, (ch, cw), (full_h, full_w) = len(index), crop, data.images.shape[-2:]
        uniform = lambda low, high: low + (high - low) * torch.rand(n, generator=rng)
        size = data.sizes.cpu()[index].float()
        scale = zoom * torch.exp(uniform(*map(math.log, self.scale)))
        # What the crop covers in source pixels, and a centre that keeps it inside the picture where it fits.
        span = torch.stack([ch / scale, cw / scale], 1)
        room = (size - span) / 2
        jitter = torch.rand(n, 2, generator=rng) * 2 - 1
        centre = size / 2 + jitter * torch.where(room > 0, room, room.abs() * 0.5)
        angle = uniform(-self.rotate, self.rotate) * math.pi / 180
        flip = torch.where(torch.rand(n, generator=rng) < 0.5, -1.0, 1.0)
        theta = torch.zeros(n, 2, 3)
        sy, sx = span[:, 0] / full_h, span[:, 1] / full_w
        theta[:, 0, 0] = sx * flip * torch.cos(angle)
        theta[:, 0, 1] = -sx * torch.sin(angle) / (cw / ch)
        theta[:, 1, 0] = sy * flip * torch.sin(angle) * (cw / ch)
        theta[:, 1, 1] = sy * torch.cos(angle)
        theta[:, 0, 2] = centre[:, 1] / full_w * 2 - 1
        theta[:, 1, 2] = centre[:, 0] / full_h * 2 - 1
        return theta

    def coloured(self, x: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
        """x in 0 to 255, changed in place: brightness, contrast about the mean, saturation about the grey, tint, in one product
        and one sum; then gamma, as if there were more or less light."""
        if not self.colour and not self.gamma:
            return x
        n, c = len(x), self.colour
        uniform = lambda half: (half * (2 * torch.rand(n, generator=rng) - 1)).to(x.device).view(n, 1, 1, 1)
        one = lambda: 1 + uniform(c)
        brightness, contrast, saturation = one(), one(), one()
        tint = (1 + 0.1 * (torch.rand(n, 3, 1, 1, generator=rng) * 2 - 1)).to(x.device)
        grey = x.mean(1, keepdim=True)
        mean = grey.mean((2, 3), keepdim=True)
        gain = brightness * contrast
        offset = grey.mul_(gain * (1 - saturation)).add_(brightness * (1 - contrast) * mean)
        x = x.mul_(gain * saturation).add_(offset).mul_(tint).clamp_(0, 255)
        return x.div_(255).pow_(uniform(self.gamma).exp()).mul_(255) if self.gamma else x

    def mixed(self, crops: Crops, rng: torch.Generator) -> Crops:
        """`crops`, with a box of a quarter to three quarters of each side replaced by the same place of the crop before."""
        n, h, w = crops.y.shape
        if self.mix == 0 or n < 2:
            return crops
        before = {name: getattr(crops, name).roll(1, 0) for name in ("x", "y", "soft") if getattr(crops, name) is not None}
        for i in (torch.rand(n, generator=rng) < self.mix).nonzero().flatten().tolist():
            size = [round(side * (0.25 + 0.5 * torch.rand((), generator=rng).item())) for side in (h, w)]
            top, left = (int(torch.randint(0, side - s + 1, (), generator=rng)) for side, s in zip((h, w), size))
            for name, other in before.items():
                step = LABEL_STEP if name == "x" else 1
                box = (..., slice(top * step, (top + size[0]) * step), slice(left * step, (left + size[1]) * step))
                getattr(crops, name)[i][box] = other[i][box]
        return crops


def points(theta: torch.Tensor, crop: tuple[int, int], first: tuple[int, int] = (0, 0), step: int = 1) -> torch.Tensor:
    """[n, h, w, 2], where `theta` takes every step-th pixel of a crop, in x and y of -1 to 1: F.affine_grid in one pass."""
    y, x = ((2 * torch.arange(f, side, step, device=theta.device) + 1) / side - 1 for f, side in zip(first, crop))
    of = lambda row: (theta[:, row, 0, None] * x + theta[:, row, 2, None])[:, None, :] + (theta[:, row, 1, None] * y)[:, :, None]
    return torch.stack([of(0), of(1)], -1)
