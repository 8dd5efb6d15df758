# SPDX-License-Identifier: Apache-2.0
"""Configurations for train.py from requirements, and one training run with its output kept in a file."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pathlib
import re
import time
from collections.abc import Callable

from description import Description
from search.requirements import Requirements, Schedule
from search.view import View


def crop_for(crop: tuple[int, int] | None, size: tuple[int, int], total_stride: int, share: float = 0.47) -> list[int]:
    """[height, width]: the one asked for, or `share` of the pictures' sides; up to what the network's pooling needs."""
    step = max(32, total_stride)
    if crop is None:
        crop = tuple(min(384, max(64, round(share * side / 32) * 32)) for side in size)
    return [-(-side // step) * step for side in crop]


def configuration(r: Requirements, view: View, d: Description, s: Schedule, seed: int) -> dict:
    """What train.train() takes. Picture-steps are cut down to whole batches and equally long reports."""
    part = s.pictures // s.batch // s.reports
    steps = part * s.reports
    return {
        "description": json.loads(d.to_json()),
        "data": view.name,
        "train": view.train,
        "validate": view.validate,
        "seed": seed,
        "pictures": steps * s.batch,
        "batch": s.batch,
        "rate": s.rate,
        "report": part * s.batch,
        "warmup": max(1, min(r.base["warmup"], steps // 10)),
        "decay": r.base["decay"],
        "weight_decay": r.base["weight_decay"],
        "ema": r.base["ema"],
        "crops": [[0, crop_for(s.crop, view.size, d.total_stride)]],
        "augment": r.augment,
    }


def teacher_crop(s: Schedule, view: View) -> list[int]:
    return crop_for(s.crop, view.size, 32, 0.75)


class Log(io.TextIOBase):
    """Takes what training and soft labelling print: into a file, and (done, all, pictures a second) to `watch`."""

    def __init__(self, path: pathlib.Path, watch: Callable[[int, int, float], None]):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file, self.watch = path.open("a"), watch

    def write(self, text: str) -> int:
        self.file.write(text)
        self.file.flush()
        found = re.search(r"(\d+)/(\d+) (?:pictures.* ([\d.]+)/s)?", text)
        if found:
            self.watch(int(found[1]), int(found[2]), float(found[3] or 0))
        return len(text)

    def close(self) -> None:
        self.file.close()
        super().close()


def run(
    config: dict,
    parent: pathlib.Path,
    folder: pathlib.Path,
    device: str,
    watch: Callable[[int, int, float], None],
    on_report: Callable[[dict], bool] | None = None,
    seconds: float | None = None,
) -> list[dict]:
    """Trains in `folder`, going on from a checkpoint there. @return the log, one entry a report"""
    from train import train

    with Log(folder / "training.log", watch) as log, contextlib.redirect_stderr(log):
        return train(config, parent, folder, device, seconds, on_report)


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def busy_cores(seconds: float = 1.0) -> int:
    """How many cores the machine's work takes, seen over so long. (The load average remembers what was killed.)"""
    stat = pathlib.Path("/proc/stat")
    if not stat.exists():
        return round(os.getloadavg()[0]) if hasattr(os, "getloadavg") else 0

    def ticks() -> tuple[int, int]:
        n = [int(v) for v in stat.read_text().split("\n", 1)[0].split()[1:9]]
        return sum(n), sum(n) - n[3] - n[4]  # all, and neither idle nor waiting

    all_before, busy_before = ticks()
    time.sleep(seconds)
    all_after, busy_after = ticks()
    return round((os.cpu_count() or 1) * (busy_after - busy_before) / max(1, all_after - all_before))


def threads(wanted: int | None, neighbours: int, busy: int) -> None:
    """Sets how many threads PyTorch takes: as asked, or the cores divided by the workers on this machine, or as many as
    others have left; threads that wait for each other on a busy core are slower than one.

    @param busy  cores that were at work before the first worker came
    """
    import torch

    torch.set_num_threads(wanted or max(1, min(cores() // neighbours, cores() - busy)))
