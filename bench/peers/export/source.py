# SPDX-License-Identifier: Apache-2.0
"""The released weight files as every exporter needs them: operators, integers, grids, float weights."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "weights" / "recipe"))

import safetensors  # noqa: E402
from description import Description  # noqa: E402
from graph import Node, lower  # noqa: E402


LOGIT_LIMITS = (-8.0, 7.9375)  # the float gate clamps its logits: weights/recipe/network.py


@dataclasses.dataclass(frozen=True)
class Grid:
    """real = (q - zero) scale, q int8."""

    scale: float
    zero: int


@dataclasses.dataclass(frozen=True)
class Source:
    """One weight file; `grids` is empty for float weights."""

    nodes: list[Node]
    tensors: dict[str, np.ndarray]
    grids: dict[str, Grid]
    factor: int  # how much smaller than the picture the scores are

    @staticmethod
    def load(path: pathlib.Path) -> "Source":
        tensors, metadata = safetensors.read(path)
        description = Description.from_json(metadata["description"])
        grids = {name: Grid(*grid) for name, grid in json.loads(metadata.get("quantisation", "{}")).items()}
        return Source(lower(description), tensors, grids, description.output_stride)

    def input_of(self, n: Node, which: int = 0) -> Node:
        return self.nodes[n.inputs[which]]

    def weight_scales(self, n: Node) -> np.ndarray:
        """[O] float32: the stored multiplier is s_in s_w[o] / s_out."""
        s_in, s_out = self.grids[self.input_of(n).name].scale, self.grids[n.name].scale
        return (self.tensors[f"{n.name}.multiplier"].astype(np.float64) * s_out / s_in).astype(np.float32)

    def float_conv(self, n: Node) -> tuple[np.ndarray, np.ndarray]:
        """Weight [O, k, k, I/g] and bias [O] in float32; a gate's scale goes into the convolution that reads it."""
        weight = self.tensors[f"{n.name}.weight"].astype(np.float32)
        before = self.input_of(n)
        if before.op == "gate":
            weight = weight * self.tensors[f"{before.name}.scale"].astype(np.float32)
        return weight, self.tensors[f"{n.name}.bias"].astype(np.float32)
