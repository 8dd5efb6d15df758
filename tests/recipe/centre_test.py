# SPDX-License-Identifier: Apache-2.0
"""Centred networks: the same scores, no constants between the blocks, and fewer labels lost to 8 bits."""

import copy
import pathlib
import sys
import unittest

try:
    import torch

    from small_networks import GOLDENS, noise
except ImportError as missing:
    raise unittest.SkipTest(f"needs {missing.name}")

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "weights" / "recipe"))

import quantise
import stored
from centre import centre, rectified_mean
from graph import lower
from network import AttendSeg
from simulate import Simulated, fold, fold_scales


@torch.no_grad()
def network(path: pathlib.Path, drift: float) -> AttendSeg:
    """A random network with the statistics of noise(1), whose projections have biases of some `drift` in size."""
    torch.manual_seed(3)
    net = AttendSeg(stored.read_weights(path)[0])
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # of all batches that are seen
            module.weight.uniform_(0.5, 1.5)
            module.bias.uniform_(-0.5, 0.5)
    for _, block in net.blocks():
        block.project.norm.bias.normal_(0, drift)
    net.train()(noise(1))
    return net.eval()


class CentreTest(unittest.TestCase):
    def setUp(self):
        torch.set_num_threads(1)

    @torch.no_grad()
    def test_scores_stay(self):
        self.assertTrue(GOLDENS)
        for path in GOLDENS:
            with self.subTest(path.name):
                net = network(path, 10.0)
                wanted = net(noise(2))
                met = centre(copy.deepcopy(net))(noise(2))
                self.assertLess(float((met - wanted).abs().max()), 1e-4 * float(wanted.abs().max()))

    @torch.no_grad()
    def test_blocks_end_in_means_of_zero(self):
        for path in GOLDENS:
            with self.subTest(path.name):
                net = network(path, 10.0)
                means = {}
                for name, block in net.blocks():
                    block.register_forward_hook(lambda _, x, y, name=name: means.__setitem__(name, y.mean((0, 2, 3)).abs().max()))
                net(noise(1))
                self.assertGreater(float(max(means.values())), 5.0)
                centre(net)(noise(1))
                # The stem's mean, which a first block without a stride adds, is one of a normal distribution: not exact.
                self.assertLess(float(max(means.values())), 0.2)

    def test_once_is_enough(self):
        for path in GOLDENS:
            once = centre(network(path, 10.0))
            twice = centre(copy.deepcopy(once))
            for (name, a), b in zip(once.state_dict().items(), twice.state_dict().values()):
                self.assertEqual(a.numpy().tobytes(), b.numpy().tobytes(), f"{path.name}: {name}")

    @torch.no_grad()
    def test_mean_behind_a_relu(self):
        norm = torch.nn.BatchNorm2d(4)
        norm.weight.copy_(torch.tensor([1.0, -2.0, 0.5, 0.0]))
        norm.bias.copy_(torch.tensor([0.3, -1.0, 2.0, 1.0]))
        x = torch.randn(200_000, 4, 1, 1, generator=torch.Generator().manual_seed(1))
        wanted = norm.eval()(x).relu().mean((0, 2, 3))
        self.assertLess(float((rectified_mean(norm) - wanted).abs().max()), 0.01)

    @torch.no_grad()
    def test_eight_bits_cost_less(self):
        path = GOLDENS[0]

        def error(net: AttendSeg) -> float:
            nodes = lower(net.description)
            weights = fold(net, nodes)
            sim = Simulated(nodes, fold_scales(weights, nodes), quantise.calibrate(nodes, weights, [noise(1)]))
            x = (noise(2) * 64).round() / 64
            return float((sim(x) - net(x)).square().mean().sqrt())

        drifted = network(path, 20.0)  # as far as in a road network after a million picture-steps
        before, after = error(drifted), error(centre(drifted))
        self.assertLess(after, 0.5 * before)


if __name__ == "__main__":
    unittest.main()
