# SPDX-License-Identifier: Apache-2.0
"""One engine in a process of its own, driven over stdin and stdout.

Arguments: MODEL PICTURE SIZE THREADS [KEY=VALUE...]. It answers, a line each, as ours.cpp does:
  (start)    ready {"version", "import_ms", "cold_ms"}   cold: model read, compiled and run once
  run N      times {"ms": [...], "cores": ...}           two untimed runs, then N; cores: CPU time over wall time
  mask FILE  written {}                                  the labels of the last run, a byte each
  quit       peak {"extra_mib"}                          peak resident memory above what was there before the engine
Lines that begin otherwise are the engine's own chatter.
"""

from __future__ import annotations

import json
import pathlib
import sys
import time
from typing import Protocol

import numpy as np


class Engine(Protocol):
    def bring(self) -> str:
        """Imports the engine. @return its version"""

    def open(self, model: str, threads: int, settings: dict[str, str], picture: np.ndarray) -> None:
        """Reads and compiles a model for pictures like this one, uint8 [H, W, 3]."""

    def infer(self) -> None:
        """From the picture to labels in the engine's memory."""

    def labels(self) -> np.ndarray:
        """[H, W] of the last run."""


def peak_kib() -> int:
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def milliseconds(action) -> float:
    begin = time.perf_counter()
    action()
    return (time.perf_counter() - begin) * 1000


def say(word: str, **values) -> None:
    print(word, json.dumps(values), flush=True)


def serve(engine: Engine) -> None:
    model, file, size, threads, *rest = sys.argv[1:]
    picture = np.fromfile(file, np.uint8).reshape(int(size), int(size), 3)
    settings = dict(pair.split("=", 1) for pair in rest)
    before = peak_kib()
    version = ""

    def bring() -> None:
        nonlocal version
        version = engine.bring()

    def start() -> None:
        engine.open(model, int(threads), settings, picture)
        engine.infer()

    import_ms = milliseconds(bring)
    say("ready", cold_ms=milliseconds(start), import_ms=import_ms, version=version)
    for line in sys.stdin:
        word, *values = line.split()
        if word == "run":
            engine.infer()
            engine.infer()
            wall, used = time.perf_counter(), time.process_time()
            times = [milliseconds(engine.infer) for _ in range(int(values[0]))]
            say("times", ms=times, cores=(time.process_time() - used) / (time.perf_counter() - wall))
        elif word == "mask":
            engine.labels().astype(np.uint8).tofile(values[0])
            say("written")
        elif word == "quit":
            break
    say("peak", extra_mib=(peak_kib() - before) / 1024)
