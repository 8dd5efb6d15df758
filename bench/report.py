# SPDX-License-Identifier: Apache-2.0
"""report.py RAW.. [--json FILE] [--markdown FILE]: from what the benchmark programs wrote to one set of tables.

RAW is a folder with operators.json and network.json (Google Benchmark) and cold.json (cold_start.py). Prints the tables
for a terminal; --markdown writes them for docs/performance.md, --json writes every figure, with its spread.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import platform
import statistics

TO_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
COUNTERS = ("nodes", "macs", "bytes", "side", "threads", "budget", "plan_bytes")


def rows_of(raw: dict, clock: str) -> list[dict]:
    """One row a benchmark: median of its repetitions in seconds, half the distance of their quartiles, counters."""
    grouped: dict[str, list[dict]] = {}
    for run in sorted(raw["benchmarks"], key=lambda run: run["family_index"]):  # they ran in random order
        if run["run_type"] == "iteration" and not run.get("error_occurred"):
            grouped.setdefault(run["run_name"], []).append(run)
    rows = []
    for name, runs in grouped.items():
        times = [run[clock] * TO_SECONDS[run["time_unit"]] for run in runs]
        lower, middle, upper = statistics.quantiles(times, n=4, method="inclusive") if len(times) > 1 else times * 3
        row = {"name": name.removesuffix("/real_time"), "seconds": middle,
               "spread": (upper - lower) / 2 / middle, "repetitions": len(times)}
        rows.append(row | {key: int(runs[0][key]) for key in COUNTERS if key in runs[0]})
    return rows


def processor() -> str:
    """The processor's name as the system tells it; a number of model and family where that says little."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return platform.machine()
    told = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    name = told.get("model name") or f"{platform.machine()} part {told.get('CPU part', 'unknown')}"
    return name + (f" (family {told['cpu family']}, model {told['model']})" if "cpu family" in told else "")


def collect(folder: pathlib.Path) -> dict:
    operators, network = (json.loads((folder / f"{name}.json").read_text()) for name in ("operators", "network"))
    context = operators["context"]
    probe: dict[str, float] = {}
    for told in (context, network["context"]):  # both programs probe; the best of it is the peak
        for key, value in told.items():
            if key.startswith(("int8_peak_", "read_")):
                probe[key] = max(float(value), probe.get(key, 0.0))
    report = {
        "machine": {"processor": processor(), "processors": context["num_cpus"], "caches": context["caches"],
                    "backend": context["backend"], "compiler": context["compiler"], "date": context["date"][:10]},
        "probe": probe,
        "operators": rows_of(operators, "cpu_time"),
        "network": [], "memory": [], "load": [],
        "cold_start": json.loads((folder / "cold.json").read_text()),
    }
    whole = sum(row["nodes"] * row["seconds"] for row in report["operators"])
    for row in report["operators"]:
        row["macs_per_second"] = row["macs"] / row["seconds"]
        row["of_peak"] = row["macs_per_second"] / probe["int8_peak_1"]
        row["share"] = row["nodes"] * row["seconds"] / whole
    peaks = {(row["precision"], row["side"]): row["peak_bytes"] for row in report["cold_start"]}
    for row in rows_of(network, "real_time"):
        row["precision"], what = row["name"].split("/")[:2]
        if what == "load":
            report["load"].append(row)
            continue
        row["macs_per_second"] = row["macs"] / row["seconds"]
        if row["precision"] == "int8":
            row["of_peak"] = row["macs_per_second"] / probe[f"int8_peak_{row['threads']}"]
        if row["threads"] == 1:
            row["peak_bytes"] = peaks.get((row["precision"], row["side"]))
        row["what"] = what
        report["network" if what == "whole" else "memory"].append(row)
    return report


class Tables:
    """Tables as text for a terminal, or as Markdown."""

    def __init__(self, markdown: bool) -> None:
        self.markdown = markdown
        self.lines: list[str] = []

    def text(self, line: str) -> None:
        self.lines += [line, ""]

    def table(self, title: str, head: list[str], rows: list[list[str]]) -> None:
        """The first column is text, all others are numbers."""
        if self.markdown:
            self.lines += [f"### {title}", "", "| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
            self.lines += ["| " + " | ".join(row) + " |" for row in rows] + [""]
            return
        widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
        lay = lambda row: "  ".join(c.rjust(w) if i else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths)))
        self.lines += [title, lay(head), "  ".join("-" * w for w in widths)]
        self.lines += [lay(row).rstrip() for row in rows] + [""]


def number(x: float) -> str:
    """About three digits."""
    return f"{x:.0f}" if x >= 100 else f"{x:.1f}" if x >= 10 else f"{x:.2f}" if x >= 1 else f"{x:.3f}"


def percent(x: float | None) -> str:
    return "" if not x else f"{100 * x:.1f} %"


def mebibytes(x: float | None) -> str:
    return "" if x is None else number(x / 2**20)


def write(report: dict, markdown: bool) -> str:
    machine, probe = report["machine"], report["probe"]
    t = Tables(markdown)
    caches = ", ".join(f"L{c['level']} {c['size'] // 1024} kB" for c in machine["caches"] if c["type"] != "Instruction")
    t.text(f"{machine['processor']}, {machine['processors']} processors, {caches}; backend {machine['backend']}, "
           f"{machine['compiler']}, {machine['date']}")
    t.table("What the machine can do", ["probe", "1 thread", "2 threads"],
            [[title] + [number(probe[f"{key}_{n}"] / 1e9) for n in (1, 2)] for title, key in (
                ("int8 dot products on registers, GMAC/s", "int8_peak"),
                ("reading from the second-level cache, GB/s", "read_level2"),
                ("reading from the third-level cache, GB/s", "read_level3"),
                ("reading from memory, GB/s", "read_memory"))])
    t.table("Operators at 512x512, int8, one thread",
            ["operator", "nodes", "ms", "±", "GMAC/s", "of peak", "GB/s", "share of time"],
            [[r["name"], str(r["nodes"]), number(r["seconds"] * 1e3), percent(r["spread"]),
              number(r["macs_per_second"] / 1e9) if r["macs"] else "", percent(r["of_peak"]),
              number(r["bytes"] / r["seconds"] / 1e9), percent(r["share"])] for r in report["operators"]])
    t.table("Network, pixels to labels",
            ["network", "threads", "ms", "±", "ns a pixel", "GMAC/s", "of peak", "plan MiB", "process MiB"],
            [[f"{r['precision']} {r['side']}x{r['side']}", str(r["threads"]), number(r["seconds"] * 1e3),
              percent(r["spread"]), number(r["seconds"] * 1e9 / r["side"] ** 2), number(r["macs_per_second"] / 1e9),
              percent(r.get("of_peak")), mebibytes(r["plan_bytes"]), mebibytes(r.get("peak_bytes"))]
             for r in report["network"]])
    t.table("Memory against time, one thread",
            ["network", "budget MiB", "takes MiB", "ms", "±", "ns a pixel"],
            [[f"{r['precision']} {r['side']}x{r['side']} {r['what']}", mebibytes(r["budget"]),
              mebibytes(r["plan_bytes"]), number(r["seconds"] * 1e3), percent(r["spread"]),
              number(r["seconds"] * 1e9 / r["side"] ** 2)] for r in report["memory"]])
    t.table("Loading a weight file", ["file", "ms", "±"],
            [[f"person.{r['precision']}", number(r["seconds"] * 1e3), percent(r["spread"])] for r in report["load"]])
    t.table("Cold start: a process that loads, plans, segments one picture and ends, ms",
            ["network", "whole process", "empty process", "load", "plan", "run", "memory MiB"],
            [[f"{r['precision']} {r['side']}x{r['side']}", number(r["ms"]), number(r["empty_ms"]), number(r["load_ms"]),
              number(r["plan_ms"]), number(r["run_ms"]), mebibytes(r["peak_bytes"])]
             for r in report["cold_start"] if r["side"] <= 512])
    return "\n".join(t.lines)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("raw", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--markdown", action="store_true")
    arguments = parser.parse_args()
    report = collect(arguments.raw)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")
    print(write(report, arguments.markdown))


if __name__ == "__main__":
    main()
