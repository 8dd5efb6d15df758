# SPDX-License-Identifier: Apache-2.0
"""The report's pictures, as SVG that stands inside a page."""

from __future__ import annotations

import io
import re
import statistics

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt

from search.importance import Importance
from search.rules import Candidate, front

INK, SOFT, ACCENT, COLD = "#1f2933", "#9aa5b1", "#d64545", "#2b6cb0"
plt.rcParams |= {
    "svg.fonttype": "none",
    "svg.hashsalt": "explore",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e7eb",
    "axes.axisbelow": True,
    "font.sans-serif": ["Helvetica Neue", "Arial", "DejaVu Sans"],
}
WIDE = 5.8  # inches: 10 point text stays readable on a phone


def svg(figure) -> str:
    """The figure as an element of a page, without what only a file of its own needs."""
    text = io.StringIO()
    figure.savefig(text, format="svg", bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
    picture = text.getvalue()
    picture = picture[picture.index("<svg") :]
    picture = re.sub(r"<metadata>.*?</metadata>", "", picture, flags=re.S)
    return re.sub(
        r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", picture, count=1), count=1
    )


def mark(axis, c: Candidate, y: float, name: str, colour: str) -> None:
    axis.scatter([c.latency_ms], [y], s=190, facecolors="none", edgecolors=colour, linewidths=2, zorder=5)
    axis.annotate(
        name,
        (c.latency_ms, y),
        xytext=(0, 12),
        textcoords="offset points",
        ha="center",
        weight="bold",
        color=colour,
        zorder=6,
    )


def pareto(
    begun: list[Candidate], prototype: Candidate | None, winner: Candidate | None, limit: float | None, what: str
):
    """Accuracy after proxy training against latency; colour is size."""
    figure, axis = plt.subplots(figsize=(WIDE, 4.2), layout="constrained")
    trained = [c for c in begun if c.accuracy is not None]
    pruned = [c for c in begun if c.state == "pruned" and c.rungs]
    if pruned:
        axis.scatter(
            [c.latency_ms for c in pruned],
            [c.rungs[-1] for c in pruned],
            marker="x",
            s=22,
            color=SOFT,
            label="stopped early",
        )
    best = front(trained)
    axis.step(
        [c.latency_ms for c in best],
        [c.accuracy for c in best],
        where="post",
        color=INK,
        lw=1,
        alpha=0.6,
        label="front",
    )
    for passed, marker, label in ((True, "o", "passed the screen"), (False, "s", "failed the screen")):
        some = [c for c in trained if c.passed == passed]
        if some:
            points = axis.scatter(
                [c.latency_ms for c in some],
                [c.accuracy for c in some],
                c=[c.parameters / 1e6 for c in some],
                cmap="viridis_r",
                marker=marker,
                s=46,
                edgecolors="white",
                linewidths=0.6,
                zorder=3,
                label=label,
                vmin=min(c.parameters for c in trained) / 1e6,
                vmax=max(c.parameters for c in trained) / 1e6,
            )
    if trained:
        bar = figure.colorbar(points, ax=axis, pad=0.02, aspect=30)
        bar.set_label("million parameters")
        bar.outline.set_visible(False)
    if limit:
        axis.axvline(limit, color=ACCENT, lw=1, ls="--")
    if prototype is not None and prototype.accuracy is not None:
        mark(axis, prototype, prototype.accuracy, "prototype", COLD)
    if winner is not None and winner.accuracy is not None and winner is not prototype:
        mark(axis, winner, winner.accuracy, "winner", ACCENT)
    axis.set(xlabel="latency, ms", ylabel=f"validation {what} after proxy training, %")
    axis.margins(x=0.08, y=0.12)
    if limit:
        axis.annotate(
            "bound",
            (limit, 0.01),
            xycoords=("data", "axes fraction"),
            xytext=(3, 2),
            textcoords="offset points",
            color=ACCENT,
            size=9,
        )
    axis.legend(
        frameon=False,
        fontsize=8.5,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.14),
        ncols=4,
        columnspacing=1.2,
        handletextpad=0.3,
    )
    return figure


def counts(rows: list[tuple[str, int, bool]]):
    """How many candidates came how far: (name, number, whether they went on)."""
    figure, axis = plt.subplots(figsize=(WIDE, 0.32 * len(rows) + 0.3), layout="constrained")
    numbers = [max(n, 0.5) for _, n, _ in rows]  # nothing has no bar
    axis.barh(range(len(rows)), numbers, color=[COLD if on else SOFT for *_, on in rows], height=0.66)
    axis.set_yticks(range(len(rows)), [name for name, *_ in rows])
    axis.set_xscale("log")
    axis.set_xlim(0.5, max(numbers) * 2.2)
    for i, (_, n, _) in enumerate(rows):
        axis.annotate(f"{n:,}", (max(n, 0.5), i), xytext=(4, 0), textcoords="offset points", va="center", size=9)
    axis.invert_yaxis()
    axis.xaxis.set_visible(False)
    axis.grid(False)
    axis.spines[["bottom", "left"]].set_visible(False)
    axis.tick_params(left=False)
    return figure


def importance(parts: list[tuple[str, Importance]]):
    """One row of bars a figure of merit."""
    most = 9
    figure, axes = plt.subplots(len(parts), 1, figsize=(WIDE, 2.6 * len(parts)), layout="constrained", squeeze=False)
    figure.get_layout_engine().set(h_pad=0.12)
    for axis, (title, found) in zip(axes[:, 0], parts):
        top = list(found.shares.items())[:most]
        axis.barh(
            [k for k, _ in top],
            [100 * v for _, v in top],
            color=[COLD if v > found.chance else SOFT for _, v in top],
            height=0.66,
        )
        if found.chance:
            axis.axvline(100 * found.chance, color=ACCENT, lw=1, ls="--")
            axis.annotate(
                "chance",
                (100 * found.chance, len(top) - 0.6),
                xytext=(3, 0),
                textcoords="offset points",
                color=ACCENT,
                size=9,
                va="bottom",
            )
        axis.set_title(f"{title} ({found.samples} networks)", loc="left", size=10.5, weight="bold")
        axis.set_xlabel("share of the variance, %")
        axis.invert_yaxis()
        axis.grid(axis="y", visible=False)
    return figure


def finals(networks: list[Candidate], prototype: str, winner: str, what: str):
    """Longer against proxy training: every seed a dot, their mean a bar."""
    figure, axis = plt.subplots(figsize=(WIDE, 3.8), layout="constrained")
    for c in networks:
        colour = ACCENT if c.key == winner else COLD if c.key == prototype else INK
        values = list(c.finals.values())
        axis.plot([c.accuracy] * len(values), values, "o", color=colour, alpha=0.55, ms=5)
        axis.plot([c.accuracy], [statistics.mean(values)], "_", color=colour, ms=16, mew=2.5)
        name = "winner" if c.key == winner else "prototype" if c.key == prototype else c.key[:4]
        axis.annotate(
            name,
            (c.accuracy, max(values)),
            xytext=(0, 7),
            textcoords="offset points",
            ha="center",
            size=9,
            color=colour,
        )
    axis.set(xlabel=f"{what} after proxy training, %", ylabel=f"{what} after longer training, %")
    axis.margins(x=0.1, y=0.15)
    return figure


def curves(begun: list[Candidate], pictures: int, reports: int, prototype: str, winner: str, what: str):
    """Accuracy at every rung; a cross where a run was stopped."""
    figure, axis = plt.subplots(figsize=(WIDE, 3.4), layout="constrained")
    at = [pictures * (i + 1) // reports for i in range(reports)]
    for c in sorted(begun, key=lambda c: c.key in (prototype, winner)):
        known = c.rungs[:reports]
        special = c.key in (prototype, winner)
        colour = ACCENT if c.key == winner else COLD if c.key == prototype else SOFT
        axis.plot(
            at[: len(known)],
            known,
            color=colour,
            lw=2 if special else 1,
            marker=".",
            ms=4,
            alpha=1 if special else 0.7,
            label=("winner" if c.key == winner else "prototype") if special else None,
        )
        if c.state == "pruned" and known:
            axis.plot(at[len(known) - 1], known[-1], "x", color=INK, ms=5)
    axis.set(xlabel="picture-steps", ylabel=f"validation {what}, %")
    if axis.get_legend_handles_labels()[0]:
        axis.legend(frameon=False, fontsize=9)
    return figure
