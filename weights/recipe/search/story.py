# SPDX-License-Identifier: Apache-2.0
"""What a search found, as its report tells it: who won, under what names, and how well the stages agree."""

from __future__ import annotations

import math
import statistics

from search import results, rules
from search.requirements import Requirements
from search.results import Results
from search.rules import Candidate
from search.stats import kendall, seed_spread, spearman
from search.store import Store

ACCURACY = {"miou": "mIoU", "pixel_accuracy": "pixel accuracy"}


class Story:
    """Results with a prototype and a winner in them (or none yet)."""

    def __init__(self, r: Requirements, found: Results, store: Store):
        self.r, self.found, self.store = r, found, store
        self.what = ACCURACY[r.maximise]
        self.prototype: Candidate | None = found.candidates.get(found.prototype)
        self.winner = rules.winner(found.trained, found.bounds)
        self.begun = found.begun()
        self.plan = results.plan_of(found.notes) if "plan" in found.notes else None

    def name(self, c: Candidate) -> str:
        return {self.winner and self.winner.key: "winner", self.prototype and self.prototype.key: "prototype"}.get(
            c.key, c.key
        )

    def kind(self, c: Candidate) -> str:
        return {"winner": "winner", "prototype": "prototype"}.get(self.name(c), "")

    def final(self, c: Candidate) -> str:
        if not c.finals:
            return f"{c.accuracy:.1f}" if c.accuracy is not None else "not trained"
        values = list(c.finals.values())
        return f"{statistics.mean(values):.1f}" + (f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else "")

    def agreement(self) -> tuple[list[Candidate], float, float, float]:
        """The networks trained longer, best first; Spearman's and Kendall's correlation with proxies; seeds' spread."""
        networks = sorted(
            (c for c in self.found.candidates.values() if c.finals), key=lambda c: -statistics.mean(c.finals.values())
        )
        proxy, means = [c.accuracy for c in networks], [statistics.mean(c.finals.values()) for c in networks]
        return (
            networks,
            spearman(proxy, means),
            kendall(proxy, means),
            seed_spread([list(c.finals.values()) for c in networks]),
        )

    def distinguishable(self) -> float:
        """By how many points two networks must differ to be told apart (two standard deviations); or not a number."""
        networks, _, _, spread = self.agreement()
        return 2 * spread * math.sqrt(2 / max((len(c.finals) for c in networks), default=1))

    def summary(self) -> str:
        """For the terminal."""
        lines = [
            f"{self.found.judged} judged, {len(self.found.timed)} timed, {len(self.begun)} proxy-trained "
            f"({sum(c.state == 'pruned' for c in self.begun)} stopped early)"
        ]
        networks, rho, tau, spread = self.agreement()
        if len(networks) > 1:
            known = "unknown (one seed)" if math.isnan(spread) else f"{spread:.2f}"
            lines.append(
                f"{len(networks)} trained longer: rank correlation with the proxy {rho:.2f} (Spearman), {tau:.2f}"
                f" (Kendall); standard deviation between seeds {known}"
            )
        for name, c in (("prototype", self.prototype), ("winner", self.winner)):
            if c is not None:
                lines.append(f"{name}: {self.what} {self.final(c)}, {c.parameters:,} parameters, {c.latency_ms:.2f} ms")
        return "\n".join(lines)
