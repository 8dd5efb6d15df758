# SPDX-License-Identifier: Apache-2.0
"""Which fields of a description matter: Optuna's fANOVA, and what it would say of chance alone."""

from __future__ import annotations

import dataclasses
import random
import statistics
import warnings

from search.rules import Candidate
from search.space import Value

ABSENT = "none"
SHUFFLES = 12  # of the values, to see what importance a field gets that has nothing to do with them


@dataclasses.dataclass(frozen=True)
class Importance:
    """Shares of the variance by field, the largest first, and the share that pure chance gives to its largest field."""

    shares: dict[str, float]
    chance: float
    samples: int


def available() -> bool:
    try:
        import sklearn  # noqa: F401
    except ImportError:
        return False
    return True


def evaluate(rows: list[tuple[dict[str, Value], float]], shuffles: int) -> Importance | None:
    """@param rows  the fields and the figure of each candidate. @return None where there is nothing to learn from"""
    import optuna
    from optuna.distributions import CategoricalDistribution, FloatDistribution
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances
    from optuna.trial import create_trial

    if len(rows) < 8 or len({v for _, v in rows}) < 2:
        return None
    params, distributions = [dict() for _ in rows], {}
    for name in sorted({n for p, _ in rows for n in p}):
        values = [p.get(name, ABSENT) for p, _ in rows]
        if len(set(values)) < 2:
            continue
        if all(type(v) is int or v == ABSENT for v in values):  # a field that a candidate does not have counts as 0
            values = [0.0 if v == ABSENT else float(v) for v in values]
            distributions[name] = FloatDistribution(min(values), max(values))
        else:
            values = list(map(str, values))
            distributions[name] = CategoricalDistribution(sorted(set(values)))
        for p, v in zip(params, values):
            p[name] = v

    def shares(figures: list[float]) -> dict[str, float]:
        study = optuna.create_study()
        study.add_trials(
            [create_trial(params=p, distributions=distributions, value=v) for p, v in zip(params, figures)]
        )
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", optuna.exceptions.ExperimentalWarning
            )  # of normalize=False: shares of the variance
            found = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=1), normalize=False)
        return {name: float(share) for name, share in found.items()}

    figures = [v for _, v in rows]
    rng, chance = random.Random(1), []
    for _ in range(shuffles):
        chance.append(max(shares(rng.sample(figures, len(figures))).values()))
    found = shares(figures)
    return Importance(
        dict(sorted(found.items(), key=lambda item: -item[1])), statistics.mean(chance) if chance else 0.0, len(rows)
    )


def of_latency(timed: list[Candidate]) -> Importance | None:
    return evaluate([(c.params, c.latency_ms) for c in timed if c.params], 2)


def of_accuracy(begun: list[Candidate]) -> Importance | None:
    """A pruned network counts as what it had, plus what the others gained after that rung on average."""
    trained = [c for c in begun if c.accuracy is not None]
    rows = [(c.params, c.accuracy) for c in trained if c.params]
    for c in begun:
        if c.state == "pruned" and c.params and c.rungs:
            gains = [o.accuracy - o.rungs[len(c.rungs) - 1] for o in trained if len(o.rungs) >= len(c.rungs)]
            if gains:
                rows.append((c.params, c.rungs[-1] + statistics.mean(gains)))
    return evaluate(rows, SHUFFLES)
