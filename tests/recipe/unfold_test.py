# SPDX-License-Identifier: Apache-2.0
"""Training from a weight file: the network with batch norm again computes what the file says, and goes on from there."""

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

import stored
import train
import unfold
from graph import lower
from network import AttendSeg
from simulate import run_float


class UnfoldTest(unittest.TestCase):
    def setUp(self):
        torch.set_num_threads(1)
        torch.manual_seed(1)

    @torch.no_grad()
    def test_scores_are_those_of_the_file(self):
        self.assertTrue(GOLDENS)
        for path in GOLDENS:
            with self.subTest(path.name):
                d, weights = stored.read_weights(path)
                net = AttendSeg(d)
                unfold.into(net, path, lambda: noise(1), 2)
                wanted = run_float(lower(d), weights, noise(2))
                self.assertLess(float((net.eval()(noise(2)) - wanted).abs().max()), 1e-3 * float(wanted.abs().max()))
                # Statistics are real ones: on the pictures that they were taken from, training computes the same.
                seen, wanted = net.train()(noise(1)), run_float(lower(d), weights, noise(1))
                self.assertLess(float((seen - wanted).abs().max()), 0.05 * float(wanted.abs().max()))

    def test_another_network_is_refused(self):
        path, other = GOLDENS[:2]
        with self.assertRaisesRegex(ValueError, "another network"):
            unfold.into(AttendSeg(stored.read_weights(other)[0]), path, lambda: noise(1), 1)

    def test_training_starts_from_a_file(self):
        path = GOLDENS[0]
        d, weights = stored.read_weights(path)
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            make_set(root / "streets", [str(i) for i in range(d.classes)], [(96, 128)] * 3, 1)
            side = d.total_stride * -(-64 // d.total_stride)
            config = {"description": json.loads(d.to_json()), "data": "streets", "train": ["train"], "seed": 1,
                      "pictures": 2, "batch": 2, "rate": 0.0, "warmup": 0, "decay": 0.5, "weight_decay": 0.0, "ema": 0.9,
                      "report": 2, "crops": [[0, [side, side]]], "start": str(path),
                      "augment": {"scale": [0.8, 1.2], "rotate": 3.0, "colour": 0.2}}
            train.train(config, root, root / "out", "cpu")
            saved = torch.load(root / "out" / "float.pt", weights_only=False)
            head = saved["net"]["head.conv.weight"]
            torch.testing.assert_close(head, weights["head"]["weight"])


if __name__ == "__main__":
    unittest.main()
