# SPDX-License-Identifier: Apache-2.0
"""Quantisation's checkpoint: gone on with, started again, or refused, by what it was made of."""

import contextlib
import io
import pathlib
import sys
import tempfile
import unittest

try:
    import torch

    from synthetic import make_set
    from train_test import CONFIG
except ImportError as missing:
    raise unittest.SkipTest(f"needs {missing.name}")

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "weights" / "recipe"))

import class_biases
import quantise
import train

OPTIONS = {"pictures": 16, "batch": 4, "calibrate": 2}


class QuantiseTest(unittest.TestCase):
    def setUp(self):
        torch.set_num_threads(1)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        make_set(self.root / "streets", ["a", "b", "c"], [(48, 64)] * 3, 1)
        self.out = self.root / "out"
        train.train(CONFIG | {"validate": [], "pictures": 8, "report": 8}, self.root, self.out, "cpu")

    def quantise(self, **options):
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            sim, net, _ = quantise.quantise(self.out, self.root, OPTIONS | options)
        return sim, net, said.getvalue()

    def test_a_finished_one_is_taken_as_it_is(self):
        first, net, _ = self.quantise()
        again, _, said = self.quantise()
        self.assertNotIn("starting again", said)
        loaded = quantise.load_quantised(self.out / "quantised.pt", net)
        for other in (again, loaded):
            for name, tensor in first.tensors().items():
                self.assertEqual(tensor.tobytes(), other.tensors()[name].tobytes(), name)

    def test_other_options_start_again(self):
        self.quantise()
        self.assertIn("other options; starting again", self.quantise(rate=5e-4)[2])

    def test_a_negative_weight_is_refused(self):
        with self.assertRaisesRegex(ValueError, "quantised.distil: -1.0, expected 0 or more"):
            self.quantise(distil=-1.0)

    def test_another_float_network_is_told_apart(self):
        _, net, _ = self.quantise()
        saved = torch.load(self.out / "float.pt", weights_only=False)
        next(v for v in saved["ema"].values() if v.dtype.is_floating_point).add_(0.125)
        torch.save(saved, self.out / "float.pt")
        other, _ = quantise.load_float(self.out / "float.pt")
        with self.assertRaisesRegex(ValueError, "another float network"):
            quantise.load_quantised(self.out / "quantised.pt", other)
        self.assertIn("another float network", self.quantise()[2])

    def test_class_biases_go_into_both_networks_once(self):
        sim, net, _ = self.quantise()
        fitted = class_biases.apply(self.out, self.root)
        self.assertEqual(list(fitted["biases"]), ["a", "b", "c"])
        self.assertGreaterEqual(fitted["after"], fitted["before"])
        moved, _ = quantise.load_float(self.out / "float.pt")
        delta = moved.head.conv.bias - net.head.conv.bias
        self.assertLess((delta - torch.tensor(list(fitted["biases"].values()))).abs().max().item(), 1e-3)
        integers = quantise.load_quantised(self.out / "quantised.pt", moved)
        step = sim.grids["head"][0] * 128
        change = (integers.biases["head"] - sim.biases["head"]) * step
        self.assertLess((change - delta).abs().max().item(), 1e-4)
        self.assertEqual(class_biases.apply(self.out, self.root), fitted)
        again, _ = quantise.load_float(self.out / "float.pt")
        self.assertTrue(torch.equal(again.head.conv.bias, moved.head.conv.bias))

    def test_class_biases_find_the_boundaries_back(self):
        labels = torch.randint(0, 3, (4000,), generator=torch.Generator().manual_seed(1))
        scores = torch.nn.functional.one_hot(labels, 3) * 2 + torch.randn(4000, 3, generator=torch.Generator().manual_seed(2)) * 0.5
        shifted = scores + torch.tensor([0.0, 1.5, -0.5])
        biases = class_biases.best_biases(shifted, labels)
        before, true = (class_biases.mean_iou(s, labels, torch.zeros(3)) for s in (shifted, scores))
        self.assertLess(before, true - 5)
        self.assertGreater(class_biases.mean_iou(shifted, labels, biases), true - 0.5)
        self.assertEqual(biases.max().item(), 0.0)

    def test_an_unfinished_one_is_not_exported(self):
        net, config = quantise.load_float(self.out / "float.pt")
        config["quantised"] = quantise.DEFAULTS | OPTIONS
        source = quantise.batches.Batches(config | {"batch": 4}, self.root, "cpu")
        self.assertIsNone(quantise.fine_tune(net, source, config, self.out, seconds=0.0))
        with self.assertRaisesRegex(ValueError, "0 steps, expected 4"):
            quantise.load_quantised(self.out / "quantised.pt", net)


if __name__ == "__main__":
    unittest.main()
