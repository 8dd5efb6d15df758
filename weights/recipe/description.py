# SPDX-License-Identifier: Apache-2.0
"""The network as data: the same JSON that the C++ library reads (include/attendseg/nn/description.hpp)."""

from __future__ import annotations

import dataclasses
import json

CONDENSE = ("max", "average")
EMBEDDING = ("pointwise", "grouped", "depthwise")
EXPAND = ("nearest", "bilinear")
SCALE = ("layer", "channel")


@dataclasses.dataclass(frozen=True)
class Condenser:
    """Options of one attention condenser; channels = 0 means that the stage has none."""

    condense: str = "max"
    factor: int = 2
    embedding: str = "depthwise"
    channels: int = 8
    groups: int = 1
    expand: str = "nearest"
    scale: str = "channel"
    double: bool = False

    def check(self, where: str, width: int) -> None:
        for field, allowed in (("condense", CONDENSE), ("embedding", EMBEDDING), ("expand", EXPAND), ("scale", SCALE)):
            if getattr(self, field) not in allowed:
                raise ValueError(f"{where}.{field}: {getattr(self, field)!r}, expected one of {allowed}")
        if self.factor not in (2, 4) or (self.double and self.factor != 2):
            raise ValueError(f"{where}.factor: {self.factor}, expected 2 or 4 (2 when double)")
        if self.embedding == "grouped" and (width % self.groups or self.channels % self.groups):
            raise ValueError(f"{where}.groups: {self.groups}, expected a divisor of {width} and {self.channels}")
        if self.embedding != "grouped" and self.groups != 1:
            raise ValueError(f"{where}.groups: {self.groups}, expected 1 for embedding {self.embedding!r}")

    @property
    def total_factor(self) -> int:
        """How much smaller than V the condensed map is, per axis."""
        return self.factor * (2 if self.double else 1)


@dataclasses.dataclass(frozen=True)
class Stage:
    """A run of inverted residual blocks; one block per dilation, the first one carries the stride."""

    width: int
    stride: int
    expansion: int
    dilations: tuple[int, ...]
    condenser: Condenser


@dataclasses.dataclass(frozen=True)
class Description:
    """AttendSeg as data: stem, stages, decoder widths from the deepest to the finest.

    Each decoder step joins the stage before the one that the last step joined; as many steps as stages end at the stem."""

    name: str
    classes: int
    stem: int
    stages: tuple[Stage, ...]
    decoder: tuple[int, ...]

    def check(self) -> "Description":
        if not 2 <= self.classes <= 64:
            raise ValueError(f"classes: {self.classes}, expected 2 to 64")
        if not 1 <= len(self.decoder) <= len(self.stages):
            raise ValueError(f"decoder: {len(self.decoder)} widths, expected 1 to {len(self.stages)}")
        width = self.stem
        for i, stage in enumerate(self.stages, 1):
            if stage.stride not in (1, 2):
                raise ValueError(f"stages[{i}].stride: {stage.stride}, expected 1 or 2")
            if stage.condenser.channels:
                stage.condenser.check(f"stages[{i}].condenser", width * stage.expansion)
                stage.condenser.check(f"stages[{i}].condenser", stage.width * stage.expansion)
            width = stage.width
        if self.output_stride not in (1, 2, 4, 8):
            raise ValueError(f"decoder: output stride {self.output_stride}, expected 1, 2, 4 or 8")
        return self

    @property
    def strides(self) -> list[int]:
        """Stride of every stage's output against the picture."""
        out, stride = [], 2
        for stage in self.stages:
            stride *= stage.stride
            out.append(stride)
        return out

    @property
    def output_stride(self) -> int:
        """Stride of the class scores against the picture."""
        return [2, *self.strides][-1 - len(self.decoder)]

    @property
    def joined(self) -> list[int]:
        """Stride of what each decoder step joins, and so of its output: from the last stage but one on, the stem at most."""
        return [2, *self.strides[:-1]][::-1][: len(self.decoder)]

    @property
    def total_stride(self) -> int:
        """What picture sides are padded to a multiple of: strides and condenser pooling."""
        return max(
            stride * (stage.condenser.total_factor if stage.condenser.channels else 1)
            for stride, stage in zip(self.strides, self.stages)
        )

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), separators=(",", ":"))

    @staticmethod
    def from_json(text: str | dict) -> "Description":
        value = json.loads(text) if isinstance(text, str) else dict(text)
        value["stages"] = tuple(
            Stage(**{**s, "dilations": tuple(s["dilations"]), "condenser": Condenser(**s["condenser"])})
            for s in value["stages"]
        )
        value["decoder"] = tuple(value["decoder"])
        return Description(**value).check()
