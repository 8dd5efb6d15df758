# SPDX-License-Identifier: Apache-2.0
"""The decisions of the search, as plain functions: what is within the bounds, worth training, stopped, best."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import statistics
from collections.abc import Iterable, Sequence

from description import Description

# Without it the screen turned away the later winners of two searches out of three (docs/decisions/0010).
SCREEN_MARGIN = 1.1


@dataclasses.dataclass
class Candidate:
    """A description and all that is known of it."""

    key: str
    description: Description
    parameters: int = 0
    int8_bytes: int = 0
    macs: int = 0
    latency_ms: float | None = None
    peak_memory_bytes: int | None = None
    source: str = "draw"  # prototype, draw, mutation, sampler
    passed: bool = True  # the screen
    params: dict = dataclasses.field(default_factory=dict)
    rungs: list[float] = dataclasses.field(default_factory=list)  # accuracy at each report of proxy training
    accuracy: float | None = None  # at its end
    state: str = "timed"  # rejected, timed, screened, running, pruned, trained
    finals: dict[int, float] = dataclasses.field(default_factory=dict)  # accuracy after longer training, by seed


def key_of(d: Description) -> str:
    """Ten characters that stand for a description, whatever its name."""
    return hashlib.sha256(dataclasses.replace(d, name="").to_json().encode()).hexdigest()[:10]


def violations(c: Candidate, bounds: dict[str, float]) -> dict[str, float]:
    """By how much of the bound each known figure is beyond it; 0 or less where it is within."""
    known = {name: getattr(c, name) for name in bounds}
    return {name: known[name] / bounds[name] - 1 for name in bounds if known[name] is not None}


def within(c: Candidate, bounds: dict[str, float]) -> bool:
    return all(v <= 0 for v in violations(c, bounds).values())


def worth_training(c: Candidate, timed: Iterable[Candidate]) -> bool:
    """The screen: no candidate that is no slower has a tenth more of both MACs and parameters.

    Work and size are what accuracy is bought with; a network that gets far less of both for its time has spent it badly.
    """
    enough = lambda o: o.macs > SCREEN_MARGIN * c.macs and o.parameters > SCREEN_MARGIN * c.parameters
    return not any(o.latency_ms <= c.latency_ms and enough(o) for o in timed)


def ahead(mine: list[float], latency_ms: float, others: Iterable[Candidate], margin: float) -> int:
    """How many networks that are no slower were ahead by `margin` at the rung that `mine` has just reached."""
    rung = len(mine) - 1
    no_slower = (o for o in others if o.latency_ms <= latency_ms and len(o.rungs) > rung)
    return sum(o.rungs[rung] >= mine[rung] + margin for o in no_slower)


def margin_at(rung: int, reports: int, margin: float) -> float:
    """How far others have to be ahead at a rung (from 1): more at early ones, which tell less."""
    return margin * (reports - rung)


def spread(items: Sequence, count: int) -> list:
    """`count` of the items, evenly spaced, first and last among them."""
    if count >= len(items):
        return list(items)
    if count == 1:
        return [items[-1]]
    return [items[round(i * (len(items) - 1) / (count - 1))] for i in range(count)]


def survey_picks(timed: Sequence[Candidate], count: int) -> list[Candidate]:
    """Which of the survey are trained: those that pass the screen, evenly spaced over latency, slowest first."""
    front = sorted((c for c in timed if worth_training(c, timed)), key=lambda c: c.latency_ms)
    return spread(front, count)[::-1]


def finalists(trained: Sequence[Candidate], prototype: str, bounds: dict[str, float], count: int) -> list[Candidate]:
    """Which networks are trained longer, best first: half are the best within the bounds, one is the prototype, and the
    rest are spread over the other ranks, so that the rank correlation is not one of the best alone."""
    ranked = sorted((c for c in trained if c.accuracy is not None), key=lambda c: -c.accuracy)
    best = [c for c in ranked if within(c, bounds)][: max(1, count // 2)]
    chosen = best + [c for c in ranked if c.key == prototype and c not in best]
    rest = [c for c in ranked if c not in chosen]
    chosen += spread(rest, min(len(rest), max(0, count - len(chosen))))
    return sorted(chosen, key=lambda c: -c.accuracy)


def winner(trained: Sequence[Candidate], bounds: dict[str, float]) -> Candidate | None:
    """The best mean accuracy after longer training within the bounds, over the seeds that all have, so that a seed which
    the time allowed some networks alone decides nothing; without finals, the best of proxy training."""
    fit = [c for c in trained if within(c, bounds)]
    final = [c for c in fit if c.finals]
    if final:
        shared = set.intersection(*(set(c.finals) for c in final))
        return max(final, key=lambda c: statistics.mean(c.finals[s] for s in shared or c.finals))
    return max((c for c in fit if c.accuracy is not None), key=lambda c: c.accuracy, default=None)


def front(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Those that no other beats in both accuracy and latency, fastest first."""
    best, result = float("-inf"), []
    for c in sorted(candidates, key=lambda c: (c.latency_ms, -c.accuracy)):
        if c.accuracy > best:
            best = c.accuracy
            result.append(c)
    return result


def regardless(key: str, share: float) -> bool:
    """Whether a candidate is trained whatever the screen says: a share of all keys."""
    return int(key[:8], 16) / 2**32 < share


def description_text(d: Description) -> dict:
    return json.loads(d.to_json())
