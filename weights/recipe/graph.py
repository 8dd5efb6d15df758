# SPDX-License-Identifier: Apache-2.0
"""A description lowered to operators, node for node as in include/attendseg/nn/: names and order are the C++ graph's."""

from __future__ import annotations

import dataclasses

from description import Condenser, Description


@dataclasses.dataclass(frozen=True)
class Node:
    """One operator; `inputs` are indices of earlier nodes, `stride_log2` that of its output against the picture."""

    op: str  # input, conv, max_pool, average_pool, gate, upsample, add
    name: str
    inputs: tuple[int, ...] = ()
    channels: int = 3
    stride_log2: int = 0
    in_channels: int = 0  # conv, as the next five
    kernel: int = 1
    stride: int = 1
    dilation: int = 1
    groups: int = 1
    relu: bool = False
    factor: int = 1  # pools, gate, upsample
    expand: str = "bilinear"  # gate, upsample: nearest or bilinear
    scales: int = 0  # gate: 1 or channels learned scales

    @property
    def padding(self) -> int:
        return self.dilation * (self.kernel // 2)


class Graph:
    """Collects nodes; every method returns the new node's index."""

    def __init__(self):
        self.nodes: list[Node] = []

    def push(self, op: str, name: str, inputs: tuple[int, ...] = (), **fields) -> int:
        first = self.nodes[inputs[0]] if inputs else Node("input", "input")
        fields.setdefault("channels", first.channels)
        fields.setdefault("stride_log2", first.stride_log2)
        self.nodes.append(Node(op, name, inputs, **fields))
        return len(self.nodes) - 1

    def conv(self, name: str, x: int, channels: int, stride: int = 1, **fields) -> int:
        first = self.nodes[x]
        return self.push("conv", name, (x,), channels=channels, in_channels=first.channels, stride=stride,
                         stride_log2=first.stride_log2 + (stride == 2), **fields)

    def pool(self, name: str, x: int, kind: str, factor: int) -> int:
        log2 = self.nodes[x].stride_log2 + factor.bit_length() - 1
        return self.push(f"{kind}_pool", name, (x,), factor=factor, stride_log2=log2)

    def condenser(self, name: str, v: int, o: Condenser) -> int:
        width = self.nodes[v].channels
        k = self.pool(f"{name}.condense", v, o.condense, o.factor)
        if o.embedding == "depthwise":
            k = self.conv(f"{name}.spatial", k, width, kernel=3, groups=width, relu=True)
        grouped = o.embedding == "grouped"
        k = self.conv(f"{name}.embed", k, o.channels, kernel=3 if grouped else 1, groups=o.groups if grouped else 1, relu=True)
        if o.double:
            k = self.pool(f"{name}.condense2", k, o.condense, 2)
            k = self.conv(f"{name}.embed2", k, o.channels, kernel=3, relu=True)
        a = self.conv(f"{name}.attend", k, width)
        return self.push("gate", f"{name}.gate", (v, a), factor=o.total_factor, expand=o.expand,
                         scales=1 if o.scale == "layer" else width)

    def block(self, name: str, x: int, width: int, expansion: int, stride: int, dilation: int, condenser: Condenser) -> int:
        wide = self.nodes[x].channels * expansion
        y = self.conv(f"{name}.expand", x, wide, relu=True)
        y = self.conv(f"{name}.depthwise", y, wide, stride, kernel=3, dilation=dilation, groups=wide, relu=True)
        if condenser.channels:
            y = self.condenser(f"{name}.condenser", y, condenser)
        y = self.conv(f"{name}.project", y, width)
        return self.push("add", f"{name}.add", (x, y)) if stride == 1 and self.nodes[x].channels == width else y

    def decoder(self, name: str, deep: int, skip: int, width: int, factor: int) -> int:
        x = self.conv(f"{name}.reduce", deep, width)
        if factor > 1:
            log2 = self.nodes[x].stride_log2 - (factor.bit_length() - 1)
            x = self.push("upsample", f"{name}.upsample", (x,), factor=factor, stride_log2=log2)
        s = self.conv(f"{name}.skip", skip, width)
        x = self.push("add", f"{name}.add", (x, s))
        return self.conv(f"{name}.fuse", x, width, kernel=3, relu=True)


def lower(d: Description) -> list[Node]:
    """All operators of a description in running order; the first is the picture, the last the class scores."""
    g = Graph()
    x = g.push("input", "input")
    x = g.conv("stem", x, d.stem, 2, kernel=3, relu=True)
    outputs = [x]
    for i, stage in enumerate(d.stages, 1):
        for j, dilation in enumerate(stage.dilations, 1):
            stride = stage.stride if j == 1 else 1
            x = g.block(f"stage{i}.block{j}", x, stage.width, stage.expansion, stride, dilation, stage.condenser)
        outputs.append(x)
    for i, width in enumerate(d.decoder, 1):
        x = g.decoder(f"decoder{i}", x, outputs[-1 - i], width, d.stages[-i].stride)
    g.conv("head", x, d.classes)
    return g.nodes


def last_use(nodes: list[Node]) -> list[list[int]]:
    """For every node, the nodes whose activations nothing after it reads."""
    last = {i: n for n, node in enumerate(nodes) for i in node.inputs}
    return [[i for i, n in last.items() if n == at] for at in range(len(nodes))]
