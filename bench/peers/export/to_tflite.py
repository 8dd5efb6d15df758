# SPDX-License-Identifier: Apache-2.0
"""LiteRT models, written straight from our integers: uint8 pixels [1, H, W, 3] in, labels [1, H, W] (int32) out.

A converter would choose grids of its own by calibration; so every scale and zero point is the weight file's.
"""

from __future__ import annotations

import pathlib

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from graph import Node
from source import LOGIT_LIMITS, Grid, Source

# Of each operator, the version whose int8 form is used; 1 where it is not listed.
VERSIONS = {"CONV_2D": 5, "DEPTHWISE_CONV_2D": 6, "MAX_POOL_2D": 2, "AVERAGE_POOL_2D": 2, "LOGISTIC": 2,
            "MUL": 2, "ADD": 2, "PAD": 2, "QUANTIZE": 2, "RESIZE_BILINEAR": 3, "DEQUANTIZE": 2, "ARG_MAX": 2}
TYPES = {np.dtype(t): getattr(schema.TensorType, t.upper()) for t in ("float32", "int32", "int8", "uint8")}
RELU = schema.ActivationFunctionType.RELU


class Builder:
    """Collects tensors and operators; tensors are known by index. NHWC, batch 1."""

    def __init__(self, source: Source, size: int):
        self.source, self.size, self.int8 = source, size, bool(source.grids)
        self.tensors: list[schema.TensorT] = []
        self.operators: list[schema.OperatorT] = []
        self.codes: list[str] = []
        self.buffers = [schema.BufferT()]  # the first one is empty by convention

    def tensor(self, name: str, shape: tuple[int, ...], kind: type, scales=None, zero: int = 0, axis: int = 0) -> int:
        t = schema.TensorT()
        t.name, t.shape, t.type, t.buffer = name, list(shape), TYPES[np.dtype(kind)], 0
        if scales is not None:
            q = t.quantization = schema.QuantizationParametersT()
            q.scale = np.atleast_1d(np.asarray(scales, np.float32))
            q.zeroPoint, q.quantizedDimension = np.full(len(q.scale), zero, np.int64), axis
        self.tensors.append(t)
        return len(self.tensors) - 1

    def constant(self, name: str, value: np.ndarray, scales=None, axis: int = 0) -> int:
        i = self.tensor(name, value.shape, value.dtype.type, scales, axis=axis)
        self.tensors[i].buffer = len(self.buffers)
        self.buffers.append(schema.BufferT())
        self.buffers[-1].data = np.frombuffer(value.tobytes(), np.uint8)
        return i

    def activation(self, name: str, shape: tuple[int, ...], grid: Grid | None) -> int:
        """Where the network is int8, `grid` says how; else float32."""
        if not self.int8:
            return self.tensor(name, shape, np.float32)
        return self.tensor(name, shape, np.int8, grid.scale, grid.zero)

    def op(self, kind: str, inputs: list[int], out: int, options: str = "", **fields) -> int:
        if kind not in self.codes:
            self.codes.append(kind)
        o = schema.OperatorT()
        o.opcodeIndex, o.inputs, o.outputs = self.codes.index(kind), inputs, [out]
        if options:
            o.builtinOptionsType = getattr(schema.BuiltinOptions, options)
            o.builtinOptions = getattr(schema, options + "T")()
            for name, value in fields.items():
                setattr(o.builtinOptions, name, value)
        self.operators.append(o)
        return out

    def shape(self, x: int) -> tuple[int, ...]:
        return tuple(self.tensors[x].shape)

    def conv(self, n: Node, x: int, grid: Grid | None) -> int:
        t, depthwise = self.source.tensors, n.groups > 1
        if self.int8:
            s_w, s_in = self.source.weight_scales(n), self.source.grids[self.source.input_of(n).name].scale
            weight, bias, bias_scales = t[f"{n.name}.weight"], t[f"{n.name}.bias"], s_w * np.float32(s_in)
        else:
            (weight, bias), s_w, bias_scales = self.source.float_conv(n), None, None
        if depthwise:  # [C, k, k, 1] to [1, k, k, C]
            weight = weight.transpose(3, 1, 2, 0)
        _, h, w, c = self.shape(x)
        if n.stride > 1 and n.padding:  # SAME of TensorFlow would pad below and to the right only
            p = n.padding
            padding = self.constant(f"{n.name}.p", np.array([[0, 0], [p, p], [p, p], [0, 0]], np.int32))
            before = self.source.grids.get(self.source.input_of(n).name)
            padded = self.activation(f"{n.name}.padded", (1, h + 2 * p, w + 2 * p, c), before)
            x = self.op("PAD", [x, padding], padded, "PadOptions")
        out = self.activation(n.name, (1, h // n.stride, w // n.stride, n.channels), grid)
        constants = [self.constant(f"{n.name}.w", weight, s_w, axis=3 if depthwise else 0),
                     self.constant(f"{n.name}.b", bias, bias_scales)]
        return self.op("DEPTHWISE_CONV_2D" if depthwise else "CONV_2D", [x, *constants], out,
                       "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions",
                       padding=schema.Padding.VALID if n.stride > 1 and n.padding else schema.Padding.SAME,
                       strideW=n.stride, strideH=n.stride, dilationWFactor=n.dilation, dilationHFactor=n.dilation,
                       fusedActivationFunction=RELU if n.relu else 0, **({"depthMultiplier": 1} if depthwise else {}))

    def resize(self, x: int, factor: int, out: int) -> int:
        _, h, w, _ = self.shape(x)
        size = self.constant(f"{self.tensors[out].name}.size", np.array([h * factor, w * factor], np.int32))
        return self.op("RESIZE_BILINEAR", [x, size], out, "ResizeBilinearOptions", halfPixelCenters=True)

    def reshape(self, name: str, x: int, shape: tuple[int, ...], grid: Grid | None) -> int:
        to = self.constant(f"{name}.shape", np.array(shape, np.int32))
        return self.op("RESHAPE", [x, to], self.activation(name, shape, grid), "ReshapeOptions", newShape=list(shape))

    def clamp(self, name: str, x: int) -> int:
        for kind, limit in zip(("MAXIMUM", "MINIMUM"), LOGIT_LIMITS):
            limit = self.constant(f"{name}.{kind}.limit", np.array(limit, np.float32))
            out = self.activation(f"{name}.{kind}", self.shape(x), None)
            x = self.op(kind, [x, limit], out, "MaximumMinimumOptions")
        return x

    def gate(self, n: Node, v: int, a: int, grid: Grid | None) -> int:
        small = Grid(1 / 256, -128)  # the one grid that LiteRT lets int8 sigmoids have
        a = a if self.int8 else self.clamp(n.name, a)
        g = self.op("LOGISTIC", [a], self.activation(f"{n.name}.sigmoid", self.shape(a), small))
        # Nearest enlargement as a broadcast over pairs of rows and columns: XNNPACK has no nearest resize, and would
        # hand the map to another kernel and back.
        _, h, w, c = self.shape(g)
        g = self.reshape(f"{n.name}.narrow", g, (h, 1, w, 1, c), small)
        pairs = (h, n.factor, w, n.factor, c)
        out = self.activation(f"{n.name}.product", pairs, grid)
        self.op("MUL", [self.reshape(f"{n.name}.pairs", v, pairs, grid), g], out, "MulOptions")
        return self.reshape(n.name, out, self.shape(v), grid)

    def pool(self, n: Node, x: int, grid: Grid | None) -> int:
        _, h, w, c = self.shape(x)
        f = n.factor
        kind = "MAX_POOL_2D" if n.op == "max_pool" else "AVERAGE_POOL_2D"
        return self.op(kind, [x], self.activation(n.name, (1, h // f, w // f, c), grid), "Pool2DOptions",
                       padding=schema.Padding.VALID, strideW=f, strideH=f, filterWidth=f, filterHeight=f)

    def normalise(self, pixels: int) -> int:
        x = self.activation("input", self.shape(pixels), self.source.grids.get("input"))
        return self.op("QUANTIZE", [pixels], x, "QuantizeOptions") if self.int8 else self.op("DEQUANTIZE", [pixels], x)

    def build(self, tail: str) -> None:
        """`tail`: "argmax" for labels, "scores" to stop before enlargement and ArgMax."""
        pixels, y = self.tensor("pixels", (1, self.size, self.size, 3), np.uint8, 1 / 64, 128), []
        for n in self.source.nodes:
            a, grid = [y[i] for i in n.inputs], self.source.grids.get(n.name)
            if n.op == "input":
                y.append(self.normalise(pixels))
            elif n.op == "conv":
                y.append(self.conv(n, a[0], grid))
            elif n.op.endswith("pool"):
                y.append(self.pool(n, a[0], grid))
            elif n.op == "upsample":
                _, h, w, c = self.shape(a[0])
                y.append(self.resize(a[0], n.factor, self.activation(n.name, (1, h * n.factor, w * n.factor, c), grid)))
            elif n.op == "gate":
                y.append(self.gate(n, *a, grid))
            elif n.op == "add":
                y.append(self.op("ADD", a, self.activation(n.name, self.shape(a[0]), grid), "AddOptions"))
            else:
                raise ValueError(f"{n.name}: {n.op}, expected an operator that the released networks have")
        self.inputs, self.outputs = [pixels], [y[-1] if tail == "scores" else self.classify(y[-1])]

    def classify(self, scores: int) -> int:
        if self.int8:  # enlarged in float: quicker here than in int8, and unrounded
            scores = self.op("DEQUANTIZE", [scores], self.tensor("real", self.shape(scores), np.float32))
        _, h, w, c = self.shape(scores)
        f = self.source.factor
        enlarged = self.resize(scores, f, self.tensor("enlarged", (1, h * f, w * f, c), np.float32))
        labels = self.tensor("labels", (1, h * f, w * f), np.int32)
        axis = self.constant("axis", np.array([3], np.int32))
        return self.op("ARG_MAX", [enlarged, axis], labels, "ArgMaxOptions", outputType=schema.TensorType.INT32)

    def save(self, path: pathlib.Path) -> None:
        model, graph = schema.ModelT(), schema.SubGraphT()
        graph.name, graph.tensors, graph.operators = "main", self.tensors, self.operators
        graph.inputs, graph.outputs = self.inputs, self.outputs
        model.version, model.subgraphs, model.buffers, model.description = 3, [graph], self.buffers, "attendseg"
        model.operatorCodes = []
        for name in self.codes:
            code = schema.OperatorCodeT()
            code.builtinCode = getattr(schema.BuiltinOperator, name)
            code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), VERSIONS.get(name, 1)
            model.operatorCodes.append(code)
        out = flatbuffers.Builder(1 << 20)
        out.Finish(model.Pack(out), file_identifier=b"TFL3")
        path.write_bytes(out.Output())
