# SPDX-License-Identifier: Apache-2.0
"""The files beside the report: winner.json, a configuration for recipe.py and train.py, and candidates.csv."""

from __future__ import annotations

import csv
import json
import pathlib
import statistics

from description import Description
from search import training
from search.requirements import Requirements
from search.results import Results
from search.rules import Candidate


def winner_config(r: Requirements, root: pathlib.Path, d: Description) -> dict:
    """The prototype's schedule with another network; the schedule of recipe.py --folder for another data set."""
    config = dict(r.config)
    if config["data"] != root.name:
        from recipe import folder_config

        config = folder_config(root)
        if not pathlib.Path(r.set).is_absolute():
            config["data"] = r.set
    config["description"] = json.loads(d.to_json()) | {"name": config["description"]["name"]}
    config["crops"] = [
        [start, training.crop_for(tuple(crop), crop, d.total_stride), *zoom] for start, crop, *zoom in config["crops"]
    ]
    return config


def write_winner(r: Requirements, root: pathlib.Path, c: Candidate, path: pathlib.Path) -> None:
    path.write_text(json.dumps(winner_config(r, root, c.description), indent=1) + "\n")


def write_table(found: Results, r: Requirements, path: pathlib.Path) -> None:
    """Every candidate that was timed, one a line."""
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(
            [
                "key",
                "state",
                "source",
                "passed_screen",
                "parameters",
                "int8_bytes",
                "macs",
                "peak_memory_bytes",
                "latency_ms",
                f"proxy_{r.maximise}",
                "rungs",
                f"final_{r.maximise}",
                "seeds",
                "description",
            ]
        )
        for c in sorted(found.timed, key=lambda c: (c.state, -(c.accuracy or 0))):
            final = f"{statistics.mean(c.finals.values()):.3f}" if c.finals else ""
            table.writerow(
                [
                    c.key,
                    c.state,
                    c.source,
                    c.passed,
                    c.parameters,
                    c.int8_bytes,
                    c.macs,
                    c.peak_memory_bytes,
                    c.latency_ms,
                    "" if c.accuracy is None else f"{c.accuracy:.3f}",
                    " ".join(f"{v:.3f}" for v in c.rungs),
                    final,
                    len(c.finals),
                    c.description.to_json(),
                ]
            )
