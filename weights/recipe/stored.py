# SPDX-License-Identifier: Apache-2.0
"""Weight files as networks in torch: what users load, not what training kept."""

from __future__ import annotations

import json
import os

import numpy as np
import torch
import torch.nn.functional as F

import oracle
import safetensors
from data import normalise, padded
from description import Description
from graph import Node, lower
from simulate import Grid, Simulated, Weights, convolve, enlarge, fold_scales


def read_weights(path: str | os.PathLike) -> tuple[Description, Weights]:
    """The network of a float weight file as the file has it."""
    tensors, metadata = safetensors.read(path)
    for key, wanted in (("format", "attendseg/1"), ("precision", "float")):
        if metadata.get(key) != wanted:
            raise ValueError(f"{path}: __metadata__.{key}: {metadata.get(key)!r}, expected {wanted!r}")
    d = Description.from_json(metadata["description"])
    nodes, weights = lower(d), {}
    for n in nodes:
        keys = {"conv": ("weight", "bias"), "gate": ("scale",)}.get(n.op, ())
        missing = [f"{n.name}.{k}" for k in keys if f"{n.name}.{k}" not in tensors]
        if missing:
            raise ValueError(f"{path}: {missing[0]}: missing, expected of this description")
        if keys:
            weights[n.name] = {k: torch.from_numpy(tensors[f"{n.name}.{k}"].astype(np.float32)) for k in keys}
        if n.op == "conv":  # stored [O, k, k, I/g]
            weights[n.name]["weight"] = weights[n.name]["weight"].permute(0, 3, 1, 2).contiguous()
    return d, weights


def read_float(path: str | os.PathLike) -> tuple[Description, Weights]:
    """The network of a float weight file, its condensers' scales moved into the convolutions behind them.

    So its gates give what the integer network's give; the class scores are the same.
    """
    d, weights = read_weights(path)
    nodes = lower(d)
    one = {n.name: {"scale": torch.ones(1)} for n in nodes if n.op == "gate"}
    return d, fold_scales(weights, nodes) | one


def read_grids(file: oracle.Network) -> dict[str, Grid]:
    """Scale and zero point of every node's activation."""
    if "quantisation" not in file.metadata:
        raise ValueError("__metadata__.quantisation: missing, expected {node: [scale, zero point]}")
    read = json.loads(file.metadata["quantisation"])
    grids = {name: (float(scale), int(zero)) for name, (scale, zero) in read.items()}
    for n in file.nodes:
        if n.name not in grids:
            raise ValueError(f"__metadata__.quantisation: no {n.name!r}, expected all nodes")
        zero = grids[n.name][1]
        if n.op in ("conv", "add") and zero != (wanted := int(file.tensors[f"{n.name}.zero_point"][0])):
            raise ValueError(f"__metadata__.quantisation.{n.name}: zero point {zero}, expected {wanted} as the tensor")
    return grids


def dequantise(file: oracle.Network, grids: dict[str, Grid]) -> Weights:
    """Weights and biases of the convolutions of an int8 weight file in real units."""
    weights = {}
    for n in file.nodes:
        if n.op == "conv":
            keys = ("weight", "bias", "multiplier")
            w, b, m = (torch.from_numpy(file.tensors[f"{n.name}.{k}"].astype(np.float64)) for k in keys)
            scale_in = grids[file.nodes[n.inputs[0]].name][0]
            scale = m * grids[n.name][0] / scale_in
            weights[n.name] = {"weight": (w.permute(0, 3, 1, 2) * scale.view(-1, 1, 1, 1)).float().contiguous(),
                               "bias": (b * scale * scale_in).float()}
    return weights


class Stored(Simulated):
    """The integer network of a weight file; every integer is the file's. Scores are integers too."""

    def __init__(self, file: oracle.Network):
        grids = read_grids(file)
        super().__init__(file.nodes, dequantise(file, grids), grids)
        self.raw, self.file = True, file
        self.convs, self.tables = {}, {}
        for n in file.nodes:
            tensor = lambda key: torch.from_numpy(file.tensors[f"{n.name}.{key}"].astype(np.float64))
            if n.op == "conv":
                w, b, m = tensor("weight").permute(0, 3, 1, 2).contiguous(), tensor("bias"), tensor("multiplier")
                # float32 sums are exact below 2^24; where they could grow larger, float64 stays.
                largest = (255 * w.abs().sum((1, 2, 3)) + b.abs()).max()
                self.convs[n.name] = (w, b, m.float()) if largest >= 2**24 else (w.float(), b.float(), m.float())
            elif n.op == "gate":
                self.tables[n.name] = tensor("table").float()

    def accumulate(self, n: Node, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        w, b, m = self.convs[n.name]
        return convolve(n, x.to(w.dtype), w, b).float(), m

    def addends(self, n: Node) -> tuple[int, int, int]:
        ma, mb = (int(m) for m in self.file.tensors[f"{n.name}.multiplier"])
        return ma, mb, int(self.file.tensors[f"{n.name}.shift"][0])

    def gate(self, n: Node, v: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
        zero = self.grids[self.nodes[n.inputs[1]].name][1]
        if n.expand == "bilinear":
            a = (enlarge(n, a) + 0.5).floor_()
        g = self.tables[n.name][(a + (zero + 128)).long()]
        if n.expand == "nearest":
            g = enlarge(n, g)
        return (v * g * 2.0**-15 + 0.5).floor_()


def as_seen(picture: np.ndarray, working_size: int, multiple: int) -> tuple[torch.Tensor, tuple[int, int]]:
    """A picture [H, W, 3] uint8 as the library shows it to a network: reduced to the working size, padded, normalised.

    @return [1, 3, h', w'] and (h, w), the size without the padding
    """
    h, w = oracle.network_size(*picture.shape[:2], working_size)
    if (h, w) != picture.shape[:2]:
        picture = oracle.resample(picture, h, w)
    x = padded(torch.tensor(picture).permute(2, 0, 1)[None], multiple)
    return normalise(x).contiguous(memory_format=torch.channels_last), (h, w)


def label(scores: torch.Tensor, x: torch.Tensor, size: tuple[int, int], full: tuple[int, int]) -> np.ndarray:
    """Labels [H, W] uint8 at the picture's full size from scores [1, C, ...] of what as_seen() gave."""
    large = F.interpolate(scores, x.shape[-2:], mode="bilinear", align_corners=False)
    mask = large.argmax(1)[0, : size[0], : size[1]].numpy().astype(np.uint8)
    return mask if size == full else oracle.enlarge(mask, *full)
