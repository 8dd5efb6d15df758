# SPDX-License-Identifier: Apache-2.0
"""The search space as data: which fields of a description may vary, and between what.

A field is `stem`, `stages` (how many), `stageN.width`, `.stride`, `.expansion`, `.depth` (blocks), `.dilations` (a
pattern, repeated to the depth), `.condenser.KEY`, `condenser.KEY` (all stages alike), `decoder.finest` (the stage whose
resolution the decoder returns to, 0: the stem's) or `decoder.stageN` (width of the step that joins stage N, 0: the stem).
What is not named stays as in the prototype.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable

from description import CONDENSE, Condenser, Description, Stage
from search.cost import MAX_BLOCKS

Value = int | bool | str  # patterns of dilations are text, "1 2 4"


@dataclasses.dataclass(frozen=True)
class Field:
    """What one field may be: `values` in order, and the step between them where they are a range."""

    values: tuple[Value, ...]
    step: int | None = None

    def distribution(self):
        """The same for Optuna."""
        from optuna.distributions import CategoricalDistribution, IntDistribution

        if self.step is None:
            return CategoricalDistribution(self.values)
        return IntDistribution(self.values[0], self.values[-1], step=self.step)

    def nearest(self, value: Value) -> Value:
        """The value itself where the field has it, else the closest one."""
        if value in self.values:
            return value
        if isinstance(value, str):
            return max(self.values, key=lambda v: common_prefix(str(v), value))
        return min(self.values, key=lambda v: abs(int(v) - int(value)))


def common_prefix(a: str, b: str) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))


def repeated(pattern: str, depth: int) -> tuple[int, ...]:
    """The dilations of `depth` blocks: "1 2 4" for five is 1, 2, 4, 1, 2."""
    dilations = [int(n) for n in pattern.split()]
    return tuple(dilations[i % len(dilations)] for i in range(depth))


class Space:
    """A prototype and the fields in which its descendants differ from it."""

    def __init__(self, prototype: Description, fields: dict[str, Field]):
        self.prototype, self.fields = prototype, fields

    def stage(self, n: int) -> Stage:
        """The prototype's stage n (from 1); beyond its last one, a copy of that."""
        return self.prototype.stages[min(n, len(self.prototype.stages)) - 1]

    def build(self, pick: Callable[[str, Field], Value]) -> tuple[Description, dict[str, Value]]:
        """A description in which `pick` decides each field that matters, and what it decided."""
        picked: dict[str, Value] = {}

        def value(name: str, default: Value) -> Value:
            if name not in self.fields:
                return default
            if name not in picked:
                picked[name] = pick(name, self.fields[name])
            return picked[name]

        p = self.prototype
        stem = value("stem", p.stem)
        stages = []
        for n in range(1, value("stages", len(p.stages)) + 1):
            base, at = self.stage(n), f"stage{n}."
            depth = value(at + "depth", len(base.dilations))
            pattern = value(at + "dilations", " ".join(map(str, base.dilations)))
            stages.append(
                Stage(
                    value(at + "width", base.width),
                    value(at + "stride", base.stride),
                    value(at + "expansion", base.expansion),
                    repeated(pattern, depth),
                    self.condenser(n, base.condenser, value),
                )
            )
        finest = value("decoder.finest", len(p.stages) - len(p.decoder))
        widths = {len(p.stages) - 1 - i: width for i, width in enumerate(p.decoder)}
        decoder = tuple(
            value(f"decoder.stage{n}", widths.get(n, max(widths.values())))
            for n in range(len(stages) - 1, finest - 1, -1)
        )
        return Description(p.name, p.classes, stem, tuple(stages), decoder), picked

    def condenser(self, n: int, base: Condenser, value: Callable[[str, Value], Value]) -> Condenser:
        """Stage n's condenser; the options of one without channels are not asked for."""

        def option(key: str) -> Value:
            own = f"stage{n}.condenser.{key}"
            return value(own if own in self.fields else f"condenser.{key}", getattr(base, key))

        channels = option("channels")
        if not channels:
            return dataclasses.replace(base, channels=0)
        double, embedding = option("double"), option("embedding")
        return Condenser(
            option("condense"),
            2 if double else option("factor"),
            embedding,
            channels,
            option("groups") if embedding == "grouped" else 1,
            option("expand"),
            option("scale"),
            double,
        )

    def of(self, d: Description, name: str) -> Value:
        """What a description has in a field."""
        if name in ("stem", "stages"):
            return d.stem if name == "stem" else len(d.stages)
        head, key = name.split(".", 1)
        if head == "decoder":
            if key == "finest":
                return len(d.stages) - len(d.decoder)
            at = len(d.stages) - 1 - int(key.removeprefix("stage"))
            return d.decoder[min(max(at, 0), len(d.decoder) - 1)]
        if head == "condenser":
            stage = next((s for s in d.stages if s.condenser.channels), d.stages[0])
        else:
            stage = d.stages[min(int(head.removeprefix("stage")), len(d.stages)) - 1]
        if key == "depth":
            return len(stage.dilations)
        if key == "dilations":
            fitting = [v for v in self.fields[name].values if repeated(v, len(stage.dilations)) == stage.dilations]
            return fitting[0] if fitting else " ".join(map(str, stage.dilations))
        return getattr(stage.condenser, key.removeprefix("condenser.")) if "condenser" in name else getattr(stage, key)

    def nearest(self, d: Description) -> tuple[Description, dict[str, Value]]:
        """The description of this space that is closest to `d`: `d` itself where the space holds it."""
        return self.build(lambda name, field: field.nearest(self.of(d, name)))

    def draw(self, rng: random.Random) -> tuple[Description, dict[str, Value]]:
        """Any description, every value of a field being equally likely."""
        return self.build(lambda name, field: rng.choice(field.values))

    def mutate(
        self, picked: dict[str, Value], changes: int, rng: random.Random
    ) -> tuple[Description, dict[str, Value]]:
        """A description that differs from another in up to `changes` fields."""
        changed = set(rng.sample(sorted(picked), min(changes, len(picked))))
        return self.build(
            lambda name, field: picked[name] if name in picked and name not in changed else rng.choice(field.values)
        )

    def distributions(self, picked: dict[str, Value]) -> dict:
        return {name: self.fields[name].distribution() for name in picked}


def around(prototype: Description) -> dict[str, Field]:
    """The space of a requirements file without one: the prototype's numbers from a third to one and a half."""

    def numbers(value: int, low: float, high: float) -> Field:
        step = 8 if value >= 16 else 4
        first = max(step, round(value * low / step) * step)
        count = max(0, (round(value * high / step) * step - first) // step)
        return Field(tuple(first + step * i for i in range(count + 1)), step)

    fields = {"stem": numbers(prototype.stem, 0.5, 1.34)}
    for n, stage in enumerate(prototype.stages, 1):
        depth = len(stage.dilations)
        fields[f"stage{n}.width"] = numbers(stage.width, 0.34, 1.5)
        fields[f"stage{n}.depth"] = Field(
            tuple(range(max(1, depth // 2), min(MAX_BLOCKS, depth + max(1, depth // 2)) + 1)), 1
        )
        fields[f"stage{n}.expansion"] = Field((1, 2, 3, 4), 1)
        channels = stage.condenser.channels or 8
        fields[f"stage{n}.condenser.channels"] = Field((0, *sorted({max(4, channels // 2), channels, channels * 2})))
    last = prototype.stages[-1]
    patterns = {"1", "1 2", "1 2 1 4", "1 2 4 8", " ".join(map(str, last.dilations))}
    fields[f"stage{len(prototype.stages)}.dilations"] = Field(tuple(sorted(patterns, key=lambda p: (len(p), p))))
    fields["condenser.condense"] = Field(CONDENSE)
    fields["condenser.embedding"] = Field(("pointwise", "depthwise"))
    for i, width in enumerate(prototype.decoder):
        fields[f"decoder.stage{len(prototype.stages) - 1 - i}"] = numbers(width, 0.34, 1.5)
    return fields
