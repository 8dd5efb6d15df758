# SPDX-License-Identifier: Apache-2.0
"""Labelled pictures: the layout, what is refused, and counting labels."""

import argparse
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

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "weights" / "recipe"))

from pictures import IGNORE, count_labels, development_split, pairs, read_info, read_pair, spread


class PicturesTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.root = pathlib.Path(scratch.name)
        make_set(self.root, ["sky", "road"], [(6, 8), (5, 4), (3, 3)], 1, "val")

    def test_reads_pictures_with_their_masks(self):
        self.assertEqual(read_info(self.root)["classes"], ["sky", "road"])
        found = pairs(self.root, "val")
        self.assertEqual([image.stem for image, _ in found], ["0", "1", "2"])
        picture, mask = read_pair(*found[1], 2)
        self.assertEqual((picture.shape, picture.dtype), ((5, 4, 3), np.uint8))
        self.assertEqual((mask.shape, mask.dtype), ((5, 4), np.uint8))

    def test_refuses_what_does_not_fit(self):
        image, label = pairs(self.root, "val")[0]
        with self.assertRaisesRegex(ValueError, "class id 1, expected 0 to 0 or 255"):
            read_pair(image, label, 1)
        Image.fromarray(np.zeros((6, 7), np.uint8)).save(label)
        with self.assertRaisesRegex(ValueError, r"shape \(6, 7\), expected \(6, 8\)"):
            read_pair(image, label, 2)
        label.unlink()
        with self.assertRaisesRegex(ValueError, "no mask at"):
            pairs(self.root, "val")
        with self.assertRaisesRegex(FileNotFoundError, "no such folder"):
            pairs(self.root, "train")

    def test_a_limit_is_spread_evenly(self):
        self.assertEqual(spread(list(range(10)), 4), [0, 2, 5, 7])
        self.assertEqual(spread(list(range(3)), 9), [0, 1, 2])
        self.assertEqual(spread(list(range(3)), None), [0, 1, 2])

    def test_counts_leave_ignored_pixels_out(self):
        truth = np.array([[0, 1, IGNORE], [2, 2, 0]], np.uint8)
        met = np.array([[0, 2, 1], [2, 0, 0]], np.uint8)
        self.assertEqual(count_labels(truth, met, 3).tolist(), [[2, 0, 0], [0, 0, 1], [1, 0, 1]])

    def test_the_test_split_is_refused(self):
        self.assertEqual(development_split("train"), "train")
        with self.assertRaises(argparse.ArgumentTypeError):
            development_split("test")


if __name__ == "__main__":
    unittest.main()
