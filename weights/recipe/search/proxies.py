# SPDX-License-Identifier: Apache-2.0
"""Proxy training: short, distilled, at reduced size, and given up where others are ahead."""

from __future__ import annotations

import dataclasses
import random
import time

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from search import results, rules, training
from search.rules import Candidate
from search.space import Field, Value
from search.worker import WAIT, Worker

TRIES = 30  # proposals of the sampler before one is trained whatever the screen says


def pick_claim(w: Worker, found: results.Results) -> Trial | None:
    """The next trial that needs no sampler: one that a dead worker left, the prototype, or one of the survey's best."""
    lost = [t for t in w.store.trials("proxy") if t.state == TrialState.FAIL and "job" in t.user_attrs]
    for t in reversed(lost):
        if w.store.of_job("proxy", t.user_attrs["job"]) is None:
            kept = {k: v for k, v in t.user_attrs.items() if k not in ("worker", "nonce", "job")}
            return w.store.claim("proxy", t.user_attrs["job"], kept, t.params, t.distributions)
    timed = [c for c in found.timed if c.source != "sampler"]
    within = [c for c in timed if rules.within(c, w.bounds)]
    passing = rules.survey_picks(within, max(1, w.plan.proxies // 3))
    others = [c for c in within if c not in passing and not rules.worth_training(c, within)]
    random.Random(w.r.seed).shuffle(others)
    for c in [found.candidates[found.prototype], *passing, *others[: round(w.r.unscreened * w.plan.proxies / 2)]]:
        if w.store.of_job("proxy", c.key) is None:
            # The prototype is the yardstick: it is trained even where it breaks the bounds.
            passed = c in passing or rules.worth_training(c, within)
            attrs = results.attrs_of(dataclasses.replace(c, passed=passed)) | {"outcome": "accepted"}
            trial = w.store.claim("proxy", c.key, attrs, c.params, w.r.space.distributions(c.params))
            if trial is not None:
                w.constrain(trial, w.excess(c, []))
                return trial
    return None


def propose(w: Worker) -> Trial | None:
    """Asks the sampler until a proposal is within the bounds and worth training. Each other one ends here, as a pruned
    trial whose constraints tell the sampler why. @return None when another worker was faster, or nothing new was found"""
    study = w.store.studies["proxy"]
    for attempt in range(TRIES):
        trial = study.ask()
        trial.set_user_attr("worker", w.store.worker.number)
        d, params = w.r.space.build(lambda name, field: suggest(trial, name, field))
        if settle(w, trial, *w.judged(d, "sampler", params), attempt + 1 == TRIES):
            return trial
    # The sampler has not found its way within the bounds: a changed copy of a network that is within them will do.
    parents = [c for c in w.read().timed if rules.within(c, w.bounds) and c.params]
    rng = random.Random(f"{w.r.seed}/{w.store.worker.number}/{len(w.store.trials('proxy'))}")
    for _ in range(TRIES * 30 if parents else 0):
        d, params = w.r.space.mutate(rng.choice(parents).params, 1 + int(rng.expovariate(0.4)), rng)
        c, wrong = w.judged(d, "sampler", params)
        if not wrong and rules.within(c, w.bounds) and w.store.of_job("proxy", c.key) is None:
            study.enqueue_trial(params)
            trial = study.ask()
            trial.set_user_attr("worker", w.store.worker.number)
            d, params = w.r.space.build(lambda name, field: suggest(trial, name, field))
            return trial if settle(w, trial, *w.judged(d, "sampler", params), True) else None
    return None


def suggest(trial: Trial, name: str, field: Field) -> Value:
    if field.step is None:
        return trial.suggest_categorical(name, field.values)
    return trial.suggest_int(name, field.values[0], field.values[-1], step=field.step)


def settle(w: Worker, trial: Trial, c: Candidate, wrong: list[str], last: bool) -> bool:
    """Judges, times and screens a proposal. @return whether it is to be trained, by this worker"""

    def end(outcome: str) -> bool:
        trial.set_user_attr("outcome", outcome)
        w.store.finish("proxy", trial.number, None, pruned=True)
        return False

    excess = w.excess(c, wrong)
    if any(v > 0 for v in excess.values()):
        w.constrain(trial, excess)
        return end("rejected")
    found = w.read()
    if c.key in found.candidates and found.candidates[c.key].state != "timed":
        return end("repeat")
    w.measured(c)
    excess = w.excess(c, [])
    w.constrain(trial, excess)
    within = [o for o in found.timed if rules.within(o, w.bounds)]
    c.passed = rules.worth_training(c, within)
    for key, value in results.attrs_of(c).items():
        trial.set_user_attr(key, value)
    if any(v > 0 for v in excess.values()):
        return end("rejected")
    if not (c.passed or last or rules.regardless(c.key, w.r.unscreened)):
        return end("screened")
    trial.set_user_attr("job", c.key)
    trial.set_user_attr("outcome", "accepted")
    before = [t for t in begun(w) if t.number < trial.number]
    if len(before) >= w.plan.proxies or any(t.user_attrs["job"] == c.key for t in before):
        w.store.finish("proxy", trial.number, None)
        return False
    return True


def begun(w: Worker) -> list[FrozenTrial]:
    """Trials of the proxy study that training was or is spent on."""
    return [t for t in w.store.trials("proxy") if "job" in t.user_attrs and t.state != TrialState.FAIL]


def train_proxy(w: Worker, trial: Trial) -> None:
    """Short training, given up where the rule of `rules.ahead` says so."""
    attrs = dict(trial.user_attrs)
    c = results.candidate_of(w.store.trials("proxy")[trial.number])
    schedule = dataclasses.replace(w.r.proxy, pictures=w.plan.proxy_pictures)
    config = training.configuration(w.r, w.view, c.description, schedule, w.r.seed) | w.soft()
    pruned = False

    def on_report(entry: dict) -> bool:
        nonlocal pruned
        rung = round(entry["pictures"] / config["report"])
        trial.set_user_attr(f"rung{rung}", entry[w.r.maximise])
        c.rungs = [*c.rungs[: rung - 1], entry[w.r.maximise]]
        others = [o for o in w.read().begun() if o.key != c.key]
        yardstick = c.key == w.store.notes()["prototype"]
        margin = rules.margin_at(rung, schedule.reports, w.r.prune_margin)
        faster = rules.ahead(c.rungs, c.latency_ms, others, margin)
        pruned = rung < schedule.reports and not yardstick and faster >= w.r.prune_peers
        return pruned

    accuracy = w.train(config, f"proxy-{attrs['key']}", attrs["key"], on_report)
    if accuracy is None and not pruned:
        w.store.finish("proxy", trial.number, None)  # to be gone on with when there is more time
        return
    w.store.finish("proxy", trial.number, None if pruned else [accuracy, c.latency_ms], pruned)
    (w.out / "runs" / f"proxy-{attrs['key']}" / "float.pt").unlink(missing_ok=True)


def proxies(w: Worker) -> None:
    w.store.studies["proxy"].sampler = optuna.samplers.TPESampler(seed=w.r.seed + 1000 * w.store.worker.number)
    fruitless = 0
    while True:
        w.store.reap()
        found, trials = w.read(), begun(w)
        running = sum(t.state == TrialState.RUNNING for t in trials)
        best = max((c.accuracy for c in found.trained if rules.within(c, w.bounds)), default=None)
        pruned = sum(t.state == TrialState.PRUNED for t in trials)
        w.bar.show(
            "proxy training",
            len(trials) - running,
            w.plan.proxies,
            f"{pruned} pruned, best within bounds {'none yet' if best is None else f'{best:.1f}'}, workers"
            f" {len(w.store.workers())}",
        )
        enough = len(trials) >= w.plan.proxies or fruitless >= 3  # the second: a small space of which all was trained
        # The prototype and two more are trained however short the time is.
        late = w.clock.left("proxies") < w.usual_seconds("proxy", "", w.plan.run_seconds) and len(trials) >= 3
        late = late or w.clock.left() <= 0
        if enough or late:
            if not running:
                return
            time.sleep(WAIT)
            continue
        trial = pick_claim(w, found) or propose(w)
        if trial is None:  # taken by another worker, or nothing new is left
            fruitless += not running
            time.sleep(WAIT)
        else:
            fruitless = 0
            w.bar.show("proxy training", len(trials) - running, w.plan.proxies, w.bar.doing)
            train_proxy(w, trial)
