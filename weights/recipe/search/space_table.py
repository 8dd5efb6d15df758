# SPDX-License-Identifier: Apache-2.0
"""The table [space] of a requirements file: every field checked against what the library can build."""

from __future__ import annotations

from typing import Any

from description import CONDENSE, EMBEDDING, EXPAND, SCALE, Description
from search.cost import MAX_BLOCKS, MAX_CHANNELS, MAX_CONDENSER, MAX_DILATION, MAX_STAGES
from search.space import Field, Space, around
from search.table import RequirementsError, wrong

LIMITS = {"width": (1, MAX_CHANNELS), "stride": (1, 2), "expansion": (1, 8), "depth": (1, MAX_BLOCKS)}
CONDENSER = {
    "condense": CONDENSE,
    "embedding": EMBEDDING,
    "expand": EXPAND,
    "scale": SCALE,
    "double": (False, True),
    "factor": (2, 4),
    "channels": (0, MAX_CONDENSER),
    "groups": (1, MAX_CHANNELS),
}


def check_field(name: str) -> tuple[tuple, str]:
    """What values a field may be given, (low, high) or the choices, and of which kind; ValueError for an unknown name.

    @return (allowed, kind), kind "range" or "choice" or "pattern"
    """
    parts = name.split(".")
    stage = parts[0].removeprefix("stage")
    numbered = parts[0].startswith("stage") and stage.isdigit() and 1 <= int(stage) <= MAX_STAGES
    if name == "stem":
        return (1, MAX_CHANNELS), "range"
    if name == "stages":
        return (1, MAX_STAGES), "range"
    if name == "decoder.finest":
        return (0, MAX_STAGES - 1), "range"
    if parts[0] == "decoder" and len(parts) == 2 and parts[1] in [f"stage{n}" for n in range(MAX_STAGES)]:
        return (1, MAX_CHANNELS), "range"
    if numbered and len(parts) == 2 and parts[1] in LIMITS:
        return LIMITS[parts[1]], "range"
    if numbered and len(parts) == 2 and parts[1] == "dilations":
        return (1, MAX_DILATION), "pattern"
    if parts[-2:-1] == ["condenser"] and (len(parts) == 2 or (len(parts) == 3 and numbered)) and parts[-1] in CONDENSER:
        key = parts[-1]
        return CONDENSER[key], "range" if key in ("channels", "groups") else "choice"
    raise ValueError(f"space.{name}: an unknown field, expected one that weights/recipe/EXPLORE.md lists")


def read_field(name: str, value: Any) -> Field:
    """A list of choices, or { from, to, step }."""
    try:
        allowed, kind = check_field(name)
    except ValueError as error:
        raise RequirementsError(str(error)) from None
    where = f"space.{name}"
    if isinstance(value, dict):
        if (
            kind != "range"
            or set(value) - {"step"} != {"from", "to"}
            or not all(type(v) is int for v in value.values())
        ):
            raise wrong(where, value, "{ from = 16, to = 32, step = 8 }" if kind == "range" else "a list of choices")
        low, high, step = value["from"], value["to"], value.get("step", 1)
        if not allowed[0] <= low <= high <= allowed[1] or step < 1 or (high - low) % step:
            raise wrong(where, value, f"{allowed[0]} <= from <= to <= {allowed[1]}, in whole steps")
        return Field(tuple(range(low, high + 1, step)), step)
    if not isinstance(value, list) or not value:
        raise wrong(where, value, "a list of choices")
    for v in value:
        if kind == "pattern":
            good = isinstance(v, list) and v and all(type(n) is int and allowed[0] <= n <= allowed[1] for n in v)
        elif kind == "range":
            good = type(v) is int and allowed[0] <= v <= allowed[1]
        else:
            good = any(type(v) is type(a) and v == a for a in allowed)
        if not good:
            wanted = {"pattern": "a list of dilations as [1, 2, 4]", "range": f"{allowed[0]} to {allowed[1]}"}
            raise wrong(where, v, wanted.get(kind) or f"one of {allowed}")
    values = [" ".join(map(str, v)) if kind == "pattern" else v for v in value]
    if len(set(values)) < len(values):
        raise wrong(where, value, "every choice once")
    return Field(tuple(values))


def read_space(value: Any, prototype: Description) -> Space:
    if value is None:
        return Space(prototype, around(prototype))
    fields = {}

    def walk(at: str, table: Any) -> None:
        if not isinstance(table, dict):
            raise wrong(f"space{at and '.' + at}", table, "a table")
        for key, v in table.items():
            name = f"{at}.{key}" if at else key
            if isinstance(v, dict) and not set(v) & {"from", "to", "step"}:
                walk(name, v)
            else:
                fields[name] = read_field(name, v)

    walk("", value)
    space = Space(prototype, fields)
    stages = fields["stages"].values if "stages" in fields else (len(prototype.stages),)
    finest = (
        fields["decoder.finest"].values
        if "decoder.finest" in fields
        else (len(prototype.stages) - len(prototype.decoder),)
    )
    if max(finest) >= min(stages):
        raise wrong("space.decoder.finest", max(finest), f"less than the number of stages, {min(stages)}")
    return space
