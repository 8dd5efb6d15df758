# SPDX-License-Identifier: Apache-2.0
"""plot.py REPORT.json FOLDER: draws roofline.png and memory-time.png from what report.py wrote."""

from __future__ import annotations

import json
import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import LogLocator, NullLocator  # noqa: E402

COLOURS = {"pointwise": "#1f6fb4", "conv 3x3": "#d1495b", "depthwise 3x3": "#2a9d6f"}
ROOFS = (("read_level2_1", "second-level cache"), ("read_level3_1", "third-level cache"), ("read_memory_1", "memory"))


def new_axes(title: str, x: str, y: str) -> tuple[plt.Figure, plt.Axes]:
    figure, axes = plt.subplots(figsize=(9, 5.6), dpi=110)
    axes.set(title=title, xlabel=x, ylabel=y)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(which="major", color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def plain(value: float, _position: int = 0) -> str:
    return f"{value:g}"


def roofline(report: dict, path: pathlib.Path) -> None:
    machine, probe = report["machine"], report["probe"]
    figure, axes = new_axes(f"Operators of the person network at 512x512, one thread\n"
                            f"{machine['processor']}, {machine['backend']}",
                            "multiply-accumulates a byte (activations and weights, each once)", "GMAC/s")
    axes.set(xscale="log", yscale="log")
    dots = [row for row in report["operators"] if row["macs"]]
    intensity = [row["macs"] / row["bytes"] for row in dots]
    left, right = min(intensity) / 4, max(intensity) * 2.2
    peak = probe["int8_peak_1"] / 1e9
    low = min(row["macs_per_second"] for row in dots) / 1e9 / 1.8
    axes.hlines(peak, peak / (probe["read_level2_1"] / 1e9), right, color="#333333", linewidth=1.4)
    axes.text(right, peak * 1.05, f"int8 dot products, {peak:.0f} GMAC/s", ha="right", va="bottom", fontsize=9)
    for shade, (key, name) in zip(("#333333", "#777777", "#aaaaaa"), ROOFS):
        bandwidth = probe[key] / 1e9
        start = max(left, low / bandwidth)
        axes.plot([start, peak / bandwidth], [start * bandwidth, peak], color=shade, linewidth=1.4)
        axes.annotate(f"{name}, {bandwidth:.0f} GB/s", (peak / bandwidth, peak), xytext=(-12, -9),
                      textcoords="offset points", rotation=45, rotation_mode="anchor", ha="right", va="bottom",
                      fontsize=8, color=shade, transform_rotates_text=True)
    size = lambda row: 12 + 4000 * row["share"]  # noqa: E731
    for kind, colour in COLOURS.items():
        of_kind = [(x, row) for x, row in zip(intensity, dots) if row["name"].startswith(kind)]
        axes.scatter([x for x, _ in of_kind], [row["macs_per_second"] / 1e9 for _, row in of_kind],
                     s=[size(row) for _, row in of_kind], color=colour, alpha=0.65, linewidths=0.8,
                     edgecolors="white", label=f"{kind}, {100 * sum(row['share'] for _, row in of_kind):.0f} % of time")
    others = sum(row["share"] for row in report["operators"] if not row["macs"])
    axes.plot([], [], " ", label=f"no products (not drawn), {100 * others:.0f} %")
    named: list[tuple[float, float]] = []
    for x, row in sorted(zip(intensity, dots), key=lambda dot: -dot[1]["share"]):
        y = row["macs_per_second"] / 1e9
        if len(named) == 6 or any(0.4 < x / x1 < 2.5 and 0.8 < y / y1 < 1.25 for x1, y1 in named):
            continue  # names would cover each other
        named.append((x, y))
        axes.annotate(row["name"].replace(" @ ", "\n@ "), (x, y), xytext=(0, -3 - size(row) ** 0.5 / 2),
                      textcoords="offset points", ha="center", va="top", fontsize=7.5, color="#333333")
    axes.set(xlim=(left, right), ylim=(low, peak * 1.5))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(plain)
        axis.set_minor_locator(NullLocator())
    legend = axes.legend(loc="lower right", fontsize=9, frameon=False)
    for handle in legend.legend_handles if hasattr(legend, "legend_handles") else legend.legendHandles:
        if hasattr(handle, "set_sizes"):
            handle.set_sizes([60])
    figure.tight_layout()
    figure.savefig(path)


def memory_time(report: dict, path: pathlib.Path) -> None:
    machine = report["machine"]
    figure, axes = new_axes(f"Memory against time, int8, one thread\n{machine['processor']}, {machine['backend']}",
                            "memory held beside the weights, MiB", "ns a pixel")
    axes.set(xscale="log")
    kinds = (("plan", "o-", "whole pictures"), ("stream", "s--", "rows in, rows out"))
    for side, colour in zip((512, 1024, 2048), ("#2a9d6f", "#1f6fb4", "#d1495b")):
        for what, line, name in kinds:
            rows = sorted((row for row in report["memory"]
                           if (row["precision"], row["what"], row["side"]) == ("int8", what, side)),
                          key=lambda row: row["plan_bytes"])
            if not rows:
                continue
            times = [row["seconds"] * 1e9 / side**2 for row in rows]
            axes.errorbar([row["plan_bytes"] / 2**20 for row in rows], times, fmt=line, color=colour, capsize=2,
                          yerr=[time * row["spread"] for time, row in zip(times, rows)], elinewidth=0.8,
                          label=f"{side}x{side}, {name}")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(plain)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.legend(frameon=False, loc="lower right", ncols=3, fontsize=9)
    figure.tight_layout()
    figure.savefig(path)


def main() -> None:
    report = json.loads(pathlib.Path(sys.argv[1]).read_text())
    folder = pathlib.Path(sys.argv[2])
    roofline(report, folder / "roofline.png")
    memory_time(report, folder / "memory-time.png")


if __name__ == "__main__":
    main()
