# SPDX-License-Identifier: Apache-2.0
"""Means of networks: shares, statistics measured again, weight files beside runs, and what has no mean."""

import json
import pathlib
import sys
import tempfile
import unittest

try:
    import torch

    from small_networks import GOLDENS, noise
    from synthetic import make_set
except ImportError as missing:
    raise unittest.SkipTest(f"needs {missing.name}")

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "weights" / "recipe"))

import average
import stored
import unfold
from network import AttendSeg
from quantise import load_float


class AverageTest(unittest.TestCase):
    def setUp(self):
        torch.set_num_threads(1)
        torch.manual_seed(1)

    def test_shares(self):
        a, b = {"w": torch.tensor([1.0, 2.0]), "n": torch.tensor(3)}, {"w": torch.tensor([5.0, -2.0]), "n": torch.tensor(7)}
        met = average.mean([a, b], [3.0, 1.0])
        torch.testing.assert_close(met["w"], torch.tensor([2.0, 1.0]))
        self.assertEqual(int(met["n"]), 3)
        for shares in ([1.0], [1.0, 0.0], [1.0, -1.0]):
            with self.assertRaisesRegex(ValueError, "shares"):
                average.mean([a, b], shares)
        with self.assertRaisesRegex(ValueError, "several descriptions"):
            average.mean([a, {"w": torch.zeros(3), "n": torch.tensor(0)}], [1.0, 1.0])

    @torch.no_grad()
    def test_batch_norm_is_measured(self):
        net = AttendSeg(stored.read_weights(GOLDENS[0])[0])
        pictures = [noise(1), noise(2)]
        seen = [net.stem.conv(x) for x in pictures]
        average.measure(net, iter(pictures).__next__, 2)
        self.assertFalse(net.training)
        torch.testing.assert_close(net.stem.norm.running_mean, sum(x.mean((0, 2, 3)) for x in seen) / 2)
        torch.testing.assert_close(net.stem.norm.running_var, sum(x.var((0, 2, 3)) for x in seen) / 2)

    def test_a_run_and_the_file_it_began_from(self):
        path = GOLDENS[0]
        d, _ = stored.read_weights(path)
        side = d.total_stride * -(-64 // d.total_stride)
        config = {"description": json.loads(d.to_json()), "data": "streets", "train": ["train"], "seed": 1, "batch": 2,
                  "crops": [[0, [side, side]]], "augment": {"scale": [0.8, 1.2], "rotate": 3.0, "colour": 0.2}}
        net = AttendSeg(d)
        unfold.into(net, path, lambda: noise(1), 2)
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            make_set(root / "streets", [str(i) for i in range(d.classes)], [(96, 128)] * 3, 1)
            moved = {name: t + 0.2 if name == "head.conv.bias" else t for name, t in net.state_dict().items()}
            (root / "run").mkdir()
            torch.save({"ema": moved, "config": config}, root / "run" / "float.pt")
            average.average(root / "out", [root / "run", path], [1.0, 1.0], root, 2)
            met, kept = load_float(root / "out" / "float.pt")
            self.assertEqual(kept, config)
            torch.testing.assert_close(met.head.conv.bias.data, net.head.conv.bias.data + 0.1)
            with self.assertRaisesRegex(ValueError, "run's folder first"):
                average.average(root / "other", [path], [1.0], root, 2)
            self.assertFalse((root / "other").exists())
            with self.assertRaisesRegex(ValueError, "is there already"):
                average.average(root / "out", [root / "run"], [1.0], root, 2)


if __name__ == "__main__":
    unittest.main()
