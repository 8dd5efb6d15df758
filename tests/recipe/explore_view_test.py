# SPDX-License-Identifier: Apache-2.0
"""The data set as a search sees it: what is carved off, reduced, cropped; and that test pictures stay out of it."""

import json
import pathlib
import sys
import tempfile
import unittest

try:
    from PIL import Image

    from synthetic import make_set
except ImportError as missing:
    raise unittest.SkipTest(f"needs {missing.name}")

RECIPE = pathlib.Path(__file__).resolve().parents[2] / "weights" / "recipe"
sys.path.insert(0, str(RECIPE))

from search import requirements, view
from search.table import RequirementsError
from search.training import configuration, crop_for


class Leaves(unittest.TestCase):
    """A data set of 19 small pictures and a large one."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.set = self.root / "data" / "leaves"
        make_set(self.set, ["soil", "leaf"], [(40, 60)] * 19 + [(300, 600)], 1)
        make_set(self.set, ["soil", "leaf"], [(40, 60)] * 3, 2, "test")

    def make(self, text: str = "", out: str = "out") -> view.View:
        path = self.root / "requirements.toml"
        path.write_text(f'[data]\nset = "leaves"\n{text}')
        self.r = requirements.read(path, self.root / "data")
        return view.make(self.r, self.set, self.root / out)

    def names(self, v: view.View, split: str) -> set[str]:
        return {p.stem for p in (v.parent / v.name / split / "images").iterdir()}


class ViewTest(Leaves):
    def test_a_share_is_carved_off_always_the_same(self):
        first, second = self.make(), self.make(out="another")
        self.assertEqual(first.counts, (16, 4))
        train, held_out = self.names(first, "train"), self.names(first, "val")
        self.assertEqual((len(train), len(held_out), len(train & held_out)), (16, 4, 0))
        self.assertEqual(held_out, self.names(second, "val"))
        self.assertEqual({p.name for p in (first.parent / first.name).iterdir()}, {"train", "val", "dataset.json", "made-of"})

    def test_large_pictures_are_reduced_to_the_working_size(self):
        v = self.make()
        self.assertEqual(self.r.base["working_size"], 512)
        found = [p for split in ("train", "val") for p in (v.parent / v.name / split).glob("*/19.png")]
        self.assertEqual({Image.open(p).size for p in found}, {(512, 256)})
        self.assertEqual(len(found), 2)

    def test_a_set_that_fits_is_taken_as_it_lies(self):
        for kind in ("images", "labels"):
            (self.set / "train" / kind / "19.png").unlink()
        make_set(self.set, ["soil", "leaf"], [(40, 60)] * 5, 3, "val")
        v = self.make()
        self.assertEqual((v.parent / v.name, v.train, v.validate, v.own), (self.set, ["train"], ["val"], False))
        self.assertEqual((v.counts, v.size), ((19, 5), (40, 60)))
        self.assertFalse((self.root / "out").exists())

    def test_pictures_that_changed_are_not_mixed_in(self):
        self.make()
        make_set(self.set, ["soil", "leaf"], [(40, 60)] * 21, 1)
        with self.assertRaisesRegex(RequirementsError, "data: pictures have changed since .* choose another --out"):
            self.make()

    def test_a_picture_without_mask_is_named(self):
        (self.set / "train" / "labels" / "3.png").unlink()
        with self.assertRaisesRegex(RequirementsError, r"3\.png: no mask, expected .*labels/3\.png"):
            self.make()

    def test_pictures_of_two_splits_may_have_equal_names(self):
        make_set(self.set, ["soil", "leaf"], [(40, 60)] * 5, 3, "more")
        v = self.make('train = ["train", "more"]\nvalidation = 0.2\n')
        self.assertEqual(v.counts, (20, 5))
        names = self.names(v, "train") | self.names(v, "val")
        self.assertEqual(len(names), 25)
        self.assertLessEqual({"train-1", "more-1"}, names)

    def test_validation_pictures_are_limited(self):
        make_set(self.set, ["soil", "leaf"], [(40, 60)] * 12, 3, "val")
        v = self.make("validation_pictures = 8\n")
        self.assertEqual((v.counts, len(self.names(v, "val"))), ((20, 8), 8))


class ConfigurationTest(Leaves):
    def test_crops_suit_the_networks_pooling(self):
        self.assertEqual(crop_for((160, 224), (360, 480), 32), [160, 224])
        self.assertEqual(crop_for((160, 224), (360, 480), 64), [192, 256])
        self.assertEqual(crop_for(None, (360, 480), 32), [160, 224])

    def test_reports_are_equally_far_apart(self):
        v = self.make("[proxy]\npictures = 1000\nbatch = 8\nreports = 3\n")
        config = configuration(self.r, v, self.r.space.prototype, self.r.proxy, 7)
        self.assertEqual((config["pictures"], config["report"], config["seed"]), (984, 328, 7))
        self.assertEqual(json.loads(json.dumps(config)), config)
        self.assertNotIn("distil", config)


if __name__ == "__main__":
    unittest.main()
