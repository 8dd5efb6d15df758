# SPDX-License-Identifier: Apache-2.0
"""Cost of a description against what the library prints, and against the tensors of the shipped weight files."""

import dataclasses
import json
import pathlib
import struct
import subprocess
import sys
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "weights" / "recipe"))

from description import Condenser, Description
from search.cost import cost, limits

LATENCY = TOP / "build" / "latency" / "bin" / "latency"


def described(name: str) -> Description:
    return Description.from_json(json.loads((TOP / "weights" / "recipe" / f"{name}.json").read_text())["description"])


def stored(path: pathlib.Path) -> tuple[Description, int]:
    """The description in a weight file, and the bytes of its tensors but the test vector and the confidence table."""
    with path.open("rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    description = Description.from_json(header.pop("__metadata__")["description"])
    layers = [t for name, t in header.items() if not name.startswith("test.") and name != "head.confidence"]
    return description, sum(t["data_offsets"][1] - t["data_offsets"][0] for t in layers)


def variants(d: Description) -> list[Description]:
    """Descriptions that use what the shipped ones do not."""

    def with_condenser(**fields):
        stages = tuple(dataclasses.replace(s, condenser=dataclasses.replace(s.condenser, **fields)) for s in d.stages)
        return dataclasses.replace(d, stages=stages)

    deeper = dataclasses.replace(
        d, stages=(*d.stages, dataclasses.replace(d.stages[-1], stride=1)), decoder=(96, 64, 40)
    )
    return [
        with_condenser(channels=0),
        with_condenser(double=True),
        with_condenser(embedding="grouped", groups=4),
        with_condenser(embedding="pointwise", scale="layer", factor=4),
        deeper,
        dataclasses.replace(d, decoder=(48,)),
    ]


class CostTest(unittest.TestCase):
    def test_released_network(self):
        c = cost(described("prototype"), 512, 512)
        self.assertEqual((c.parameters, c.int8_bytes, c.macs), (818763, 899954, 1420967936))

    def test_pictures_are_padded_to_the_total_stride(self):
        d = described("prototype")
        self.assertEqual(cost(d, 360, 480).macs, cost(d, 384, 480).macs)

    def test_shipped_weight_files(self):
        for path in sorted((TOP / "weights").glob("*.int8.safetensors")):
            with self.subTest(path.name):
                description, size = stored(path)
                self.assertEqual(cost(description, 64, 64).int8_bytes, size)

    def test_agrees_with_the_measuring_program(self):
        if not LATENCY.exists():
            self.skipTest("bench/latency is not built (explore.py builds it)")
        for d in (described("person"), described("camvid"), *variants(described("prototype"))):
            with self.subTest(d.to_json()):
                done = subprocess.run(
                    [LATENCY, "--height", "100", "--width", "130", "--seconds", "0"],
                    input=d.to_json(),
                    text=True,
                    capture_output=True,
                    check=True,
                )
                printed, c = json.loads(done.stdout), cost(d, 100, 130)
                self.assertEqual((c.parameters, c.macs), (printed["parameters"], printed["macs"]))


class LimitsTest(unittest.TestCase):
    def test_prototype_is_within(self):
        self.assertEqual(limits(described("prototype"), 160), [])

    def test_names_what_is_wrong(self):
        d = described("prototype")
        first = d.stages[0]
        for change, message in (
            ({"stem": 600}, "stem: 600, expected 1 to 512"),
            (
                {"stages": (dataclasses.replace(first, width=513), *d.stages[1:])},
                "stage1.width: 513, expected 1 to 512",
            ),
            (
                {"stages": (dataclasses.replace(first, dilations=(1,) * 13), *d.stages[1:])},
                "stage1.depth: 13, expected 1 to 12",
            ),
            (
                {"stages": (dataclasses.replace(first, condenser=Condenser(channels=257)), *d.stages[1:])},
                "stage1.condenser.channels: 257, expected 0 to 256",
            ),
            ({"decoder": ()}, "decoder: 0 widths, expected 1 to 3"),
        ):
            with self.subTest(message):
                self.assertEqual(limits(dataclasses.replace(d, **change), 160), [message])

    def test_a_condensed_map_keeps_two_pixels(self):
        self.assertEqual(limits(described("prototype"), 63), ["total stride: 32, expected 2 to 31"])


if __name__ == "__main__":
    unittest.main()
