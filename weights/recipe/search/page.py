# SPDX-License-Identifier: Apache-2.0
"""Pieces of the report's page: tables, figures with captions, the style."""

from __future__ import annotations

import html
from collections.abc import Sequence

from description import Condenser, Description

STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #f5f7fa; color: #1f2933;
       font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 50rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; background: #fff; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0.5rem 0; }
h2 { font-size: 1.15rem; margin: 2.4rem 0 0.4rem; }
p { margin: 0.5rem 0; }
.lead { font-size: 1.1rem; }
.quiet, figcaption { color: #52606d; font-size: 0.92rem; }
figure { margin: 1rem 0; }
figure svg { width: 100%; height: auto; display: block; }
figcaption { margin-top: 0.3rem; }
.scroll { overflow-x: auto; -webkit-overflow-scrolling: touch; margin: 0.8rem 0; }
table { border-collapse: collapse; font-size: 0.88rem; font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: 0.3rem 0.6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #e4e7eb; }
th { font-weight: 600; color: #52606d; }
th:first-child, td:first-child { white-space: normal; }
th:first-child, td:first-child, .words th, .words td { text-align: left; }
.words td { white-space: normal; min-width: 5rem; vertical-align: top; }
tr.winner td { background: #fdf0f0; } tr.prototype td { background: #eef4fb; } td.changed { font-weight: 600; }
.good { color: #23804a; } .bad { color: #b42318; }
details { margin: 0.8rem 0; } summary { cursor: pointer; }
pre { overflow-x: auto; background: #f5f7fa; padding: 0.8rem; font-size: 0.82rem; line-height: 1.4; }
code { font-size: 0.92em; }
"""


def page(title: str, body: Sequence[str]) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport"'
        ' content="width=device-width,'
        f' initial-scale=1">\n<title>{html.escape(title)}</title><style>{STYLE}</style></head><body><main>\n'
        + "\n".join(body)
        + "\n</main></body></html>\n"
    )


def text(value: object) -> str:
    return html.escape(str(value))


def paragraph(content: str, kind: str = "") -> str:
    return f'<p class="{kind}">{content}</p>' if kind else f"<p>{content}</p>"


def figure(svg: str, caption: str) -> str:
    return f"<figure>{svg}<figcaption>{caption}</figcaption></figure>"


def table(head: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]], kind: str = "") -> str:
    """Rows are (class, cells); cells are HTML. @param kind  "words" for a table of words, which may break"""
    cell = lambda c: c if c.startswith("<td") else f"<td>{c}</td>"
    lines = [f'<tr class="{mark}">{"".join(map(cell, cells))}</tr>' for mark, cells in rows]
    heads = "".join(f"<th>{h}</th>" for h in head)
    body = f"<thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody>"
    return f'<div class="scroll"><table class="{kind}">{body}</table></div>'


def number(value: float | None) -> str:
    """Short, with thousands marked."""
    if value is None:
        return "–"
    return f"{value:,.2f}" if abs(value) < 1000 and value != int(value) else f"{value:,.0f}"


def plural(n: float, what: str) -> str:
    return f"{n:g} {what}" + ("" if n == 1 else "s")


def condenser(c: Condenser) -> str:
    if not c.channels:
        return "none"
    embedding = f"grouped by {c.groups}" if c.embedding == "grouped" else c.embedding
    return (
        f"{c.channels} channels, {c.condense} /{c.factor}{' /2' if c.double else ''}, {embedding}, {c.expand}, scale a"
        f" {c.scale}"
    )


def fields(d: Description) -> dict[str, str]:
    """A description as lines of a table."""
    lines = {"stem": str(d.stem)}
    for n, s in enumerate(d.stages, 1):
        lines[f"stage {n}"] = (
            f"{len(s.dilations)} block{'s' * (len(s.dilations) > 1)} of {s.width}, expansion {s.expansion}, stride"
            f" {s.stride}"
        )
        lines[f"stage {n}, dilations"] = " ".join(map(str, s.dilations))
        lines[f"stage {n}, condenser"] = condenser(s.condenser)
    lines["decoder"] = ", ".join(map(str, d.decoder))
    lines["scores at stride"] = str(d.output_stride)
    return lines
