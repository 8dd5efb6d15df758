# SPDX-License-Identifier: Apache-2.0
"""One worker of a search: what every stage needs to judge, time, train and write down a candidate."""

from __future__ import annotations

import dataclasses
import math
import pathlib
import statistics
from collections.abc import Callable

from optuna.trial import Trial, TrialState

from description import Description
from search import budget, results, rules, training
from search.bar import Bar
from search.cost import cost, limits
from search.meter import Meter
from search.requirements import Requirements
from search.rules import Candidate
from search.store import Store
from search.view import View

WAIT = 3.0  # seconds between looks at what other workers do


@dataclasses.dataclass
class Worker:
    """What every stage needs."""

    r: Requirements
    view: View
    store: Store
    meter: Meter
    out: pathlib.Path
    bar: Bar
    clock: budget.Clock
    device: str = "cpu"
    minutes: float | None = None
    threads: int | None = None
    busy: int = 0
    soft_labels: pathlib.Path | None = None
    plan: budget.Plan | None = None
    bounds: dict[str, float] = dataclasses.field(default_factory=dict)

    # Judging and timing

    def judged(self, d: Description, source: str, params: dict | None = None) -> tuple[Candidate, list[str]]:
        """A candidate with what its description alone tells, and why it cannot be built (empty: it can)."""
        c = Candidate(rules.key_of(d), d, source=source, params=params or {})
        wrong = limits(d, min(training.crop_for(self.r.proxy.crop, self.view.size, 32)))
        if not wrong:
            found = cost(d, self.r.height, self.r.width)
            c.parameters, c.int8_bytes, c.macs = found.parameters, found.int8_bytes, found.macs
        return c, wrong

    def measured(self, c: Candidate) -> dict:
        """Latency and peak memory, filled in."""
        m = self.meter.measure(c.description)
        c.latency_ms, c.peak_memory_bytes = m["latency_ms"], m["plan_bytes"]
        return m

    def excess(self, c: Candidate, wrong: list[str]) -> dict[str, float]:
        """Constraints as Optuna keeps them: at most 0 is within."""
        return {"structure": 1.0} if wrong else rules.violations(c, self.bounds)

    def read(self) -> results.Results:
        return results.read(self.store)

    # Training

    def soft(self) -> dict:
        """What the configuration of a student says about its teacher."""
        if not self.r.distil or not (self.soft_labels or self.plan.teacher_pictures):
            return {}
        return {"distil": {"weight": self.r.distil, "labels": str(self.soft_labels or self.out / "teacher")}}

    def train(
        self, config: dict, name: str, what: str, on_report: Callable[[dict], bool] | None = None, timed: bool = True
    ) -> float | None:
        """@return the accuracy at the end of the schedule; None where it was not reached, since the time was up"""
        training.threads(self.threads, self.store.neighbours(), self.busy)
        left = max(1.0, self.clock.left("finals")) if timed else math.inf
        log = training.run(
            config,
            self.view.parent,
            self.out / "runs" / name,
            self.device,
            self.bar.training(what),
            on_report,
            None if math.isinf(left) else left,
        )
        return log[-1][self.r.maximise] if log and log[-1]["pictures"] >= config["pictures"] else None

    def usual_seconds(self, study: str, prefix: str, planned: float) -> float:
        """How long a training run takes: as planned, or as those before did where the machine has become slower."""
        seconds = [
            (t.datetime_complete - t.datetime_start).total_seconds()
            for t in self.store.trials(study)
            if t.state == TrialState.COMPLETE and t.user_attrs.get("job", "").startswith(prefix)
        ]
        return max(planned, statistics.median(seconds)) if seconds else planned

    # Storage

    def add_to_survey(self, c: Candidate, excess: dict[str, float], params: dict) -> None:
        """One line of the survey. A candidate that breaks a bound is pruned, with its violations as constraints."""
        broken = any(v > 0 for v in excess.values())
        if c.latency_ms is None:  # rejected unseen: there may be thousands, and only their number matters
            self.store.add("survey", TrialState.PRUNED, user_attrs={"key": c.key}, constraints=excess)
            return
        self.store.add(
            "survey",
            TrialState.PRUNED if broken else TrialState.COMPLETE,
            None if broken else [c.latency_ms],
            user_attrs=results.attrs_of(c),
            constraints=excess,
            params=params,
            distributions=self.r.space.distributions(params),
        )

    def constrain(self, trial: Trial, excess: dict[str, float]) -> None:
        for key, value in excess.items():
            trial.set_constraint(key, value)
