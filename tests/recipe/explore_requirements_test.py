# SPDX-License-Identifier: Apache-2.0
"""Requirements files: defaults, bounds, and errors that name the field, the value met and the value wanted."""

import dataclasses
import math
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "weights" / "recipe"))

try:
    from search import requirements
    from search.budget import Clock, Pace, fit, whole
    from search.table import RequirementsError
except ModuleNotFoundError as missing:
    raise unittest.SkipTest(f"needs {missing.name}")

SHORT = '[data]\nset = "leaves"\n[bounds]\nparameters = 300_000\nlatency_ms = { factor = 0.5 }\n'


class RequirementsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        for split in ("train", "test"):
            (self.root / "leaves" / split / "images").mkdir(parents=True)
        (self.root / "leaves" / "dataset.json").write_text('{"classes": ["soil", "leaf", "stem"]}')

    def read(self, text: str) -> requirements.Requirements:
        path = self.root / "requirements.toml"
        path.write_text(text)
        return requirements.read(path, self.root)

    def test_a_few_lines_are_enough(self):
        r = self.read(SHORT)
        self.assertEqual((r.maximise, r.validation, r.train, r.space.prototype.classes), ("miou", 0.2, ["train"], 3))
        self.assertEqual((r.bounds["parameters"].value, r.bounds["latency_ms"].factor), (300_000, 0.5))
        self.assertIn("stage1.width", r.space.fields)

    def test_the_validation_split_is_taken_where_there_is_one(self):
        (self.root / "leaves" / "val" / "images").mkdir(parents=True)
        self.assertEqual(self.read(SHORT).validation, ["val"])

    def test_errors(self):
        for text, message in (
            (SHORT + "[search]\nsurvey = 0\n", "search.survey: 0, expected a whole number from 1 to 1000000"),
            (SHORT + "[search]\nsurveys = 9\n", "search.surveys: an unknown name, expected "),
            (
                SHORT + "[proxy]\ncrop = [100, 100]\n",
                "proxy.crop: [100, 100], expected [height, width], multiples of 32",
            ),
            (SHORT.replace("300_000", "-1"), "bounds.parameters: -1, expected a number above 0"),
            (
                SHORT.replace("factor", "times"),
                "bounds.latency_ms: {'times': 0.5}, expected a number above 0, or { factor = 1.0 }",
            ),
            (SHORT.replace("leaves", "trees"), "data.set: 'trees', expected a folder with dataset.json"),
            (
                SHORT.replace("[bounds]", 'validation = ["test"]\n[bounds]'),
                "data.validation: 'test', expected a split that is not for",
            ),
            (
                SHORT.replace("[bounds]", 'train = ["test"]\n[bounds]'),
                "data.train: 'test', expected a split that is not for",
            ),
            (
                SHORT.replace("[bounds]", 'validation = ["train"]\n[bounds]'),
                "data.validation: ['train'], expected splits that are not trained",
            ),
            (SHORT.replace("[bounds]", "validation = 0.9\n[bounds]"), "data.validation: 0.9, expected splits"),
            ('maximise = "speed"\n' + SHORT, "maximise: 'speed', expected 'miou' or 'pixel_accuracy'"),
            ('prototype = "none.json"\n' + SHORT, "prototype: 'none.json', expected a training configuration"),
            ("[data]\n", "data.set: missing"),
            ("[data", "requirements.toml: "),
        ):
            with self.subTest(message), self.assertRaises(RequirementsError) as caught:
                self.read(text)
            self.assertIn(message, str(caught.exception))

    def test_time_shortens_every_stage(self):
        r, pace = self.read(SHORT), Pace(60.0, 6.0, 1.2, 10.0, 300.0)
        self.assertEqual(dataclasses.replace(fit(r, 10**6, pace), run_seconds=0, final_seconds=0), whole(r))
        for minutes in (8, 20, 60, 240):
            with self.subTest(minutes):
                plan, total = fit(r, 60 * minutes, pace), 60 * minutes
                self.assertLessEqual(plan.survey * pace.measuring, 0.12 * total)
                self.assertLess(plan.proxies * plan.run_seconds, 0.65 * total)
                self.assertLess(plan.networks * plan.seeds * plan.final_seconds, 0.23 * total)
                self.assertGreaterEqual(plan.proxies, 8)
                self.assertGreaterEqual(plan.networks, 4)
                self.assertEqual(plan.teacher_pictures > 0, minutes >= 120)

    def test_the_clock_counts_from_when_the_stages_were_planned(self):
        clock = Clock(10, lambda: 200.0)
        clock.planned = 100.0
        self.assertAlmostEqual(clock.left("proxies"), 100 + 0.76 * 500 - 200)
        self.assertEqual(Clock(None, lambda: 1e9).left(), math.inf)


if __name__ == "__main__":
    unittest.main()
