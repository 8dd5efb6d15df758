# SPDX-License-Identifier: Apache-2.0
"""The finals: a few networks trained longer, with several seeds. They decide, and tell how good the proxies were."""

from __future__ import annotations

import dataclasses
import shutil
import time

from optuna.trial import TrialState

from search import results, rules, training
from search.worker import WAIT, Worker


def final_jobs(w: Worker, found: results.Results) -> list[tuple[str, int]]:
    """(key, seed), one seed of every network before the next seed."""
    keys = [c.key for c in rules.finalists(found.trained, found.prototype, w.bounds, w.plan.networks)]
    return [(key, w.r.seed + 1 + s) for s in range(w.plan.seeds) for key in keys]


def finals(w: Worker) -> None:
    found = w.read()
    jobs = final_jobs(w, found)
    w.store.note("finalists", list(dict.fromkeys(key for key, _ in jobs)))
    schedule = dataclasses.replace(w.r.final, pictures=w.plan.final_pictures)
    while True:
        w.store.reap()
        held = [w.store.of_job("jobs", f"final-{key}-{seed}") for key, seed in jobs]
        done = sum(t is not None and t.state == TrialState.COMPLETE for t in held)
        w.bar.show("finals", done, len(jobs), f"{w.plan.networks} networks, {w.plan.seeds} seeds")
        open_jobs = [job for job, t in zip(jobs, held) if t is None]
        if w.clock.left() < 0.8 * w.usual_seconds("jobs", "final-", w.plan.final_seconds):
            open_jobs = []
        if not open_jobs:
            if all(t is None or t.state == TrialState.COMPLETE for t in held):
                return
            time.sleep(WAIT)
            continue
        key, seed = open_jobs[0]
        c = found.candidates[key]
        trial = w.store.claim("jobs", f"final-{key}-{seed}", {"key": key, "seed": seed})
        if trial is None:
            continue
        trial.set_user_attr("latency_ms", w.meter.measure(c.description)["latency_ms"])
        config = training.configuration(w.r, w.view, c.description, schedule, seed) | w.soft()
        accuracy = w.train(config, f"final-{key}-{seed}", f"{key} seed {seed}")
        w.store.finish("jobs", trial.number, None if accuracy is None else [accuracy])


def forget(w: Worker) -> None:
    """Finished checkpoints of networks that are not the winner are of no use any more."""
    best = rules.winner(w.read().trained, w.bounds)
    for folder in (w.out / "runs").glob("final-*"):
        job = w.store.of_job("jobs", folder.name)
        finished = job is not None and job.state == TrialState.COMPLETE  # else it is gone on with when there is more time
        if finished and (best is None or not folder.name.startswith(f"final-{best.key}-")):
            (folder / "float.pt").unlink(missing_ok=True)
    for folder in [*(w.out / "runs").glob("pace-*"), *(w.out / "runs").glob("warm-up-*")]:
        shutil.rmtree(folder, ignore_errors=True)  # another worker may be at it
