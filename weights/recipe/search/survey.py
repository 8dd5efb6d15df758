# SPDX-License-Identifier: Apache-2.0
"""The survey: many candidates judged and timed, none trained."""

from __future__ import annotations

import random

from optuna.trial import TrialState

from search.table import RequirementsError
from search.worker import Worker

FRUITLESS = 3000  # candidates judged without one within the bounds before the search gives up


def survey_step(w: Worker) -> bool:
    """Draws until one candidate passes the indicator, and times it. @return False when the survey is complete"""
    trials = w.store.trials("survey")
    timed = [t for t in trials if "latency_ms" in t.user_attrs]
    w.bar.show("survey", len(timed), w.plan.survey, f"{len(trials) - len(timed)} rejected unseen")
    if len(timed) >= w.plan.survey or (w.clock.left("survey") <= 0 and len(timed) > 1):
        return False
    known = {t.user_attrs["key"] for t in trials}
    parents = [t for t in timed if t.state == TrialState.COMPLETE and t.params]
    for number in range(len(trials), len(trials) + FRUITLESS):
        rng = random.Random(f"{w.r.seed}/{w.store.worker.number}/{number}")
        # Half are drawn anywhere; half are changed copies of one within the bounds, first of the prototype.
        if number % 2:
            d, params = w.r.space.draw(rng)
        else:
            parent = rng.choice(parents).params if parents else w.r.space.nearest(w.r.space.prototype)[1]
            d, params = w.r.space.mutate(parent, 1 + int(rng.expovariate(0.4)), rng)
        c, wrong = w.judged(d, "mutation" if number % 2 == 0 else "draw", params)
        if c.key in known:
            continue
        known.add(c.key)
        excess = w.excess(c, wrong)
        if all(v <= 0 for v in excess.values()):
            w.measured(c)
            w.add_to_survey(c, w.excess(c, []), params)
            return True
        w.add_to_survey(c, excess, params)
    if parents:
        return False  # what the bounds leave of the space has been seen
    broken = w.read().rejected.most_common()
    raise RequirementsError(
        f"space: none of {FRUITLESS} candidates in a row was within the bounds (broken most: {broken}); "
        "wider bounds or smaller networks in [space] are needed"
    )
