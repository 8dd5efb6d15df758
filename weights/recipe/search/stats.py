# SPDX-License-Identifier: Apache-2.0
"""Rank correlations, and the spread between seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence


def ranks(values: Sequence[float]) -> list[float]:
    """1 for the smallest; equal values share the mean of their ranks."""
    ordered = sorted(values)
    return [ordered.index(v) + (ordered.count(v) + 1) / 2 for v in values]


def spearman(a: Sequence[float], b: Sequence[float]) -> float:
    """Correlation of the ranks, -1 to 1; not a number where one side is constant."""
    x, y = ranks(a), ranks(b)
    return statistics.correlation(x, y) if len(set(x)) > 1 and len(set(y)) > 1 else math.nan


def kendall(a: Sequence[float], b: Sequence[float]) -> float:
    """Share of pairs in the same order minus share in the opposite one (tau-b: ties on either side are taken out)."""
    sign = lambda v: (v > 0) - (v < 0)
    pairs = [(sign(a[i] - a[j]), sign(b[i] - b[j])) for i in range(len(a)) for j in range(i)]
    tied_a, tied_b = sum(p[0] == 0 for p in pairs), sum(p[1] == 0 for p in pairs)
    norm = math.sqrt((len(pairs) - tied_a) * (len(pairs) - tied_b))
    return sum(x * y for x, y in pairs) / norm if norm else math.nan


def seed_spread(groups: Sequence[Sequence[float]]) -> float:
    """Standard deviation between seeds, pooled over the networks that have several; not a number where none has."""
    several = [g for g in groups if len(g) > 1]
    freedom = sum(len(g) - 1 for g in several)
    return math.sqrt(sum((len(g) - 1) * statistics.variance(g) for g in several) / freedom) if freedom else math.nan
