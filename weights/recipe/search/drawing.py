# SPDX-License-Identifier: Apache-2.0
"""Networks as pictures: block by block, in the style of the report's figures."""

from __future__ import annotations

import math

from matplotlib.patches import Rectangle

from description import Description
from search.figures import INK, WIDE, plt


def network(panels: list[tuple[str, Description]]):
    """Networks drawn block by block: height is resolution, depth of colour width, a dark foot a condenser."""
    figure, axes = plt.subplots(len(panels), 1, figsize=(WIDE, 1.75 * len(panels)), layout="constrained", squeeze=False)
    widest = max(s.width for _, d in panels for s in d.stages)
    longest = max(
        1 + sum(len(s.dilations) for s in d.stages) + len(d.decoder) + 1 + 0.6 * (len(d.stages) + 1) for _, d in panels
    )
    for axis, (title, d) in zip(axes[:, 0], panels):
        x = 0.0

        def box(width: int, stride: int, text: str = "", condenser: int = 0, colour=plt.cm.Blues) -> None:
            nonlocal x
            height = 7 - math.log2(stride)
            shade = 0.18 + 0.62 * width / widest
            axis.add_patch(Rectangle((x, 0), 0.9, height, facecolor=colour(shade), edgecolor="white"))
            if condenser:
                axis.add_patch(Rectangle((x, 0), 0.9, 0.45 + 0.5 * condenser / 64, facecolor=INK, edgecolor="white"))
            axis.text(
                x + 0.45,
                height / 2 + 0.3,
                text,
                ha="center",
                va="center",
                size=8,
                color="white" if shade > 0.55 else INK,
            )
            x += 1

        def under(start: float, text: str) -> None:
            axis.text((start + x - 0.1) / 2, -0.35, text, ha="center", va="top", size=8)

        box(d.stem, 2)
        under(0, str(d.stem))
        for stage, stride in zip(d.stages, d.strides):
            x += 0.6
            start = x
            for dilation in stage.dilations:
                box(stage.width, stride, str(dilation) if dilation > 1 else "", stage.condenser.channels)
            under(start, f"{stage.width}\n×{stage.expansion}")
        x += 0.6
        for width, stride in zip(d.decoder, d.joined):
            box(width, stride, colour=plt.cm.Greens)
            under(x - 1, str(width))
        axis.set(xlim=(-0.2, longest), ylim=(-2.0, 6.3))
        axis.set_title(title, loc="left", size=10.5, weight="bold")
        axis.axis("off")
    return figure
