# SPDX-License-Identifier: Apache-2.0
"""The mean of several trained networks' weights, which often labels unknown pictures better than each of them.

  python weights/recipe/average.py OUT RUN RUN ... [--shares 2 1 ...] --data DATA

A RUN is a folder of a training run or the float weight file that it began from ("start"). They have to begin from one network
and not go far: then the loss is low on the way from one to the other, and a mean takes out the noise of their last steps (model
soups, Wortsman et al. 2022; with the start: WiSE-FT, of the same authors). Batch norm is measured again. quantise.py OUT goes on from there.
"""

from __future__ import annotations

import argparse
import os
import pathlib
from collections.abc import Callable

import torch

import batches
import checkpoints
import refit
from description import Description
from network import AttendSeg
from train import crop_at

State = dict[str, torch.Tensor]
FITTED_ON = 160  # pictures, where a weight file holds another description


def mean(states: list[State], shares: list[float]) -> State:
    """Weighted mean of each tensor of floats; the others are the first network's. @param shares any positive numbers"""
    if len(shares) != len(states) or min(shares) <= 0:
        raise ValueError(f"shares: {shares}, expected a positive number for each of {len(states)} networks")
    shapes = [{name: tensor.shape for name, tensor in state.items()} for state in states]
    if any(s != shapes[0] for s in shapes):
        raise ValueError("networks of several descriptions have no mean")
    return {name: sum(share * s[name].double() for share, s in zip(shares, states)).div(sum(shares)).to(first.dtype)
            if first.is_floating_point() else first for name, first in states[0].items()}


@torch.no_grad()
def measure(net: AttendSeg, batch: Callable[[], torch.Tensor], batches: int) -> None:
    """Gives every batch norm of `net` the mean statistics of `batches` batches. @param batch as training sees it, [N, 3, H, W]"""
    for norm in (m for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean of all batches
    net.train()
    for _ in range(batches):
        net(batch())
    net.eval()


def average(out: pathlib.Path, runs: list[pathlib.Path], shares: list[float], data_root: pathlib.Path, count: int = 40) -> None:
    """OUT/float.pt: the mean of the runs' averaged weights, with the first run's configuration.

    @param runs  folders, at least the first one, or float weight files of the same or another description
    @param count batches of the last crops, that batch norm is measured on
    """
    if (out / "float.pt").exists():
        raise ValueError(f"{out}/float.pt: is there already")
    saved = [None if run.suffix == ".safetensors" else torch.load(run / "float.pt", map_location="cpu", weights_only=False)
             for run in runs]
    if saved[0] is None:
        raise ValueError(f"{runs[0]}: a weight file, expected a run's folder first, whose configuration is taken")
    config = saved[0]["config"]
    net = AttendSeg(Description.from_json(config["description"]))
    source = batches.Batches(config, data_root, "cpu")
    rng = torch.Generator().manual_seed(config["seed"])
    batch = lambda: source.next(*crop_at(config["crops"], 1.0), rng)[0]

    def begun(path: pathlib.Path) -> State:
        start = AttendSeg(net.description)
        refit.begin(start, path, batch, FITTED_ON)
        return start.state_dict()

    net.load_state_dict(mean([s["ema"] if s else begun(run) for run, s in zip(runs, saved)], shares))
    measure(net, batch, count)
    out.mkdir(parents=True, exist_ok=True)
    checkpoints.save({"net": net.state_dict(), "ema": net.state_dict(), "config": config, "log": saved[0].get("log", [])},
                     out / "float.pt")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("out", type=pathlib.Path, help="folder for the mean (float.pt)")
    p.add_argument("runs", type=pathlib.Path, nargs="+", help="folders of training runs (float.pt), the first one at least, or float weight files")
    p.add_argument("--shares", type=float, nargs="+", help="of the runs in the mean; equal if left out")
    p.add_argument("--data", type=pathlib.Path, default=os.environ.get("ATTENDSEG_DATA"), help="folder that holds the data sets")
    a = p.parse_args()
    if a.data is None:
        p.error("--data or ATTENDSEG_DATA must name the folder that holds the data sets")
    try:
        average(a.out, a.runs, a.shares or [1.0] * len(a.runs), a.data)
    except (ValueError, FileNotFoundError) as wrong:
        p.exit(1, f"{wrong}\n")


if __name__ == "__main__":
    main()
