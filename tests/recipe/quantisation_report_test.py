# SPDX-License-Identifier: Apache-2.0
"""The quantisation report as a user makes it: three files, for classes that are the network's and that are not."""

import contextlib
import io
import json
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

try:
    import matplotlib  # noqa: F401
    import torch  # noqa: F401
    from PIL import Image

    from synthetic import make_set
except ImportError as missing:
    raise unittest.SkipTest(f"needs {missing.name}")

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "weights" / "recipe"))

import quantisation_report

GOLDEN = TOP / "tests" / "data" / "goldens" / "max-grouped-bilinear-double-two-decoders"


class QuantisationReportTest(unittest.TestCase):
    def report(self, classes: list[str], *more: str) -> tuple[dict, str]:
        with tempfile.TemporaryDirectory() as scratch:
            root = pathlib.Path(scratch)
            make_set(root / "set", classes, [(21, 29), (40, 61), (16, 16)], 5, "val")
            command = ["quantisation_report.py", f"{GOLDEN}.int8.safetensors", "--float", f"{GOLDEN}.float.safetensors",
                       "--data", str(root / "set"), "--out", str(root / "out"), *more]
            with mock.patch.object(sys, "argv", command), contextlib.redirect_stdout(io.StringIO()) as said:
                quantisation_report.main()
            self.assertIn("Furthest from the float network", said.getvalue())
            with Image.open(root / "out" / "quantisation.png") as picture:
                self.assertGreater(picture.width, 800)
            read = lambda name: (root / "out" / name).read_text()
            return json.loads(read("quantisation.json")), read("quantisation.md")

    def test_classes_of_the_network(self):
        names = [f"class{i}" for i in range(11)]
        report, page = self.report(names, "--note", "Random labels.")
        self.assertEqual((report["pictures"], report["pictures_reduced"]), (3, 1))
        self.assertEqual(report["oracle"], {"labels": 21 * 29, "labels_differing": 0, "activations_differing": 0})
        self.assertEqual([row["class"] for row in report["classes"]], names)
        self.assertTrue(0 <= report["int8"]["miou"] < 20, report["int8"])  # the labels are random
        self.assertGreater(report["labels_agree_percent"], 50)
        self.assertIn("Random labels.", page)

    def test_other_classes_and_a_limit(self):
        report, page = self.report(["a", "b"], "--limit", "1")
        self.assertEqual((report["pictures"], report["int8"], report["float"]), (1, None, None))
        self.assertNotIn("gain", report["classes"][0])
        self.assertIn("no accuracy is told", page)


if __name__ == "__main__":
    unittest.main()
