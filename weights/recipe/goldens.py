# SPDX-License-Identifier: Apache-2.0
"""Small random networks with every node's activation: what the tests of both C++ networks compare themselves with.

VARIANT.{int8,float}.safetensors are weight files; VARIANT.{int8,float}.activations.safetensors hold the tensors
"picture" [H, W, 3], one per graph node (int8 from the oracle, F32 from torch), "mask" and "confidence" [H, W].
The seed decides every byte, except for the last bits of the float activations.
"""

from __future__ import annotations

import argparse
import pathlib

import numpy as np
import torch

import oracle
import safetensors
from data import normalise
from description import Condenser, Description, Stage
from export import export_float, export_int8, half, label_float, test_picture
from graph import lower
from network import AttendSeg, ConvBlock
from quantise import calibrate
from simulate import Simulated, fold, fold_scales

SIZE = 21, 29


def variant(name: str, first: Stage, second: Stage, *more: Stage, classes=4, stem=8, decoder=(8,)) -> Description:
    return Description(name, classes, stem, (first, second, *more), decoder).check()


def variants() -> list[Description]:
    """Every option of a condenser at least once; output strides 2, 4 and 8; blocks with and without residual add."""
    plain = Stage(8, 2, 1, (1,), Condenser(channels=0))
    fine = Stage(8, 1, 1, (1,), Condenser(channels=0))
    stage = lambda width=12, stride=2, expansion=2, dilations=(1, 2), **c: Stage(
        width, stride, expansion, dilations, Condenser(**{"channels": 8, **c}))
    pointwise, grouped = {"embedding": "pointwise"}, {"embedding": "grouped", "groups": 4}
    average, bilinear = {"condense": "average"}, {"expand": "bilinear"}
    return [
        variant("max-depthwise-nearest-channel", plain, stage(dilations=(1, 4))),
        variant("average-pointwise-bilinear-layer", plain, stage(**average, **pointwise, **bilinear, scale="layer"), classes=3),
        variant("max-pointwise-bilinear-factor4-stride2", fine, stage(**pointwise, **bilinear, factor=4, expansion=1), classes=2),
        variant("max-grouped-bilinear-double-two-decoders", plain, stage(8, 2, 1, (1,), **average, **pointwise),
                stage(16, 1, 2, (1, 2), **grouped, **bilinear, double=True), decoder=(12, 8), classes=11),
        variant("average-depthwise-nearest-double-stride8", plain, stage(8, 2, 1, (1,), scale="layer"),
                stage(16, 1, 1, (2, 1), **average, double=True), decoder=(12,), classes=7),
        variant("average-pointwise-nearest-to-the-stem", plain, stage(**average, **pointwise), decoder=(12, 8), classes=5),
    ]


@torch.no_grad()
def random_network(d: Description, seed: int) -> AttendSeg:
    """Random weights whose activations neither vanish nor saturate: batch norm is set from the test pictures."""
    torch.manual_seed(seed)
    net = AttendSeg(d)
    for m in net.modules():
        if isinstance(m, ConvBlock):
            m.conv.weight.normal_(0, (2 / m.conv.weight[0].numel()) ** 0.5)
            if m.norm is not None:
                m.norm.weight.uniform_(0.6, 1.4)
                m.norm.bias.uniform_(-0.4, 0.6)
                m.norm.momentum = None  # the plain mean over what is seen
                m.norm.reset_running_stats()
    for _, block in net.blocks():
        if block.condenser is not None:
            block.condenser.scale.uniform_(1.2, 2.4)
            block.condenser.attend.norm.weight.uniform_(1.0, 3.0)
    net.head.conv.weight.normal_(0, 0.5)
    net.head.conv.bias.normal_(0, 0.5)
    net.train()
    scores = net(torch.cat(pictures(d, seed)))
    net.head.conv.bias -= scores.mean((0, 2, 3))  # so that every class wins somewhere
    return net.eval()


def pictures(d: Description, seed: int) -> list[torch.Tensor]:
    """Synthetic calibration pictures, padded sizes."""
    up = lambda n: -(-n // d.total_stride) * d.total_stride
    make = lambda s: normalise(torch.from_numpy(test_picture(up(64), up(64), s)).permute(2, 0, 1)[None])
    return [make(1000 * seed + s) for s in range(8)]


def write(d: Description, seed: int, folder: pathlib.Path) -> None:
    """The four files of a variant."""
    nodes = lower(d)
    net = random_network(d, seed)
    weights = fold(net, nodes)
    info = {"classes": [f"class{i}" for i in range(d.classes)], "terms": "none: random weights", "source": "goldens.py",
            "palette": [[37 * i % 256, 91 * i % 256, 53 * i % 256] for i in range(d.classes)]}
    config = {"working_size": 32, "terms": "none: random weights"}
    picture = test_picture(*SIZE, seed=seed)

    export_float(folder / f"{d.name}.float.safetensors", nodes, weights, d, info, config, {})
    kept: dict[str, np.ndarray] = {}
    see = lambda n, v: kept.__setitem__(n.name, v[0].permute(1, 2, 0).numpy().astype(np.float32))
    _, mask, confidence = label_float(nodes, half(weights)[1], picture, d, see)
    kept |= {"picture": picture, "mask": mask, "confidence": confidence}
    safetensors.write(folder / f"{d.name}.float.activations.safetensors", kept, {"seed": str(seed)})

    sim = Simulated(nodes, fold_scales(weights, nodes), calibrate(nodes, weights, pictures(d, seed)))
    path = folder / f"{d.name}.int8.safetensors"
    export_int8(path, sim, d, info, config, {})
    mask, confidence, kept = oracle.run(path, picture, keep=True)
    check_ranges(d, kept)
    kept |= {"picture": picture, "mask": mask, "confidence": confidence}
    safetensors.write(folder / f"{d.name}.int8.activations.safetensors", kept, {"seed": str(seed)})
    print(f"{d.name}: mask {oracle.checksum(mask):016x}, labels {np.bincount(mask.ravel(), minlength=d.classes).tolist()}")


def check_ranges(d: Description, kept: dict[str, np.ndarray]) -> None:
    """A golden whose activations vanish or saturate would let errors pass."""
    for name, q in kept.items():
        values, high = len(np.unique(q)), float((q == 127).mean())
        if values < min(16, q.size // 8) or high > 0.1:
            raise ValueError(f"{d.name}: {name}: {values} values, {100 * high:.0f} % saturated; choose another seed")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", type=pathlib.Path, help="tests/data/goldens")
    a = p.parse_args()
    torch.set_num_threads(1)
    for seed, d in enumerate(variants(), 1):
        write(d, seed, a.folder)


if __name__ == "__main__":
    main()
