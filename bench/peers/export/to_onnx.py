# SPDX-License-Identifier: Apache-2.0
"""ONNX graphs for ONNX Runtime and OpenVINO: uint8 pixels [1, H, W, 3] in, labels [1, H, W] out.

Enlargement and ArgMax are written in several ways that mean the same, as engines differ in which one they run best.
"""

from __future__ import annotations

import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from source import LOGIT_LIMITS, Grid, Source
from graph import Node

TAILS = ("resize", "nhwc", "flat", "products", "scores")


def interpolation(size: int, factor: int) -> np.ndarray:
    """[size factor, size] float32: bilinear weights for half-pixel centres, edges clamped."""
    at = (2 * np.arange(size * factor) + 1 - factor) / (2 * factor)
    low = np.floor(at).astype(int)
    weights, rows = np.zeros((size * factor, size), np.float32), np.arange(size * factor)
    np.add.at(weights, (rows, low.clip(0)), 1 - (at - low))
    np.add.at(weights, (rows, (low + 1).clip(max=size - 1)), at - low)
    return weights


class Builder:
    """Collects ONNX nodes and constants."""

    def __init__(self):
        self.nodes: list[onnx.NodeProto] = []
        self.result: tuple[str, int, list[int]] = ("", 0, [])
        self.constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants.setdefault(name, numpy_helper.from_array(np.array(value, order="C"), name))
        return name

    def op(self, kind: str, inputs: list[str], out: str, **attributes) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [out], name=out, **attributes))
        return out

    def resize(self, x: str, factor: int, how: str, out: str, nhwc: bool = False) -> str:
        scales = np.array([1, factor, factor, 1] if nhwc else [1, 1, factor, factor], np.float32)
        scales = self.constant(f"scales{factor}.{'nhwc' if nhwc else 'nchw'}", scales)
        nearest = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        linear = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
        return self.op("Resize", [x, "", scales], out, **(nearest if how == "nearest" else linear))

    def pool(self, n: Node, x: str, out: str) -> str:
        kind = "MaxPool" if n.op == "max_pool" else "AveragePool"
        return self.op(kind, [x], out, kernel_shape=[n.factor] * 2, strides=[n.factor] * 2)

    def conv(self, n: Node, x: str, weight: str, bias: str, out: str) -> str:
        return self.op("Conv", [x, weight, bias], out, kernel_shape=[n.kernel] * 2, strides=[n.stride] * 2,
                       dilations=[n.dilation] * 2, pads=[n.padding] * 4, group=n.groups)

    def classify(self, tail: str, scores: str, channels: int, factor: int, size: int) -> None:
        """Labels by one of TAILS; "scores" stops before enlargement and ArgMax, to tell what those two cost."""
        axis = 1
        if tail == "scores":
            self.result = scores, TensorProto.FLOAT, [1, channels, size // factor, size // factor]
            return
        if tail == "nhwc":
            self.op("Transpose", [scores], "scores", perm=[0, 2, 3, 1])
            x, axis = self.resize("scores", factor, "bilinear", "enlarged", nhwc=True), 3
        elif tail == "products":
            weights = interpolation(size // factor, factor)
            self.op("MatMul", [self.constant("rows", weights), scores], "tall")
            x = self.op("MatMul", ["tall", self.constant("columns", weights.T)], "enlarged")
        else:
            x = self.resize(scores, factor, "bilinear", "enlarged")
            if tail == "flat":  # one axis of pixels keeps OpenVINO's TopK from a slow layout
                x = self.op("Reshape", [x, self.constant("flat.shape", np.array([1, channels, size * size]))], "flat")
        self.op("ArgMax", [x], "best", axis=axis, keepdims=0)
        self.op("Reshape", ["best", self.constant("labels.shape", np.array([1, size, size]))], "labels")
        self.result = "labels", TensorProto.INT64, [1, size, size]

    def save(self, path: pathlib.Path, size: int) -> None:
        graph = helper.make_graph(
            self.nodes, "attendseg",
            [helper.make_tensor_value_info("pixels", TensorProto.UINT8, [1, size, size, 3])],
            [helper.make_tensor_value_info(*self.result)], list(self.constants.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, path)


def centre(b: Builder, pixels: str) -> str:
    """(pixel - 128) / 64 in float32."""
    b.op("Cast", [pixels], "cast", to=TensorProto.FLOAT)
    b.op("Sub", ["cast", b.constant("mean", np.float32(128))], "centred")
    return b.op("Mul", ["centred", b.constant("scale", np.float32(1 / 64))], "normalised")


class Quantised(Builder):
    """QDQ: activations uint8 or int8, weights int8 with a scale a channel; the integers are those of the file.

    `rounded` has the picture normalised in float and quantised, exactly, where OpenVINO looks for a quantisation;
    otherwise its bytes are dequantised directly, which spares ONNX Runtime a pass.
    """

    def __init__(self, source: Source, signed: bool = False, rounded: bool = False):
        super().__init__()
        self.source, self.signed, self.rounded = source, signed, rounded

    def parameters(self, name: str, g: Grid) -> list[str]:
        zero = np.int8(g.zero) if self.signed else np.uint8(g.zero + 128)
        return [self.constant(f"{name}.s", np.float32(g.scale)), self.constant(f"{name}.z", np.asarray(zero))]

    def round_trip(self, name: str, x: str, g: Grid) -> str:
        """x on the grid `g` and back to real numbers."""
        p = self.parameters(name, g)
        self.op("QuantizeLinear", [x, *p], f"{name}.q")
        return self.op("DequantizeLinear", [f"{name}.q", *p], f"{name}.r")

    def weights(self, n: Node) -> tuple[str, str]:
        t, s_in = self.source.tensors, self.source.grids[self.source.input_of(n).name].scale
        s_w = self.source.weight_scales(n)
        parts = []
        for name, value, scales in (("w", t[f"{n.name}.weight"].transpose(0, 3, 1, 2), s_w),
                                    ("b", t[f"{n.name}.bias"], s_w * np.float32(s_in))):
            inputs = [self.constant(f"{n.name}.{name}", value), self.constant(f"{n.name}.{name}s", scales),
                      self.constant(f"{n.name}.{name}z", np.zeros(n.channels, value.dtype))]
            parts.append(self.op("DequantizeLinear", inputs, f"{n.name}.{name}r", axis=0))
        return parts[0], parts[1]

    def normalise(self, g: Grid) -> str:
        self.op("Transpose", ["pixels"], "planes", perm=[0, 3, 1, 2])
        if self.rounded:
            return self.round_trip("input", centre(self, "planes"), g)
        # (pixel - 128) / 64 is what this dequantisation means.
        grid = [self.constant("pixels.s", np.float32(g.scale)), self.constant("pixels.z", np.uint8(128))]
        return self.op("DequantizeLinear", ["planes", *grid], "input.r")

    def build(self, tail: str, size: int) -> None:
        grids, y = self.source.grids, []
        for n in self.source.nodes:
            a, g = [y[i] for i in n.inputs], grids[n.name]
            if n.op == "input":
                y.append(self.normalise(g))
                continue
            raw = f"{n.name}.f"
            if n.op == "conv":  # ReLU needs no operator: the grid of its output begins at 0
                self.conv(n, a[0], *self.weights(n), raw)
            elif n.op.endswith("pool"):
                self.pool(n, a[0], raw)
            elif n.op == "upsample":
                self.resize(a[0], n.factor, n.expand, raw)
            elif n.op == "add":
                self.op("Add", a, raw)
            else:
                self.op("Sigmoid", [a[1]], f"{n.name}.sigmoid")
                gate = self.round_trip(f"{n.name}.g", f"{n.name}.sigmoid", Grid(1 / 255, -128))
                self.resize(gate, n.factor, n.expand, f"{n.name}.e")
                wide = self.round_trip(f"{n.name}.x", f"{n.name}.e", Grid(1 / 255, -128))
                self.op("Mul", [a[0], wide], raw)
            y.append(self.round_trip(n.name, raw, g))
        self.classify(tail, y[-1], self.source.nodes[-1].channels, self.source.factor, size)


class Float(Builder):
    """The float32 network."""

    def __init__(self, source: Source):
        super().__init__()
        self.source = source

    def build(self, tail: str, size: int) -> None:
        y: list[str] = []
        for n in self.source.nodes:
            a = [y[i] for i in n.inputs]
            if n.op == "input":
                out = centre(self, self.op("Transpose", ["pixels"], "planes", perm=[0, 3, 1, 2]))
            elif n.op == "conv":
                weight, bias = self.source.float_conv(n)
                out = self.conv(n, a[0], self.constant(f"{n.name}.w", weight.transpose(0, 3, 1, 2)),
                                self.constant(f"{n.name}.b", bias), f"{n.name}.conv" if n.relu else n.name)
                if n.relu:
                    out = self.op("Relu", [out], n.name)
            elif n.op.endswith("pool"):
                out = self.pool(n, a[0], n.name)
            elif n.op == "upsample":
                out = self.resize(a[0], n.factor, n.expand, n.name)
            elif n.op == "add":
                out = self.op("Add", a, n.name)
            else:
                limits = [self.constant(f"limit{i}", np.float32(v)) for i, v in enumerate(LOGIT_LIMITS)]
                self.op("Clip", [a[1], *limits], f"{n.name}.clip")
                self.op("Sigmoid", [f"{n.name}.clip"], f"{n.name}.sigmoid")
                self.resize(f"{n.name}.sigmoid", n.factor, n.expand, f"{n.name}.e")
                out = self.op("Mul", [a[0], f"{n.name}.e"], n.name)
            y.append(out)
        self.classify(tail, y[-1], self.source.nodes[-1].channels, self.source.factor, size)
