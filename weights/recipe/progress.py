# SPDX-License-Identifier: Apache-2.0
"""Progress bars on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence


def draw(done: int, total: int, text: str, end: str = "") -> None:
    """A bar of 30 places, over the one that was drawn before."""
    print(f"\r[{'#' * (30 * done // total):30}] {text}", end=end, file=sys.stderr, flush=True)


class TrainingBar:
    """Picture-steps done of all, loss, picture-steps a second and minutes left; drawn every five seconds and at the end."""

    def __init__(self, total: int, done: int, what: str = ""):
        self.total, self.first, self.what = total, done, what
        self.began, self.shown = time.time(), 0.0

    def show(self, done: int, loss: float) -> None:
        now = time.time()
        if now - self.shown > 5 or done >= self.total:
            pace = (done - self.first) / (now - self.began)
            draw(done, self.total, f"{self.what}{done}/{self.total} pictures, loss {loss:.3f}, {pace:.1f}/s, "
                 f"{max(0, self.total - done) / pace / 60:.0f} min left ")
            self.shown = now


def progress(items: Sequence, what: str) -> Iterator:
    """Gives `items` one by one and shows how many are done and how long the rest will take."""
    began, shown = time.time(), 0.0
    for i, item in enumerate(items):
        if time.time() - shown > 0.5:
            left = f", {(time.time() - began) / i * (len(items) - i):.0f} s left" if i else ""
            draw(i, len(items), f"{i}/{len(items)} {what}{left}   ")
            shown = time.time()
        yield item
    draw(1, 1, f"{len(items)}/{len(items)} {what}, {time.time() - began:.0f} s{' ' * 12}", end="\n")
