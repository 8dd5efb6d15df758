# SPDX-License-Identifier: Apache-2.0
"""Measures a description on its target: the measuring program reads it and prints one line of JSON."""

from __future__ import annotations

import fcntl
import json
import os
import pathlib
import platform
import shlex
import subprocess

from description import Description

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
BUILD = REPOSITORY / "build" / "latency"
LEAST_SECONDS = 0.5  # how long the default program measures
LONGEST_SECONDS = 600  # after which a measuring program has failed


class MeasureError(RuntimeError):
    """The measuring program failed or said something else than expected."""


def build_program() -> pathlib.Path:
    """bench/latency, built with CMake unless it is there and newer than the library."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with open(BUILD / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two workers that start together
        for command in (
            [
                "cmake",
                "-S",
                REPOSITORY,
                "-B",
                BUILD,
                "-DCMAKE_BUILD_TYPE=Release",
                "-DATTENDSEG_BUILD_BENCH=ON",
                "-DATTENDSEG_BUILD_EXAMPLES=OFF",
                "-DATTENDSEG_BUILD_TESTS=OFF",
            ],
            ["cmake", "--build", BUILD, "--target", "latency"],
        ):
            done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
            if done.returncode:
                raise MeasureError(
                    f"{shlex.join(map(str, command))}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
                    "A compiler with C++20 and CMake are needed, or --measure with a program that is there."
                )
    return BUILD / "bin" / "latency"


def processor() -> str:
    """The name of this machine's processor."""
    info = pathlib.Path("/proc/cpuinfo")
    names = (
        [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    return names[0] if names else platform.processor() or platform.machine()


def first_in_line() -> None:
    """Real-time priority where the system allows it, so that training on the same cores does not disturb the timing."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    except (AttributeError, OSError):
        pass


class Meter:
    """Runs the measuring program, one at a time of all that share the file `lock`; `name` tells whose latency it is."""

    def __init__(self, template: str | None, height: int, width: int, threads: int, lock: pathlib.Path):
        self.lock = lock
        self.size = {"height": height, "width": width, "threads": threads}
        self.name = template
        if template is None:
            template = (
                f"{shlex.quote(str(build_program()))} --height {{height}} --width {{width}} --threads {{threads}}"
                f" --seconds {LEAST_SECONDS}"
            )
            self.name = f"bench/latency on {processor()}"
        try:
            self.command = template.format(**self.size)
        except (KeyError, IndexError, ValueError) as error:
            raise MeasureError(
                f"--measure: {template!r}: {error!r}, expected only {{height}}, {{width}} and {{threads}} in braces"
            ) from None

    def measure(self, d: Description) -> dict:
        """{"latency_ms", "plan_bytes", ...} of the int8 network of a description."""
        try:
            with open(self.lock, "w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                done = subprocess.run(
                    self.command,
                    shell=True,
                    input=d.to_json() + "\n",
                    capture_output=True,
                    text=True,
                    timeout=LONGEST_SECONDS,
                    preexec_fn=first_in_line,
                )
        except subprocess.TimeoutExpired:
            raise MeasureError(f"{self.command}: no answer in {LONGEST_SECONDS} seconds") from None
        if done.returncode:
            raise MeasureError(f"{self.command}: exit code {done.returncode}: {done.stderr.strip()[-1000:]}")
        try:
            result = json.loads(done.stdout)
            return result | {"latency_ms": float(result["latency_ms"]), "plan_bytes": int(result["plan_bytes"])}
        except (ValueError, KeyError, TypeError):
            raise MeasureError(
                f"{self.command}: printed {done.stdout[-300:]!r}, expected one line of JSON with latency_ms and"
                " plan_bytes"
            ) from None
