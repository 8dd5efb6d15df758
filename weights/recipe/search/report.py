# SPDX-License-Identifier: Apache-2.0
"""OUT/report.html: the whole search on one page that stands alone; and the files beside it."""

from __future__ import annotations

import pathlib

from search import outputs, page, results, sections, trust
from search.requirements import Requirements
from search.store import Store
from search.story import Story

PARTS = (
    sections.headline,
    sections.requirements,
    sections.pareto,
    sections.networks,
    sections.counts,
    trust.choices,
    trust.finals,
    trust.curves,
    trust.screen,
    sections.table,
    sections.conditions,
)


def write(r: Requirements, store: Store, root: pathlib.Path, out: pathlib.Path) -> str:
    """All files of a search as far as it is. @return what is in them, in a few lines"""
    found = results.read(store)
    story = Story(r, found, store)
    outputs.write_table(found, r, out / "candidates.csv")
    if story.winner is not None:
        outputs.write_winner(r, root, story.winner, out / "winner.json")
    path = out / "report.html"
    path.write_text(page.page(f"explore: {r.set}", [piece for part in PARTS for piece in part(story)]))
    return f"{story.summary()}\n{path}"
