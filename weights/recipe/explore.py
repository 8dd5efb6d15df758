# SPDX-License-Identifier: Apache-2.0
"""Searches for the network that fits a device: requirements in, a tailored description and a report out.

  python weights/recipe/explore.py weights/recipe/requirements.toml --data DATA --out OUT
  python weights/recipe/explore.py my.toml --data DATA --out OUT --minutes 20
  python weights/recipe/explore.py my.toml --data DATA --out OUT \\
    --measure "ssh board ./latency --height {height} --width {width} --threads {threads}"

Start the same command again for a second worker, or after an interruption: it goes on where the search stands. Writes
OUT/report.html, OUT/winner.json (for recipe.py and train.py) and OUT/candidates.csv. EXPLORE.md tells more.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import sys

RECIPE = pathlib.Path(__file__).resolve().parent


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument(
        "requirements", type=pathlib.Path, help="TOML file: data set, bounds, search space (see requirements.toml)"
    )
    p.add_argument("--out", type=pathlib.Path, required=True, help="folder of this search, shared by its workers")
    p.add_argument(
        "--data", type=pathlib.Path, default=os.environ.get("ATTENDSEG_DATA"), help="folder that holds the data sets"
    )
    p.add_argument("--minutes", type=float, help="time for the whole search; stages are shortened to fit")
    p.add_argument(
        "--measure",
        help="command that times the description on its standard input; {height} {width} {threads} are filled in",
    )
    p.add_argument("--storage", help="URL of an Optuna storage, or a journal file [OUT/journal.log]")
    p.add_argument(
        "--soft-labels", type=pathlib.Path, help="folder of soft_labels.py, instead of a teacher of this search's own"
    )
    p.add_argument("--threads", type=int, help="of training [cores that are free, divided by the workers here]")
    p.add_argument("--device", help="cpu or cuda [cuda where there is one]")
    p.add_argument("--report-only", action="store_true", help="only write the report of what is there")
    a = p.parse_args()
    if a.minutes is not None and not a.minutes >= 1:
        p.error(f"--minutes: {a.minutes}, expected at least 1")
    if a.threads is not None and a.threads < 1:
        p.error(f"--threads: {a.threads}, expected at least 1")
    return a


def explore(a: argparse.Namespace) -> None:
    import torch

    from search import budget, finals, proxies, requirements, setup, teaching, training, view
    from search.bar import Bar
    from search.meter import Meter
    from search.report import write
    from search.store import Store
    from search.worker import Worker

    data = a.data and pathlib.Path(a.data)
    a.out.mkdir(parents=True, exist_ok=True)
    store = Store(a.storage or str(a.out / "journal.log"))
    r = requirements.read(a.requirements, data, store.notes().get("base"))
    root = requirements.data_root(data, r.set)
    if a.report_only:
        print(write(r, store, root, a.out))
        return
    bar, busy = Bar(), training.busy_cores()
    try:
        seen = view.make(r, root, a.out)
        if a.soft_labels:
            teaching.check_labels(a.soft_labels, seen, r.space.prototype.classes)
        meter = Meter(a.measure, r.height, r.width, r.threads, a.out / "measure.lock")
        store.join()
        w = Worker(
            r,
            seen,
            store,
            meter,
            a.out,
            bar,
            budget.Clock(a.minutes, store.seconds_used),
            device=a.device or ("cuda" if torch.cuda.is_available() else "cpu"),
            minutes=a.minutes,
            threads=a.threads,
            busy=busy if store.neighbours() == 1 else 0,
            soft_labels=a.soft_labels,
        )
        setup.setup(w)
        teaching.survey_and_teacher(w)
        proxies.proxies(w)
        write(r, store, root, a.out)
        finals.finals(w)
        finals.forget(w)
        store.leave()
    finally:
        bar.close()
    print(write(r, store, root, a.out))


def main():
    from search.meter import MeasureError
    from search.table import RequirementsError

    a = arguments()
    try:
        explore(a)
    except (RequirementsError, MeasureError) as error:
        sys.exit(f"explore.py: {error}")
    except KeyboardInterrupt:
        sys.exit("\nexplore.py: interrupted; the same command goes on from here")


if __name__ == "__main__":
    main()
