# SPDX-License-Identifier: Apache-2.0
"""ncnn's text graph and weight file: normalised picture in ("pixels"), enlarged float32 scores out ("scores").

ncnn's int8 knows no zero points and its ArgMax no axis: the float network, and no labels.
"""

from __future__ import annotations

import collections
import pathlib

import numpy as np

from source import LOGIT_LIMITS, Source

MAGIC = 7767517
NEAREST, BILINEAR = 1, 2
ADD, MULTIPLY = 0, 2


class Builder:
    """Collects layers; a blob that several layers read is split, as ncnn wants it."""

    def __init__(self, source: Source):
        self.source = source
        self.layers: list[tuple[str, str, list[str], list[str], dict[int, float]]] = []
        self.weights: list[bytes] = []

    def layer(self, kind: str, inputs: list[str], out: str, **parameters) -> str:
        """Parameters are ncnn's numbered ones: _0=..., _1=..."""
        self.layers.append((kind, out, inputs, [out], {int(k[1:]): v for k, v in parameters.items()}))
        return out

    def build(self) -> None:
        y: list[str] = []
        for n in self.source.nodes:
            a = [y[i] for i in n.inputs]
            if n.op == "input":
                y.append(self.layer("Input", [], "pixels"))
            elif n.op == "conv":
                weight, bias = self.source.float_conv(n)
                shape = {"_0": n.channels, "_1": n.kernel, "_2": n.dilation, "_3": n.stride, "_4": n.padding}
                kind, groups = ("ConvolutionDepthWise", {"_7": n.groups}) if n.groups > 1 else ("Convolution", {})
                y.append(self.layer(kind, a, n.name, **shape, _5=1, _6=weight.size, **groups, _9=int(n.relu)))
                # Four zero bytes: float32 weights follow.
                self.weights += [bytes(4), weight.transpose(0, 3, 1, 2).tobytes(), bias.tobytes()]
            elif n.op.endswith("pool"):
                y.append(self.layer("Pooling", a, n.name, _0=int(n.op == "average_pool"), _1=n.factor, _2=n.factor, _5=1))
            elif n.op == "upsample":
                y.append(self.enlarge(a[0], n.factor, BILINEAR, n.name))
            elif n.op == "add":
                y.append(self.layer("BinaryOp", a, n.name, _0=ADD))
            elif n.op == "gate":
                x = self.layer("Clip", [a[1]], f"{n.name}.clip", _0=LOGIT_LIMITS[0], _1=LOGIT_LIMITS[1])
                x = self.layer("Sigmoid", [x], f"{n.name}.sigmoid")
                x = self.enlarge(x, n.factor, NEAREST, f"{n.name}.wide")
                y.append(self.layer("BinaryOp", [a[0], x], n.name, _0=MULTIPLY))
            else:
                raise ValueError(f"{n.name}: {n.op}, expected an operator that the released networks have")
        self.enlarge(y[-1], self.source.factor, BILINEAR, "scores")

    def enlarge(self, x: str, factor: int, how: int, out: str) -> str:
        return self.layer("Interp", [x], out, _0=how, _1=float(factor), _2=float(factor))

    def split(self) -> list[tuple[str, str, list[str], list[str], dict[int, float]]]:
        readers = collections.Counter(x for _, _, inputs, _, _ in self.layers for x in inputs)
        copies = {x: [f"{x}.{i}" for i in range(count)] for x, count in readers.items() if count > 1}
        out, given = [], collections.Counter()
        for kind, name, inputs, outputs, parameters in self.layers:
            renamed = []
            for x in inputs:
                renamed.append(copies[x][given[x]] if x in copies else x)
                given[x] += 1
            out.append((kind, name, renamed, outputs, parameters))
            if name in copies:
                out.append(("Split", f"{name}.split", [name], copies[name], {}))
        return out

    def save(self, path: pathlib.Path) -> None:
        """Writes PATH.param and PATH.bin."""
        layers = self.split()
        lines = [str(MAGIC), f"{len(layers)} {sum(len(outputs) for _, _, _, outputs, _ in layers)}"]
        for kind, name, inputs, outputs, parameters in layers:
            numbers = [f"{k}={v:e}" if isinstance(v, float) else f"{k}={v}" for k, v in parameters.items()]
            lines.append(" ".join([kind, name, str(len(inputs)), str(len(outputs)), *inputs, *outputs, *numbers]))
        path.with_name(path.name + ".param").write_text("\n".join(lines) + "\n")
        path.with_name(path.name + ".bin").write_bytes(b"".join(self.weights))
