# SPDX-License-Identifier: Apache-2.0
"""`evaluate` against the NumPy oracle on small networks with every kind of condenser; needs the program to be built."""

import json
import os
import pathlib
import sys
import tempfile
import unittest

import numpy as np

try:
    from PIL import Image

    from synthetic import make_set
except ImportError as missing:
    raise unittest.SkipTest(f"needs {missing.name}")

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "weights" / "recipe"))

import oracle
from agreement import compare

GOLDENS = sorted((TOP / "tests" / "data" / "goldens").glob("*.int8.safetensors"))
EVALUATE = pathlib.Path(os.environ.get("ATTENDSEG_EVALUATE", TOP / "build" / "release" / "bin" / "evaluate"))
# Some smaller, some larger than the goldens' working size of 32 pixels, where pictures are reduced.
SIZES = [(21, 29), (32, 32), (33, 20), (71, 90), (1, 1)]


class AgreementTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.root = pathlib.Path(scratch.name)

    def data_of(self, weights: pathlib.Path) -> pathlib.Path:
        """A data set of the network's classes, with some ignored pixels."""
        classes = json.loads(oracle.Network.load(weights).metadata["classes"])
        folder = self.root / f"set-{len(classes)}"
        make_set(folder, classes, SIZES, 3, "val")
        label = folder / "val" / "labels" / "0.png"
        mask = np.array(Image.open(label))
        mask[:5] = 255
        Image.fromarray(mask).save(label)
        return folder

    def test_evaluate_agrees_to_the_last_label(self):
        if not EVALUATE.exists():
            self.skipTest(f"needs {EVALUATE}")
        labels = sum(h * w for h, w in SIZES)
        for weights in GOLDENS:
            with self.subTest(weights.name):
                met = compare(EVALUATE, weights, self.data_of(weights), "val", None, self.root / weights.stem)
                self.assertEqual(met, {"pictures": 5, "labels": labels, "labels_differing": 0, "counts_differing": 0})

    def test_classes_of_another_data_set(self):
        if not EVALUATE.exists():
            self.skipTest(f"needs {EVALUATE}")
        make_set(self.root / "other", [f"thing{i}" for i in range(20)], SIZES[:1], 3, "val")
        met = compare(EVALUATE, GOLDENS[0], self.root / "other", "val", None, self.root / "work")
        self.assertEqual(met, {"pictures": 1, "labels": 21 * 29, "labels_differing": 0, "counts_differing": None})

    def fake(self, confusion: list) -> pathlib.Path:
        """A program that prints always the same."""
        program = self.root / "evaluate"
        program.write_text(f"#!/bin/sh\necho '{json.dumps({'confusion': confusion, 'images': len(SIZES)})}'\n")
        program.chmod(0o755)
        return program

    def test_differences_are_counted(self):
        weights = next(g for g in GOLDENS if oracle.Network.load(g).description.classes == 2)
        met = compare(self.fake([[5, 2], [1, 4]]), weights, self.data_of(weights), "val", None, self.root / "work")
        self.assertEqual((met["labels"], met["labels_differing"]), (12, 3))
        self.assertGreater(met["counts_differing"], 0)

    def test_a_program_that_fails_is_quoted(self):
        program = self.root / "evaluate"
        program.write_text("#!/bin/sh\necho broken >&2\nexit 3\n")
        program.chmod(0o755)
        with self.assertRaisesRegex(RuntimeError, "exit code 3: broken"):
            compare(program, GOLDENS[0], self.data_of(GOLDENS[0]), "val", 1, self.root / "work")


if __name__ == "__main__":
    unittest.main()
