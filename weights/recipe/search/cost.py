# SPDX-License-Identifier: Apache-2.0
"""What a description costs, from the description alone: the same figures as include/attendseg/nn/layer_table.hpp."""

from __future__ import annotations

import dataclasses

from description import Description
from graph import Node, lower

MAX_STAGES, MAX_BLOCKS, MAX_CHANNELS, MAX_DILATION, MAX_CONDENSER = 4, 12, 512, 16, 256  # nn/description.hpp


@dataclasses.dataclass(frozen=True)
class Cost:
    """Bytes are what the layers take in the int8 file: weights, biases, multipliers, tables."""

    parameters: int
    int8_bytes: int
    macs: int


def convolution_weights(node: Node) -> int:
    return node.channels * (node.in_channels // node.groups) * node.kernel**2


def cost(d: Description, height: int, width: int) -> Cost:
    """Cost of a picture of [height, width], padded as the library pads it."""
    up = lambda side: -(-side // d.total_stride) * d.total_stride
    parameters = int8_bytes = macs = 0
    for node in lower(d):
        if node.op == "conv":
            weights = convolution_weights(node)
            parameters += weights + node.channels
            int8_bytes += weights + 8 * node.channels + 1
            macs += weights * (up(height) >> node.stride_log2) * (up(width) >> node.stride_log2)
        elif node.op == "gate":
            parameters += node.scales
            int8_bytes += 512
        elif node.op == "add":
            int8_bytes += 6
    return Cost(parameters, int8_bytes, macs)


def limits(d: Description, smallest_side: int) -> list[str]:
    """What keeps the library from loading this description, or training from learning anything; empty: nothing.

    @param smallest_side  of the pictures or crops that it will see, in pixels
    """
    wrong = []

    def within(field: str, value: int, low: int, high: int) -> None:
        if not low <= value <= high:
            wrong.append(f"{field}: {value}, expected {low} to {high}")

    within("stages", len(d.stages), 1, MAX_STAGES)
    within("stem", d.stem, 1, MAX_CHANNELS)
    for i, stage in enumerate(d.stages, 1):
        within(f"stage{i}.width", stage.width, 1, MAX_CHANNELS)
        within(f"stage{i}.expansion", stage.expansion, 1, 8)
        within(f"stage{i}.depth", len(stage.dilations), 1, MAX_BLOCKS)
        within(f"stage{i}.dilations", max(stage.dilations, default=1), 1, MAX_DILATION)
        within(f"stage{i}.condenser.channels", stage.condenser.channels, 0, MAX_CONDENSER)
    for width in d.decoder:
        within("decoder", width, 1, MAX_CHANNELS)
    if wrong:
        return wrong
    try:
        d.check()
    except ValueError as error:
        return [str(error)]
    # A condensed map of one pixel would know nothing of where.
    within("total stride", d.total_stride, 2, max(2, smallest_side // 2))
    return wrong
