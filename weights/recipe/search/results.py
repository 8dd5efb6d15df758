# SPDX-License-Identifier: Apache-2.0
"""All that a search knows so far, read from the shared storage."""

from __future__ import annotations

import collections
import dataclasses

from optuna.trial import FrozenTrial, TrialState

from description import Description
from search.budget import Plan
from search.requirements import Bound
from search.rules import Candidate
from search.store import Store


@dataclasses.dataclass
class Results:
    """Candidates by key, and how many were met on the way."""

    judged: int = 0
    rejected: collections.Counter = dataclasses.field(
        default_factory=collections.Counter
    )  # by the bound that was exceeded most
    candidates: dict[str, Candidate] = dataclasses.field(default_factory=dict)
    prototype: str = ""
    bounds: dict[str, float] = dataclasses.field(default_factory=dict)
    finalists: list[str] = dataclasses.field(default_factory=list)
    notes: dict = dataclasses.field(default_factory=dict)

    @property
    def timed(self) -> list[Candidate]:
        return [c for c in self.candidates.values() if c.latency_ms is not None]

    @property
    def trained(self) -> list[Candidate]:
        """Trained to the end of proxy training."""
        return [c for c in self.candidates.values() if c.state == "trained"]

    def begun(self) -> list[Candidate]:
        """All on whose training time was spent."""
        return [c for c in self.candidates.values() if c.state in ("running", "pruned", "trained")]


def attrs_of(c: Candidate) -> dict:
    """What the storage keeps of a candidate."""
    return {
        "key": c.key,
        "description": c.description.to_json(),
        "parameters": c.parameters,
        "int8_bytes": c.int8_bytes,
        "macs": c.macs,
        "latency_ms": c.latency_ms,
        "peak_memory_bytes": c.peak_memory_bytes,
        "source": c.source,
        "passed": c.passed,
    }


def candidate_of(t: FrozenTrial) -> Candidate:
    a = t.user_attrs
    fields = {
        name: a[name]
        for name in ("parameters", "int8_bytes", "macs", "latency_ms", "peak_memory_bytes", "source", "passed")
    }
    rungs = [a[f"rung{i}"] for i in range(1, 1 + sum(name.startswith("rung") for name in a))]
    return Candidate(a["key"], Description.from_json(a["description"]), **fields, params=dict(t.params), rungs=rungs)


def bounds_of(bounds: dict[str, Bound], prototype: Candidate) -> dict[str, float]:
    """Every bound as a number."""
    return {name: b.value if b.factor is None else b.factor * getattr(prototype, name) for name, b in bounds.items()}


def read(store: Store) -> Results:
    r = Results(notes=dict(store.notes()))
    r.prototype, r.bounds = r.notes.get("prototype", ""), r.notes.get("bounds", {})
    r.finalists = r.notes.get("finalists", [])
    for study in ("survey", "proxy"):
        for t in store.trials(study):
            if t.state == TrialState.WAITING or (study == "proxy" and "outcome" not in t.user_attrs):
                continue  # not judged yet
            if study == "survey" or t.user_attrs.get("source", "sampler") == "sampler":
                r.judged += t.user_attrs.get("outcome") != "repeat" and t.state != TrialState.FAIL
            excess = {k: v for k, v in t.constraints.items() if v > 0}
            if excess:
                r.rejected[max(excess, key=excess.get)] += 1
            if "description" not in t.user_attrs or t.user_attrs.get("outcome") == "repeat":
                continue
            c = candidate_of(t)
            if study == "survey":
                r.candidates.setdefault(c.key, c)
                continue
            c.state = {TrialState.RUNNING: "running", TrialState.COMPLETE: "trained", TrialState.FAIL: "timed"}.get(
                t.state, "pruned" if "job" in t.user_attrs else "screened"
            )
            c.accuracy = t.values[0] if t.state == TrialState.COMPLETE else None
            known = r.candidates.get(c.key)
            if known is None or known.state in ("timed", "screened") or c.state == "trained":
                r.candidates[c.key] = c
    for t in store.trials("jobs"):
        if t.state == TrialState.COMPLETE and t.user_attrs.get("job", "").startswith("final-"):
            c = r.candidates[t.user_attrs["key"]]
            c.finals[t.user_attrs["seed"]] = t.values[0]
            c.latency_ms = min(c.latency_ms, t.user_attrs.get("latency_ms") or c.latency_ms)
    return r


def plan_of(notes: dict) -> Plan:
    return Plan(**notes["plan"])
