# SPDX-License-Identifier: Apache-2.0
"""The teacher: one worker trains it and writes its soft labels, while the others survey or wait."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import time

from optuna.trial import TrialState

from search import training
from search.survey import survey_step
from search.table import RequirementsError
from search.view import View, pictures
from search.worker import WAIT, Worker


def check_labels(folder: pathlib.Path, view: View, classes: int) -> None:
    """Soft labels that were made elsewhere fit only the pictures that they were made of."""
    import torch

    if view.own:
        met = f"--soft-labels: {folder} has those of the set as it lies"
        raise RequirementsError(f"{met}, expected none, since pictures were carved off or reduced")
    for split in view.train:
        path = folder / f"{view.name}-{split}.pt"
        if not path.is_file():
            raise RequirementsError(f"--soft-labels: no {path}, expected one file of soft_labels.py a training split")
        met = tuple(torch.load(path, map_location="cpu", mmap=True).shape[:2])
        expected = len(pictures(view.parent / view.name, [split])), classes
        if met != expected:
            raise RequirementsError(
                f"--soft-labels: {path} is of {met[0]} pictures and {met[1]} classes, expected {expected[0]} and {expected[1]}"
            )


def teacher_wanted(w: Worker) -> bool:
    return w.plan.teacher_pictures > 0 and w.r.distil > 0


def teacher_step(w: Worker) -> bool:
    """Trains the teacher and writes its soft labels, unless another worker does. @return whether they are there"""
    done = w.store.of_job("jobs", "teacher")
    if done is None:
        job = w.store.claim("jobs", "teacher")
        if job is None:
            return False
        teach(w)
        w.store.finish("jobs", job.number, [1.0])
    elif done.state != TrialState.COMPLETE:
        return False
    missing = [s for s in w.view.train if not (w.out / "teacher" / f"{w.view.name}-{s}.pt").exists()]
    if missing:
        raise RequirementsError(
            f"--soft-labels: not given, and {w.out / 'teacher'} lacks those of {missing}; "
            "copy them from the machine whose worker trained the teacher"
        )
    return True


def teach(w: Worker) -> None:
    import soft_labels

    schedule = dataclasses.replace(w.r.teacher, pictures=w.plan.teacher_pictures)
    config = training.configuration(w.r, w.view, w.r.space.prototype, schedule, w.r.seed)
    config |= {"network": "teacher", "crops": [[0, training.teacher_crop(schedule, w.view)]]}
    w.bar.show("teacher", 0, 1)
    w.train(config, "teacher", "teacher", timed=False)
    for split in w.view.train:
        with training.Log(
            w.out / "runs" / "teacher" / "training.log", w.bar.training(f"soft labels of {split}")
        ) as log, contextlib.redirect_stderr(log):
            soft_labels.write([w.out / "runs" / "teacher"], w.view.parent, w.view.name, split, w.out / "teacher", w.device)


def survey_and_teacher(w: Worker) -> None:
    """Both, in whatever order lets workers share them: the first of several trains the teacher while others survey."""
    surveying, teaching = True, teacher_wanted(w)
    while surveying or teaching:
        w.store.reap()
        if teaching and (not surveying or len(w.store.workers()) > 1):
            teaching = not teacher_step(w)
        if surveying:
            surveying = survey_step(w)
        elif teaching:
            w.bar.show("teacher", 0, 1, "another worker trains it")
            time.sleep(WAIT)
