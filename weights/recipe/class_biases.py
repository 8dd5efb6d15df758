# SPDX-License-Identifier: Apache-2.0
"""The last thing that is learned: one bias a class, so that the labels of the training pictures have the best mIoU.

A loss with class weights makes rare classes too large, one without makes them too small; mIoU wants neither. Moving the
boundaries between classes costs nothing when the network runs (docs/decisions/0012; logit adjustment, Menon et al. 2021).
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib

import torch
import torch.nn.functional as F

import checkpoints
from data import IGNORE, Folder
from pictures import spread
from quantise import load_float, load_quantised, made_of, whole
from train import figures

PIXELS = 2  # of each picture, every second one in both directions
LEAST_GAIN = 0.01  # points of mIoU for which a bias is moved


def mean_iou(scores: torch.Tensor, labels: torch.Tensor, biases: torch.Tensor) -> float:
    """Of scores [n, classes] with biases [classes], in percent."""
    classes = len(biases)
    met = (scores + biases).argmax(1)
    return figures(torch.bincount(labels * classes + met, minlength=classes**2).view(classes, classes).numpy())["miou"]


def best_biases(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """[classes], at most 0: found class by class, in steps that become smaller. @param scores [n, classes], labels [n]"""
    biases = torch.zeros(scores.shape[1])
    best = mean_iou(scores, labels, biases)
    for step in (0.8, 0.4, 0.2, 0.1):
        for k in range(len(biases)):
            for direction in (-step, step):
                while abs(biases[k] + direction) < 4:
                    moved = biases.clone()
                    moved[k] += direction
                    met = mean_iou(scores, labels, moved)
                    if met < best + LEAST_GAIN:
                        break
                    biases, best = moved, met
    return biases - biases.max()  # a common shift changes no label; downwards nothing saturates


@torch.no_grad()
def fit(net: torch.nn.Module, data: Folder, limit: int = 100) -> tuple[torch.Tensor, float, float]:
    """Biases of the classes on up to `limit` pictures, evenly spaced. @return them, mIoU before and after in percent"""
    scores, labels = [], []
    for i in spread(list(range(len(data))), limit):
        h, w = data.sizes[i].tolist()
        x = whole(data, i, net.total_stride)
        large = F.interpolate(net(x), x.shape[-2:], mode="bilinear", align_corners=False)[0, :, :h:PIXELS, :w:PIXELS]
        y = data.labels[i, :h:PIXELS, :w:PIXELS]
        known = y != IGNORE
        scores.append(large.permute(1, 2, 0)[known])
        labels.append(y[known].long())
    scores, labels = torch.cat(scores), torch.cat(labels)
    biases = best_biases(scores, labels)
    return biases, mean_iou(scores, labels, torch.zeros_like(biases)), mean_iou(scores, labels, biases)


def apply(out: pathlib.Path, data_root: pathlib.Path) -> dict:
    """Gives both networks of a finished run their biases, unless they have them.

    @param out  holds float.pt and quantised.pt
    @return {"biases": {class: bias}, "before", "after"}: mIoU of the float network on training pictures, in percent
    """
    saved = torch.load(out / "float.pt", map_location="cpu", weights_only=False)
    if "class_biases" in saved:
        return saved["class_biases"]
    net, config = load_float(out / "float.pt")
    sim = load_quantised(out / "quantised.pt", net)
    data = Folder(data_root / config["data"], config["train"], limits=config.get("limits"))
    biases, before, after = fit(net, data)
    net.head.conv.bias.data += biases
    saved["ema"] = net.state_dict()
    integers = torch.load(out / "quantised.pt", map_location="cpu", weights_only=False)
    integers["ema"]["biases.head"] += biases / (128 * sim.grids["head"][0])
    integers["made_of"] = made_of(net, integers["config"]["quantised"])
    saved["class_biases"] = {
        "biases": dict(zip(data.info["classes"], (round(v, 3) for v in biases.tolist()))), "before": before, "after": after
    }
    checkpoints.save(integers, out / "quantised.pt")
    checkpoints.save(saved, out / "float.pt")
    return saved["class_biases"]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("out", type=pathlib.Path, help="folder of a training run (float.pt, quantised.pt)")
    p.add_argument("--data", type=pathlib.Path, default=os.environ.get("ATTENDSEG_DATA"), help="folder that holds the data sets")
    a = p.parse_args()
    if a.data is None:
        p.error("--data or ATTENDSEG_DATA must name the folder that holds the data sets")
    print(json.dumps(apply(a.out, a.data), indent=1))


if __name__ == "__main__":
    main()
