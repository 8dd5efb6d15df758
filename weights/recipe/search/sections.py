# SPDX-License-Identifier: Apache-2.0
"""Sections of the report that tell what was asked for and what was found; empty where the search is not that far."""

from __future__ import annotations

import math
import re
import statistics
import time

from optuna.trial import TrialState

from search import drawing, figures, page, rules
from search.page import number, paragraph, plural, text
from search.requirements import BOUNDS
from search.rules import Candidate
from search.story import Story

UNITS = {
    "parameters": "parameters",
    "int8_bytes": "bytes of int8 weights",
    "macs": "MACs",
    "peak_memory_bytes": "bytes of activations and scratch",
    "latency_ms": "latency, ms",
}
REASONS = {
    "parameters": "too many parameters",
    "int8_bytes": "too many bytes",
    "macs": "too many MACs",
    "structure": "cannot be built",
    "peak_memory_bytes": "too much memory",
    "latency_ms": "too slow",
}
MEASURED = ("peak_memory_bytes", "latency_ms")


def without_folders(command: str) -> str:
    """A command as a page may show it: programs by name, wherever they lie on this machine."""
    return re.sub(r"(?<!\S)/\S*/", "", command)


def against(s: Story) -> str:
    """The winner compared with its prototype, under equal training."""
    w, p = s.winner, s.prototype
    if w.key == p.key:
        return ". No descendant was better."
    if not w.finals:
        return f"; the prototype under the same training: {s.final(p)}, {p.latency_ms:.2f} ms."
    if not p.finals:
        return f". After proxy training it has {w.accuracy:.1f}, the prototype {s.final(p)}, {p.latency_ms:.2f} ms."
    ahead, least = statistics.mean(w.finals.values()) - statistics.mean(p.finals.values()), s.distinguishable()
    sure = (
        ""
        if math.isnan(least)
        else f", {'more' if abs(ahead) > least else 'not more'} than seeds alone make ({least:.1f})"
    )
    return (
        f"; the prototype under the same training: {s.final(p)}, {p.latency_ms:.2f} ms. That is {ahead:+.1f}"
        f" points{sure}."
    )


def headline(s: Story) -> list[str]:
    if s.winner is None:
        return [
            f"<h1>{text(s.r.set)}: no winner yet</h1>",
            paragraph("No network within the bounds has been trained so far.", "lead"),
        ]
    w, p = s.winner, s.prototype
    how = (
        f"{len(w.finals)} seed{'s' * (len(w.finals) > 1)}, {s.plan.final_pictures:,} picture-steps"
        if w.finals
        else "after proxy training; longer training was not reached"
    )
    lead = (
        f"{number(w.parameters)} parameters, {number(w.int8_bytes)} bytes in int8, {number(w.macs / 1e6)} million MACs,"
        f" {w.latency_ms:.2f} ms. Validation {s.what} <b>{s.final(w)}</b> ({how})"
    )
    lead += against(s)
    best = "a new network" if w.key != p.key else "the prototype stays"
    return [
        f"<h1>{text(s.r.set)}: {best}</h1>",
        paragraph(lead, "lead"),
        paragraph(
            "<code>winner.json</code> beside this page trains it in full: <code>recipe.py winner.json</code>. These are"
            " figures of short training on part of the pictures; they rank networks and are not what a finished network"
            " reaches.",
            "quiet",
        ),
    ]


def requirements(s: Story) -> list[str]:
    p, w = s.prototype, s.winner
    rows = []
    for name in BOUNDS:
        limit = s.found.bounds.get(name)
        given = s.r.bounds.get(name)
        wanted = (
            "–"
            if limit is None
            else f"≤ {number(limit)}" + (f" ({given.factor:g} × prototype)" if given and given.factor else "")
        )

        def cell(c: Candidate | None) -> str:
            if c is None or getattr(c, name) is None:
                return "–"
            fits = limit is None or getattr(c, name) <= limit
            return f'<td class="{"" if limit is None else "good" if fits else "bad"}">{number(getattr(c, name))}</td>'

        rows.append(("", [UNITS[name], wanted, cell(p), cell(w)]))
    n = s.found.notes
    where = f"{s.r.height} x {s.r.width} pixels, {s.r.threads} thread{'s' * (s.r.threads > 1)}"
    return [
        "<h2>What was asked for</h2>",
        paragraph(
            f"The best validation {s.what} on {text(s.r.set)} within these bounds, measured for {where}. Latency: "
            f"{text(without_folders(n.get('meter', '–')))}, the shortest of its runs."
        ),
        page.table(["", "bound", "prototype", "winner"], rows),
    ]


def pareto(s: Story) -> list[str]:
    if not s.begun:
        return []
    picture = figures.pareto(s.begun, s.prototype, s.winner, s.found.bounds.get("latency_ms"), s.what)
    best = rules.front([c for c in s.begun if c.accuracy is not None])
    span = (
        f"The front runs from {best[0].accuracy:.1f} % at {best[0].latency_ms:.2f} ms to {best[-1].accuracy:.1f} % at "
        f"{best[-1].latency_ms:.2f} ms. "
        if len(best) > 1
        else ""
    )
    return [
        "<h2>Accuracy against latency</h2>",
        page.figure(
            figures.svg(picture),
            f"Every network that was trained. {span}Higher and further left is better; colour is size, so a dark dot on"
            " the front is there by its size and a light one in spite of it. Choose another network from the table"
            " below if your device may take more or less time than the bound.",
        ),
    ]


def networks(s: Story) -> list[str]:
    if s.winner is None or s.winner is s.prototype:
        return []
    panels = [("prototype", s.prototype.description), ("winner", s.winner.description)]
    before, after = page.fields(s.prototype.description), page.fields(s.winner.description)
    rows = []
    for key in sorted({*before, *after}, key=lambda k: (list(after).index(k) if k in after else 99)):
        old, new = before.get(key, "–"), after.get(key, "–")
        rows.append(("", [text(key), text(old), f'<td class="{"changed" if old != new else ""}">{text(new)}</td>']))
    return [
        "<h2>The winner beside its prototype</h2>",
        page.figure(
            figures.svg(drawing.network(panels)),
            "Stem, stages (blue) and decoder (green), one box a block. Height is resolution, darkness is width; below:"
            " width and expansion; inside: dilation where it is not 1; a dark foot: an attention condenser, taller with"
            " more channels.",
        ),
        page.table(["", "prototype", "winner"], rows, "words"),
    ]


def counts(s: Story) -> list[str]:
    f = s.found
    state = lambda *names: sum(c.state in names for c in f.candidates.values())
    rows = [("judged", f.judged, True)]
    rejected = lambda measured: [
        (REASONS[k], n, False) for k, n in f.rejected.most_common() if (k in MEASURED) == measured
    ]
    rows += [
        *rejected(False),
        ("timed on the target", len(f.timed), True),
        *rejected(True),
        ("screened out", state("screened"), False),
        ("proxy training begun", len(s.begun), True),
        ("stopped early", state("pruned"), False),
        ("proxy-trained", state("trained"), True),
        ("trained longer", sum(bool(c.finals) for c in f.candidates.values()), True),
    ]
    return [
        "<h2>How many candidates came how far</h2>",
        page.figure(
            figures.svg(figures.counts(rows)),
            "Blue went on, grey ended there (logarithmic). A candidate is judged from its description alone; one that"
            " breaks a bound costs microseconds. Those within are timed on the target, and of these only the promising"
            " ones are trained.",
        ),
    ]


def table(s: Story) -> list[str]:
    order = sorted(s.begun, key=lambda c: (c.accuracy is None, -(c.accuracy or max(c.rungs, default=0))))
    rows = [
        (
            s.kind(c),
            [
                text(s.name(c)),
                (
                    f"{c.accuracy:.1f}"
                    if c.accuracy is not None
                    else f"{c.state} at {c.rungs[-1]:.1f}" if c.rungs else c.state
                ),
                s.final(c) if c.finals else "–",
                f"{c.latency_ms:.2f}",
                number(c.parameters),
                number(c.macs / 1e6),
                number((c.peak_memory_bytes or 0) / 1024),
                text(c.source) + ("" if c.passed else ", failed screen"),
            ],
        )
        for c in order
    ]
    return [
        "<h2>All networks that were trained</h2>",
        page.table(
            ["network", f"proxy {s.what}", "longer", "ms", "parameters", "million MACs", "KiB memory", "from"], rows
        ),
        paragraph(
            "<code>candidates.csv</code> beside this page has these and all that were only timed, with their"
            " descriptions.",
            "quiet",
        ),
    ]


def conditions(s: Story) -> list[str]:
    n, workers = s.found.notes, s.store.trials("workers")
    hours = s.store.seconds_used() / 3600
    teacher = (
        "own teacher, " + f"{s.plan.teacher_pictures:,} picture-steps"
        if s.plan and s.plan.teacher_pictures
        else "given soft labels" if n.get("soft_labels") else "none"
    )
    view = n.get("view", [0, 0, 0, 0])
    lost = sum(t.state == TrialState.FAIL for t in workers)
    lines = [
        (
            f"{view[0]} pictures trained on, {view[1]} to validate with (the test split is not read), of {view[2]} x"
            f" {view[3]} pixels"
        ),
        f"proxy training: {s.plan.proxy_pictures if s.plan else 0:,} picture-steps; teacher: {teacher}",
        (
            f"{plural(len(workers), 'worker')} ({lost} of them died) in {hours:.1f} hours; begun"
            f" {time.strftime('%Y-%m-%d', time.gmtime(n.get('began', 0)))}"
        ),
    ]
    return [
        "<h2>Conditions</h2>",
        "<ul>" + "".join(f"<li>{text(line)}</li>" for line in lines) + "</ul>",
        (
            "<details><summary>The requirements"
            f" file</summary><pre>{text(n.get('requirements', s.r.text))}</pre></details>"
        ),
    ]
