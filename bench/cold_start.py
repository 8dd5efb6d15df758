# SPDX-License-Identifier: Apache-2.0
"""cold_start.py BIN WEIGHTS OUT.json [--quick]: from nothing to the first mask, measured from outside.

Starts BIN/first_mask again and again, alternating with the same program doing nothing, and takes medians of what the
clock says between starting the process and its end. The files lie in the system's file cache.
"""

from __future__ import annotations

import json
import os
import pathlib
import statistics
import sys
import time


def start(arguments: list[str]) -> tuple[float, dict]:
    """Milliseconds from start to end of a process, and what it printed."""
    read, write = os.pipe()
    begin = time.perf_counter()
    pid = os.posix_spawn(arguments[0], arguments, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, write, 1)])
    _, status = os.waitpid(pid, 0)
    took = (time.perf_counter() - begin) * 1000
    os.close(write)
    with os.fdopen(read) as said:
        text = said.read()
    if status != 0:
        raise SystemExit(f"{' '.join(arguments)}: ended with status {status}")
    return took, json.loads(text)


def measure(program: str, weights: str, side: int, rounds: int) -> dict:
    empty, full = [], []
    for _ in range(rounds):
        empty.append(start([program]))
        full.append(start([program, weights, str(side)]))
    middle = statistics.median
    row = {"side": side, "ms": middle(t for t, _ in full), "ms_least": min(t for t, _ in full),
           "empty_ms": middle(t for t, _ in empty)}
    for key in ("load_ms", "plan_ms", "run_ms", "plan_bytes"):
        row[key] = middle(said[key] for _, said in full)
    row["peak_bytes"] = 1024 * (middle(said["peak_kb"] for _, said in full) -
                                middle(said["peak_kb"] for _, said in empty))
    return row


def main() -> None:
    folder, weights, out = sys.argv[1:4]
    quick = "--quick" in sys.argv[4:]
    rows = []
    for precision, program in (("int8", "first_mask"), ("float", "first_mask_float")):
        path = os.path.join(folder, program)
        if not os.path.exists(path):
            continue
        for side in (128, 256, 512, 1024, 2048, 4096):
            if quick and side > 1024:
                break
            rounds = 3 if side > 512 else 9 if quick else 21
            row = measure(path, f"{weights}/person.{precision}.safetensors", side, rounds)
            rows.append({"precision": precision} | row)
    pathlib.Path(out).write_text(json.dumps(rows))


if __name__ == "__main__":
    main()
