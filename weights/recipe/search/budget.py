# SPDX-License-Identifier: Apache-2.0
"""How `--minutes` shortens a search: each stage has a share of the time, and shrinks until it fits into it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

from search.requirements import Requirements

# Ends of the stages, as shares of the whole time; what one stage leaves over, the next ones have.
ENDS = {"survey": 0.12, "teacher": 0.30, "proxies": 0.76, "finals": 0.98}
LEAST_MINUTES_FOR_TEACHER = 120  # a teacher that was trained for less has nothing to teach
LEAST_PROXIES, LEAST_FINALISTS = 8, 4


@dataclasses.dataclass(frozen=True)
class Pace:
    """Measured on the prototype."""

    pictures_per_second: float
    overhead: float  # seconds of a training run that are not training: reading the data, one validation
    measuring: float  # seconds to time one candidate
    teacher_per_second: float = 0.0  # pictures
    labelling: float = 0.0  # seconds for its soft labels


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is done of the requirements; without --minutes, all."""

    survey: int
    proxies: int
    proxy_pictures: int
    teacher_pictures: int
    networks: int
    seeds: int
    final_pictures: int
    run_seconds: float = 0.0  # of one proxy run, expected; 0: not known
    final_seconds: float = 0.0

    def describe(self) -> str:
        return (
            f"survey of {self.survey}, {self.proxies} proxies of {self.proxy_pictures} picture-steps, teacher of "
            f"{self.teacher_pictures}, finals of {self.networks} networks x {self.seeds} seeds x {self.final_pictures}"
        )


def whole(r: Requirements) -> Plan:
    return Plan(
        r.survey, r.proxies, r.proxy.pictures, r.teacher.pictures, r.final_networks, r.final_seeds, r.final.pictures
    )


def fit(r: Requirements, seconds: float, pace: Pace) -> Plan:
    """The plan for so many seconds of one worker. Proxies become fewer and shorter alike (not below 8, if that can be);
    finals give up seeds and then networks (not below 4) before they are shorter than one and a half proxies."""
    p = whole(r)
    teach = p.teacher_pictures > 0 and seconds >= 60 * LEAST_MINUTES_FOR_TEACHER
    ends = ENDS if teach else ENDS | {"teacher": ENDS["survey"]}
    time = dict(zip(ends, (seconds * (end - begin) for begin, end in zip([0.0, *ends.values()], ends.values()))))

    def overhead(reports: int) -> float:
        """Most of it is validation."""
        return pace.overhead * (0.2 + 0.8 * reports)

    def pictures(stage: str, runs: int, reports: int) -> int:
        return int((time[stage] / runs - overhead(reports)) * pace.pictures_per_second)

    def run(pictures: int, reports: int) -> float:
        return overhead(reports) + pictures / pace.pictures_per_second

    least, rungs = r.proxy.batch * r.proxy.reports * 10, r.proxy.reports
    shrink = min(1.0, math.sqrt(time["proxies"] / (p.proxies * run(p.proxy_pictures, rungs))))
    proxies = max(min(LEAST_PROXIES, p.proxies), int(p.proxies * shrink))
    while proxies > 3 and pictures("proxies", proxies, rungs) < least:
        proxies -= 1
    short = max(least, min(p.proxy_pictures, pictures("proxies", proxies, rungs)))

    teaching = 0.9 * (time["teacher"] - pace.labelling)
    longer = p.final_pictures / p.proxy_pictures
    networks, seeds = p.networks, p.seeds
    enough = short * min(longer, 1.5)
    while pictures("finals", networks * seeds, r.final.reports) < enough and (seeds > 1 or networks > LEAST_FINALISTS):
        seeds, networks = (seeds - 1, networks) if seeds > 1 else (seeds, networks - 1)
    long = max(least, min(int(short * longer), pictures("finals", networks * seeds, r.final.reports)))
    return Plan(
        survey=max(20, min(p.survey, int(time["survey"] / pace.measuring))),
        proxies=proxies,
        proxy_pictures=short,
        teacher_pictures=min(p.teacher_pictures, max(0, int(teaching * pace.teacher_per_second))) if teach else 0,
        networks=networks,
        seeds=seeds,
        final_pictures=long,
        run_seconds=run(short, rungs),
        final_seconds=run(long, r.final.reports),
    )


class Clock:
    """Time left for a stage; without --minutes, endless."""

    def __init__(self, minutes: float | None, used: Callable[[], float]):
        self.total, self.used = None if minutes is None else 60 * minutes, used
        self.planned = 0.0  # how much was used when the stages were planned

    def left(self, stage: str = "finals") -> float:
        """Seconds until the stage has to end."""
        if self.total is None:
            return math.inf
        return self.planned + ENDS[stage] * (self.total - self.planned) - self.used()
