# SPDX-License-Identifier: Apache-2.0
"""What all workers share, in one Optuna storage: studies, who is alive, and who does what.

Four studies: `workers` (one running trial a process, with a heartbeat), `survey`, `proxy`, `jobs` (teacher and finals).
A job is a running trial that names its worker; the trial with the lowest number has it. When a worker is dead, its
running trials are failed, and anybody takes the jobs again.
"""

from __future__ import annotations

import os
import pathlib
import platform
import sys
import threading
import time

import optuna
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

BEAT = 20.0  # seconds between signs of life
PATIENCE = 120.0  # ... without one, after which a worker elsewhere is taken for dead
STUDIES = {"workers": ["minimize"], "survey": ["minimize"], "proxy": ["maximize", "minimize"], "jobs": ["maximize"]}


def open_storage(url: str) -> BaseStorage:
    """A journal file, or what Optuna knows of by URL (sqlite, postgresql, mysql, redis)."""
    return optuna.storages.get_storage(url) if "://" in url else JournalStorage(JournalFileBackend(url))


def process_started(pid: int) -> str | None:
    """When a process of this machine began, to tell it from a later one of the same number; None: there is none."""
    try:
        os.kill(pid, 0)
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except ProcessLookupError:
        return None
    except (OSError, IndexError):
        return ""  # there, but not ours to look at; or a system without /proc


def machine() -> str:
    """Where process numbers mean the same: host name and boot."""
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id")
    return f"{platform.node()}/{boot.read_text().strip()[:8] if boot.exists() else ''}"


class Store:
    """The shared state, seen by one worker."""

    def __init__(self, url: str):
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.storage = open_storage(url)
        self.studies = {
            name: optuna.create_study(storage=self.storage, study_name=name, directions=directions, load_if_exists=True)
            for name, directions in STUDIES.items()
        }
        self.worker: Trial | None = None
        self.seen: dict[int, tuple[object, float]] = (
            {}
        )  # of other machines' workers: last sign of life, and when it was new
        self.claims = 0
        self.stop = threading.Event()

    # Workers

    def join(self) -> int:
        """Registers this process. @return its number"""
        self.worker = self.studies["workers"].ask()
        mine = {"machine": machine(), "pid": os.getpid(), "process": process_started(os.getpid()), "began": time.time()}
        for key, value in mine.items():
            self.worker.set_user_attr(key, value)
        self.beat()
        threading.Thread(target=self.beats, daemon=True).start()
        return self.worker.number

    def beat(self) -> None:
        self.worker.set_user_attr("beat", time.time())

    def beats(self) -> None:
        while not self.stop.wait(BEAT):
            try:
                self.beat()
            except optuna.exceptions.UpdateFinishedTrialError:
                return  # another worker took this one for dead; its jobs are no longer its own
            except Exception as error:  # a storage that is out of reach for a while; without a beat the jobs would go to others
                print(f"storage: {error}; trying again in {BEAT} s", file=sys.stderr)

    def leave(self) -> None:
        self.stop.set()
        self.beat()
        self.studies["workers"].tell(self.worker, 0.0)

    def alive(self, worker: FrozenTrial) -> bool:
        if worker.state != TrialState.RUNNING:
            return False
        a = worker.user_attrs
        if a.get("machine") == machine() and "pid" in a:
            return process_started(a["pid"]) == a.get("process")
        beat = a.get("beat", 0)  # clocks differ between machines: only that it changes counts
        last, when = self.seen.get(worker.number, (None, 0.0))
        if beat != last:
            self.seen[worker.number] = (beat, time.monotonic())
            return True
        return time.monotonic() - when < PATIENCE

    def workers(self) -> list[FrozenTrial]:
        """Those that live, this one too."""
        return [w for w in self.trials("workers") if self.alive(w)]

    def neighbours(self) -> int:
        """How many workers live on this machine."""
        return max(1, sum(w.user_attrs.get("machine") == machine() for w in self.workers()))

    def reap(self) -> None:
        """Fails the running trials of dead workers, so that others see them as lost."""
        living = {w.number for w in self.workers()}
        for name in ("proxy", "jobs"):
            for t in self.trials(name):
                if t.state == TrialState.RUNNING and "worker" in t.user_attrs and t.user_attrs["worker"] not in living:
                    self.finish(name, t.number, None)
        for w in self.trials("workers"):
            if w.state == TrialState.RUNNING and w.number not in living:
                self.finish("workers", w.number, None)

    def seconds_used(self) -> float:
        """Time in which at least one worker was at work, whatever lay between."""
        ours = self.worker.number if self.worker else None
        spans = sorted(
            (w.user_attrs["began"], time.time() if w.number == ours else w.user_attrs["beat"])
            for w in self.trials("workers")
            if "beat" in w.user_attrs
        )
        total, end = 0.0, 0.0
        for began, beat in spans:
            total, end = total + max(0.0, beat - max(began, end)), max(end, beat)
        return total

    # Trials

    def trials(self, study: str) -> list[FrozenTrial]:
        return self.studies[study].get_trials(deepcopy=False)

    def of_job(self, study: str, job: str) -> FrozenTrial | None:
        """The trial that has done or does a job."""
        held = (
            t
            for t in self.trials(study)
            if t.user_attrs.get("job") == job and t.state not in (TrialState.FAIL, TrialState.WAITING)
        )
        return next(held, None)

    def add(self, study: str, state: TrialState, values: list[float] | None = None, **parts) -> None:
        """A trial that is over."""
        self.studies[study].add_trial(create_trial(state=state, values=values, **parts))

    def claim(
        self,
        study: str,
        job: str,
        attrs: dict | None = None,
        params: dict | None = None,
        distributions: dict | None = None,
    ) -> Trial | None:
        """A running trial for `job`, ours alone; None where another worker has it."""
        self.claims += 1
        nonce = f"{self.worker.number}-{self.claims}"
        attrs = (attrs or {}) | {"job": job, "worker": self.worker.number, "nonce": nonce}
        self.studies[study].add_trial(
            create_trial(state=TrialState.RUNNING, user_attrs=attrs, params=params, distributions=distributions)
        )
        mine = next(t for t in reversed(self.trials(study)) if t.user_attrs.get("nonce") == nonce)
        if self.of_job(study, job).number < mine.number:
            self.finish(study, mine.number, None)
            return None
        return Trial(self.studies[study], mine._trial_id)

    def finish(self, study: str, number: int, values: list[float] | None, pruned: bool = False) -> None:
        """Ends a running trial; without values it has failed or was pruned. One that is over stays as it is."""
        state = TrialState.COMPLETE if values else TrialState.PRUNED if pruned else TrialState.FAIL
        try:
            self.studies[study].tell(number, values, state, skip_if_finished=True)
        except (ValueError, optuna.exceptions.UpdateFinishedTrialError) as error:
            if self.trials(study)[number].state == TrialState.RUNNING:
                raise error

    def note(self, key: str, value: object) -> None:
        """Something about the search as a whole."""
        self.studies["survey"].set_user_attr(key, value)

    def notes(self) -> dict:
        return self.studies["survey"].user_attrs
