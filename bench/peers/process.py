# SPDX-License-Identifier: Apache-2.0
"""An engine in a process of its own, behind the line protocol of engines/worker.py."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time


class Dead(Exception):
    """A process that gave up, and why."""


class Process:
    """A running engine; `ready` is what it told of its start. @throws Dead, here or later, when it ends too early"""

    def __init__(self, command: list[str], environment: dict[str, str]):
        self.log = tempfile.TemporaryFile("w+")
        begin = time.perf_counter()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
                                        text=True, env=os.environ | environment)
        self.ready = self.read("ready")
        self.ready["spawn_ms"] = (time.perf_counter() - begin) * 1000

    def read(self, word: str) -> dict:
        for line in self.process.stdout:
            first, _, rest = line.partition(" ")
            if first == word:
                return json.loads(rest)
        self.process.wait()
        self.log.seek(0)
        said = [line.strip() for line in self.log if line.strip()] or ["it ended without a word"]
        if said[-1].startswith("ModuleNotFoundError: No module named "):
            raise Dead(f"not installed: {said[-1].split()[-1]}")
        raise Dead(f"failed: {said[-1][:150]}")

    def ask(self, request: str, answer: str) -> dict:
        try:
            self.process.stdin.write(request + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # read() tells why
        return self.read(answer)

    def quit(self) -> dict:
        peak = self.ask("quit", "peak")
        self.process.wait()
        self.log.close()
        return peak
