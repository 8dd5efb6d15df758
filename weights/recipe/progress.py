# SPDX-License-Identifier: Apache-2.0
"""A progress bar on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence


def progress(items: Sequence, what: str) -> Iterator:
    """Gives `items` one by one and shows how many are done and how long the rest will take."""
    began, shown = time.time(), 0.0
    for i, item in enumerate(items):
        if time.time() - shown > 0.5:
            left = f", {(time.time() - began) / i * (len(items) - i):.0f} s left" if i else ""
            bar = "#" * (30 * i // len(items))
            print(f"\r[{bar:30}] {i}/{len(items)} {what}{left}   ", end="", file=sys.stderr, flush=True)
            shown = time.time()
        yield item
    print(f"\r[{'#' * 30}] {len(items)}/{len(items)} {what}, {time.time() - began:.0f} s{' ' * 12}", file=sys.stderr)
