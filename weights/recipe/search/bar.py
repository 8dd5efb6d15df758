# SPDX-License-Identifier: Apache-2.0
"""One line on the terminal that tells where the whole search stands, and what this worker does."""

from __future__ import annotations

import sys
import threading
import time


class Bar:
    """Drawn once a second on a terminal, every half minute into a file; on the standard error of its making."""

    def __init__(self):
        self.stream = sys.stderr
        self.stage, self.done, self.all, self.doing, self.left = "", 0, 1, "", ""
        self.began, self.stop = time.time(), threading.Event()
        self.terminal = self.stream.isatty()
        threading.Thread(target=self.loop, daemon=True).start()

    def show(self, stage: str, done: int, all: int, doing: str = "") -> None:
        self.stage, self.done, self.all, self.doing, self.left = stage, min(done, all), max(1, all), doing, ""

    def training(self, what: str):
        """A function for training runs to tell how far they are."""

        def watch(done: int, all: int, pace: float) -> None:
            self.left = f"{what} {100 * done // all} %"
            if pace:
                self.left += f", {pace:.1f} pictures/s, {(all - done) / pace / 60:.0f} min left"

        return watch

    def text(self) -> str:
        bar = "#" * (24 * self.done // self.all)
        parts = [f"[{bar:24}] {self.stage} {self.done}/{self.all}", self.doing, self.left]
        return " · ".join(p for p in parts if p)

    def loop(self) -> None:
        while not self.stop.wait(1 if self.terminal else 30):
            if self.stage:
                print(
                    f"\r\x1b[2K{self.text()}" if self.terminal else self.text(),
                    end="" if self.terminal else "\n",
                    file=self.stream,
                    flush=True,
                )

    def say(self, text: str) -> None:
        """A line that stays."""
        print(f"\r\x1b[2K{text}" if self.terminal else text, file=self.stream, flush=True)

    def close(self) -> None:
        self.stop.set()
        if self.terminal:
            print("\r\x1b[2K", end="", file=self.stream, flush=True)
