# SPDX-License-Identifier: Apache-2.0
"""compare.py WORK [--json FILE] [--size N] [--threads "1 2"] [--quick] [--only ENGINE,...] [--avx2]

Runs this library and its peers on one picture, in rounds that visit every process in random order, and prints a table.
WORK holds models-SIZE/, the picture and the programs that run.sh has built.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import platform
import random
import statistics
import sys
import time

from entries import OURS, ROOT, Entry, Variant, entries
from process import Dead, Process

Runner = tuple[dict, Entry, Variant]  # a row, what it measures, and the variant that was chosen


@dataclasses.dataclass
class Bench:
    """What all measurements share."""

    work: pathlib.Path
    size: int
    quick: bool
    shuffle: random.Random = dataclasses.field(default_factory=lambda: random.Random(1))

    @property
    def picture(self) -> pathlib.Path:
        return self.work / f"picture-{self.size}.rgb"

    def start(self, entry: Entry, model: str, settings: tuple[str, ...], threads: int) -> Process:
        if not pathlib.Path(entry.program[0]).exists():
            raise Dead(f"not built: {pathlib.Path(entry.program[0]).name}")
        path = self.work / f"models-{self.size}" / model  # an absolute `model` stands for itself
        command = [*entry.program, str(path), str(self.picture), str(self.size), str(threads), *settings]
        return Process(command, entry.environment)

    def fastest(self, entry: Entry, threads: int) -> Variant:
        """The variant with the least time in a short trial by turns. @throws Dead where none runs"""
        running: dict[Variant, Process] = {}
        why = ""
        for v in entry.variants:
            if running and self.quick:
                break
            try:
                process = self.start(entry, v.model, v.settings, threads)
                process.ask("run 1", "times")
                running[v] = process
            except Dead as dead:
                why = why or str(dead)
        if not running:
            raise Dead(why)
        times: dict[Variant, list[float]] = {v: [] for v in running}
        for _ in range(5):
            for v, process in running.items():
                times[v] += process.ask("run 8", "times")["ms"]
        for process in running.values():
            process.quit()
        return min(times, key=lambda v: min(times[v]))

    def measure(self, chosen: list[Entry], threads: int) -> list[dict]:
        """A row an entry: a trial of its variants, then starts, then runs."""
        rows, runners = [], []
        for entry in chosen:
            note(f"{entry.engine} {entry.precision}, {threads} thread{'s' if threads > 1 else ''}")
            row = {"engine": entry.engine, "precision": entry.precision, "threads": threads}
            rows.append(row)
            try:
                best = self.fastest(entry, threads)
                row["how"] = "" if entry.engine == OURS else best.how
                runners.append((row, entry, best))
            except Dead as dead:
                row["missing"] = str(dead)
        self.starts(runners, threads)
        self.rounds(runners, threads)
        return rows

    def starts(self, runners: list[Runner], threads: int) -> None:
        """Cold starts, one at a time."""
        note("cold starts in rounds")
        told: dict[int, list[dict]] = {i: [] for i in range(len(runners))}
        for _ in range(1 if self.quick else 7):
            for i in self.shuffle.sample(range(len(runners)), len(runners)):
                _, entry, best = runners[i]
                process = self.start(entry, best.model, best.settings, threads)
                told[i].append(process.ready)
                process.quit()
        for i, (row, *_) in enumerate(runners):
            row["version"] = told[i][0]["version"]
            for key in ("cold_ms", "import_ms", "spawn_ms"):
                row[key] = statistics.median(ready[key] for ready in told[i])

    def rounds(self, runners: list[Runner], threads: int) -> None:
        """Runs, with all processes alive; and their masks and memory in the end."""
        live: list[tuple[dict, str, Process]] = []
        for row, entry, best in runners:
            live.append((row, "median_ms", self.start(entry, best.model, best.settings, threads)))
            if best.scores:
                live.append((row, "scores_ms", self.start(entry, *best.scores, threads)))
        note(f"{len(live)} processes in rounds")
        times: dict[int, list[float]] = {i: [] for i in range(len(live))}
        cores: dict[int, list[float]] = {i: [] for i in range(len(live))}
        for _ in range(4 if self.quick else 16):
            for i in self.shuffle.sample(range(len(live)), len(live)):
                time.sleep(0.03)  # lets the threads of the one before fall asleep
                told = live[i][2].ask("run 8", "times")
                times[i] += told["ms"]
                cores[i].append(told["cores"])
        mask = self.work / "mask.bin"
        for i, (row, key, process) in enumerate(live):
            row[key] = statistics.median(times[i])
            if key == "median_ms":
                row["least_ms"], row["cores"] = min(times[i]), statistics.median(cores[i])
                process.ask(f"mask {mask}", "written")
                row["mask"], row["extra_mib"] = mask.read_bytes(), process.quit()["extra_mib"]
            else:
                process.quit()


def compare_masks(rows: list[dict], reference: bytes) -> None:
    for row in rows:
        mask = row.pop("mask", None)
        if mask is not None:
            row["agreement"] = sum(a == b for a, b in zip(mask, reference)) / len(reference)


def write_picture(source: pathlib.Path, size: int, out: pathlib.Path) -> None:
    """The largest square in the middle of a photograph, as size x size x 3 bytes."""
    from PIL import Image

    image = Image.open(source).convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    out.write_bytes(square.resize((size, size), Image.Resampling.BILINEAR).tobytes())


def machine() -> dict:
    told: dict[str, str] = {}
    cpu = pathlib.Path("/proc/cpuinfo")
    for line in cpu.read_text().split("\n\n")[0].splitlines() if cpu.exists() else []:
        key, _, value = line.partition(":")
        told[key.strip()] = value.strip()
    flags = (told.get("flags") or told.get("Features") or "").split()
    wanted = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "asimddp", "i8mm", "bf16")
    return {"processor": told.get("model name", platform.machine()),
            "family": told.get("cpu family"), "model": told.get("model"),
            "processors": os.cpu_count(), "flags": [f for f in wanted if f in flags], "system": platform.platform(),
            "python": platform.python_version(), "load": os.getloadavg()[0], "date": time.strftime("%Y-%m-%d")}


COLUMNS = (("ms", "median_ms", ".2f", 1), ("least", "least_ms", ".2f", 1), ("x ours", "ratio", ".2f", 1),
           ("to scores", "scores_ms", ".2f", 1), ("cold", "cold_ms", ".0f", 1), ("spawned", "spawn_ms", ".0f", 1),
           ("MiB", "extra_mib", ".1f", 1), ("agrees", "agreement", ".2f", 100), ("cores", "cores", ".2f", 1))
LEGEND = """
ms: a run, median and least; x ours: over our int8 time on as many threads. to scores: the peer without enlargement and
ArgMax (our time always has both). cold: model read, compiled and run once, in the process. spawned: from starting the
process to that first mask, for peers with Python and imports. MiB: peak resident memory above the process before the
engine. agrees: % of labels equal to our int8 ones. cores: processor time over wall time; below the threads asked for,
the machine was busy or the engine did not use them. ncnn's time lacks ArgMax, which it has not."""


def show(rows: list[dict]) -> None:
    table = [["engine", "precision", "threads", *(title for title, *_ in COLUMNS), "graph and settings"]]
    for r in rows:
        cells = [format(r[key] * unit, form) if key in r else "" for _, key, form, unit in COLUMNS]
        table.append([r["engine"], r["precision"], str(r["threads"]), *cells, r.get("missing") or r["how"]])
    widths = [max(map(len, column)) for column in zip(*table)]
    for line in table:
        texts = (0, 1, len(line) - 1)
        cells = [c.ljust(w) if i in texts else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))]
        print("  ".join(cells).rstrip())


def warn(rows: list[dict]) -> None:
    for r in rows:
        name = f"{r['engine']} {r['precision']}, {r['threads']} threads"
        if r.get("agreement", 1) < 0.9:
            print(f"WARNING  {name}: {100 * r['agreement']:.1f} % agree: not the same network?", file=sys.stderr)
        if r.get("cores", 0) > r["threads"] + 0.2:
            print(f"WARNING  {name}: it used {r['cores']:.1f} cores", file=sys.stderr)
        if r["engine"] == OURS and r.get("cores", r["threads"]) < 0.85 * r["threads"]:
            print(f"WARNING  {name}: it got {r['cores']:.1f} cores, the machine is busy", file=sys.stderr)


def note(text: str) -> None:
    print(f"-- {text}", file=sys.stderr, flush=True)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("work", type=pathlib.Path)
    p.add_argument("--json", type=pathlib.Path)
    p.add_argument("--size", type=int, default=512)
    p.add_argument("--threads", default="1 2")
    p.add_argument("--quick", action="store_true", help="first variants, few rounds, one start")
    p.add_argument("--only", default="", help="engines, separated by commas; ours always runs")
    p.add_argument("--avx2", action="store_true", help="this library's AVX2 build against OpenVINO held to AVX2")
    a = p.parse_args()
    bench = Bench(a.work, a.size, a.quick)
    write_picture(ROOT / "examples" / "images" / "china.jpg", a.size, bench.picture)
    plain = lambda name: name.lower().replace(" ", "")
    wanted = {plain(name) for name in a.only.split(",") if name}
    chosen = [e for e in entries(a.work, a.avx2) if not wanted or e.engine == OURS or plain(e.engine) in wanted]
    about, rows, reference = machine(), [], b""
    for threads in map(int, a.threads.split()):
        try:
            measured = bench.measure(chosen, threads)
        except Dead as dead:
            raise SystemExit(f"compare.py: an engine that had worked {dead}") from dead
        ours = measured[0]
        if "missing" in ours:
            raise SystemExit(f"compare.py: {OURS} {ours['missing']}")
        reference = reference or ours["mask"]
        compare_masks(measured, reference)
        for row in measured:
            if "median_ms" in row:
                row["ratio"] = row["median_ms"] / ours["median_ms"]
        rows += measured
    versions = dict.fromkeys(f"{r['engine']} {r['version']}" for r in rows if "version" in r)
    print(f"\n{about['processor']}, {about['processors']} processors, {' '.join(about['flags'])}")
    print(f"{a.size} x {a.size} pixels to labels; {', '.join(versions)}\n")
    show(rows)
    print(LEGEND)
    warn(rows)
    if a.json:
        a.json.write_text(json.dumps({"machine": about, "size": a.size, "avx2": a.avx2, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
