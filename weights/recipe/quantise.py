# SPDX-License-Identifier: Apache-2.0
"""From a float checkpoint to integers: centre, fold, calibrate, fine-tune on the integer grid, compare with the oracle."""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import os
import pathlib
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

import batches
import checkpoints
import oracle
from centre import centre
from data import Folder, normalise, padded
from description import Description
from graph import Node, lower
from network import LOGIT_STEP, AttendSeg
from progress import TrainingBar
from simulate import Grid, Simulated, Weights, attend_names, fold, fold_scales, run_float
from train import Average, balance_at, confusion, crop_at, figures

DEFAULTS = {"pictures": 3000, "batch": 8, "rate": 1e-3, "ema": 0.98, "distil": 1.0, "calibrate": 48}


def load_float(checkpoint: pathlib.Path) -> tuple[AttendSeg, dict]:
    """The averaged network of a training run, centred, and the run's configuration."""
    saved = torch.load(checkpoint, map_location="cpu", weights_only=False)
    net = AttendSeg(Description.from_json(saved["config"]["description"]))
    net.load_state_dict(saved["ema"])
    return centre(net).eval(), saved["config"]


def made_of(net: torch.nn.Module, options: dict) -> str:
    """Tells networks by their values, and what is done with them, apart."""
    digest = hashlib.sha256(json.dumps(options, sort_keys=True).encode())
    for name, tensor in net.state_dict().items():
        digest.update(name.encode() + tensor.detach().contiguous().numpy().tobytes())
    return digest.hexdigest()


def whole(data: Folder, i: int, multiple: int) -> torch.Tensor:
    """Picture i of a folder as the network sees it: padded and normalised, [1, 3, H, W]."""
    h, w = data.sizes[i].tolist()
    return normalise(padded(data.images[i : i + 1, :, :h, :w], multiple)).contiguous(memory_format=torch.channels_last)


def best_grid(x: torch.Tensor, low: float, high: float, relu: bool) -> Grid:
    """Scale and zero point with the least squared error on the values x, over clippings of the range [low, high]."""
    low, high = min(0.0, low), max(high, 1e-3)
    best, grid = float("inf"), (high / 255, -128)
    for share in torch.linspace(1.0, 0.3, 36).tolist():
        scale = float(np.float32((high if relu else high - low) * share / 255))
        zero = -128 if relu else max(-128, min(127, round(-128 - low * share / scale)))
        q = (x / scale).round_().clamp_(-128 - zero, 127 - zero)
        error = float(q.mul_(scale).sub_(x).square_().mean())
        if error < best:
            best, grid = error, (scale, zero)
    return grid


@torch.no_grad()
def calibrate(nodes: list[Node], weights: Weights, pictures: list[torch.Tensor], samples: int = 4096) -> dict[str, Grid]:
    """Grids of all convolutions and sums, from the float network's activations on some training pictures."""
    rng = torch.Generator().manual_seed(0)
    seen: dict[str, list] = {}
    logits = attend_names(nodes)

    def see(n: Node, v: torch.Tensor):
        if n.op not in ("conv", "add") or n.name in logits:
            return
        entry = seen.setdefault(n.name, [float("inf"), float("-inf"), []])
        entry[0], entry[1] = min(entry[0], float(v.min())), max(entry[1], float(v.max()))
        entry[2].append(v.permute(0, 2, 3, 1).reshape(-1)[torch.randint(0, v.numel(), (samples,), generator=rng)])

    for x in pictures:
        run_float(nodes, weights, x, see)
    relu = {n.name: n.relu for n in nodes}
    grids = {name: best_grid(torch.cat(values), low, high, relu[name]) for name, (low, high, values) in seen.items()}
    return grids | {name: (LOGIT_STEP, 0) for name in logits}


def start(net: AttendSeg, data: Folder, config: dict) -> Simulated:
    """The calibrated integer network, not yet fine-tuned."""
    nodes = lower(net.description)
    weights = fold(net, nodes)
    rng = torch.Generator().manual_seed(config["seed"])
    count = config["quantised"]["calibrate"]
    index = torch.randperm(len(data), generator=rng)[:count].tolist()
    pictures = [whole(data, i, net.description.total_stride) for i in index]
    return Simulated(nodes, fold_scales(weights, nodes), calibrate(nodes, weights, pictures))


def fine_tune(net: AttendSeg, source: batches.Batches, config: dict, out: pathlib.Path,
              seconds: float | None = None) -> Simulated | None:
    """Trains the integer network on the float one's batches, and on its scores; None when `seconds` ran out before the end."""
    o = config["quantised"]
    if o["distil"] < 0:
        raise ValueError(f"quantised.distil: {o['distil']}, expected 0 or more")
    torch.manual_seed(config["seed"])
    rng = torch.Generator().manual_seed(config["seed"])
    checkpoint, made = out / "quantised.pt", made_of(net, o)
    step, log, saved = 0, [], None
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location="cpu", weights_only=False)
        if saved.get("made_of") != made:
            print(f"{checkpoint}: of another float network or other options; starting again", file=sys.stderr)
            saved = None
    if saved is not None:
        nodes = lower(net.description)
        sim = Simulated(nodes, fold_scales(fold(net, nodes), nodes), saved["grids"])
        sim.load_state_dict(saved["net"])
    else:
        sim = start(net, source.data, config)
    ema = Average(sim, o["ema"])
    optimiser = torch.optim.Adam(sim.parameters(), lr=o["rate"], fused=True)
    if saved is not None:
        ema.net.load_state_dict(saved["ema"])
        ema.steps, step, log = saved["ema_steps"], saved["step"], saved["log"]
        optimiser.load_state_dict(saved["optimiser"])
        rng.manual_seed(config["seed"] + 7919 * (step + 1))
    batch, (crop, zoom) = o["batch"], crop_at(config["crops"], 1.0)
    weights = source.class_weights ** balance_at(config, 1.0)
    last = o["pictures"] // batch
    began, saved_at, total, count = time.time(), time.time(), 0.0, 0
    bar = TrainingBar(last * batch, step * batch, "quantised: ")

    def save():
        state = {"net": sim.state_dict(), "ema": ema.net.state_dict(), "ema_steps": ema.steps, "grids": sim.grids,
                 "optimiser": optimiser.state_dict(), "step": step, "log": log, "config": config, "made_of": made}
        checkpoints.save(state, checkpoint)

    sim.train()
    while step < last and (seconds is None or time.time() - began < seconds):
        for group in optimiser.param_groups:
            group["lr"] = o["rate"] * min(1.0, (step + 1) / 20) * (1 - step / last)
        x, parts = source.next(crop, zoom, rng)
        x = x.contiguous(memory_format=torch.channels_last)
        x = ((x * 64).round() / 64)  # what pixels can be
        with torch.no_grad():
            teacher = net(x).softmax(1)
        scores = sim(x)
        loss = batches.loss(scores, parts, weights, config.get("jaccard", 0.0))
        if o["distil"]:
            loss = loss + o["distil"] * F.kl_div(scores.log_softmax(1), teacher, reduction="none").sum(1).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(sim.parameters(), 5.0)
        optimiser.step()
        ema.update()
        step, total, count = step + 1, total + loss.item(), count + 1
        bar.show(step * batch, total / count)
        if step % max(1, last // 10) == 0:
            log.append({"pictures": step * batch, "loss": total / count})
            total, count = 0.0, 0
        if time.time() - saved_at > 60:
            save()
            saved_at = time.time()
    save()
    print(file=sys.stderr)
    return ema.net if step >= last else None


def load_quantised(checkpoint: pathlib.Path, net: AttendSeg) -> Simulated:
    """The averaged integer network of a finished fine_tune() of `net`."""
    saved = torch.load(checkpoint, map_location="cpu", weights_only=False)
    options = saved["config"]["quantised"]
    if saved.get("made_of") != made_of(net, options):
        raise ValueError(f"{checkpoint}: of another float network than the one beside it; run quantise.py again")
    last = options["pictures"] // options["batch"]
    if saved["step"] < last:
        raise ValueError(f"{checkpoint}: {saved['step']} steps, expected {last}; run quantise.py to go on")
    nodes = lower(net.description)
    sim = Simulated(nodes, fold_scales(fold(net, nodes), nodes), saved["grids"])
    sim.load_state_dict(saved["ema"])
    return sim.eval()


def oracle_network(sim: Simulated, description: Description, working_size: int) -> oracle.Network:
    """The integer tensors of a simulated network, as the oracle reads them from a file."""
    metadata = {"format": "attendseg/1", "precision": "int8", "description": description.to_json(),
                "working_size": str(working_size)}
    return oracle.Network(sim.tensors(), metadata)


@torch.no_grad()
def compare(sim: Simulated, net: AttendSeg, data: Folder, pictures: int = 4) -> dict:
    """How often the float32 simulation differs from the oracle's integers, on the first training pictures."""
    integers = oracle_network(sim, net.description, 1 << 20)
    worst, differing, values, labels, pixels = 0, 0, 0, 0, 0
    for i in range(min(pictures, len(data))):
        h, w = data.sizes[i].tolist()
        picture = data.images[i, :, :h, :w].permute(1, 2, 0).numpy()
        mask, _, kept = oracle.run(integers, picture, native=True, keep=True)
        seen = {}
        simulated, x = copy.copy(sim), whole(data, i, net.description.total_stride)
        simulated.raw = True
        scores = simulated(x, seen)
        for n in sim.nodes:
            ours = seen[n.name][0].permute(1, 2, 0).numpy() + sim.grids[n.name][1]
            difference = np.abs(ours - kept[n.name])
            worst = max(worst, int(difference.max()))
            differing, values = differing + int((difference > 0).sum()), values + difference.size
        label = F.interpolate(scores, x.shape[-2:], mode="bilinear", align_corners=False).argmax(1)[0, :h, :w].numpy()
        labels, pixels = labels + int((label != mask).sum()), pixels + mask.size
    return {"labels": labels / pixels, "activations": differing / values, "largest": worst}


class Raw(torch.nn.Module):
    """Integer scores of a simulated network: what its labels are decided on."""

    def __init__(self, sim: Simulated):
        super().__init__()
        self.sim = copy.copy(sim)
        self.sim.raw = True

    def forward(self, x):
        return self.sim(x)


@torch.no_grad()
def collapsed(sim: Simulated, net: AttendSeg, data: Folder, pictures: int = 64) -> float:
    """Share of pictures in which the integer network sees a single class and the float network does not."""
    step = max(1, len(data) // pictures)
    bad = [
        len(Raw(sim)(x).argmax(1).unique()) == 1 and len(net(x).argmax(1).unique()) > 1
        for x in (whole(data, i, net.description.total_stride) for i in range(0, len(data), step))
    ]
    return sum(bad) / len(bad)


def report(sim: Simulated, net: AttendSeg, data: Folder, limit: int | None) -> dict:
    """Differences to the oracle, collapse check and figures of both networks on the training pictures."""
    multiple = net.description.total_stride
    short = lambda c: {k: round(v, 2) for k, v in figures(c).items() if k != "iou"}
    result = {"simulation_vs_oracle": compare(sim, net, data), "collapsed": collapsed(sim, net, data),
              "float_on_train": short(confusion(net, data, multiple, limit)),
              "int8_on_train": short(confusion(Raw(sim), data, multiple, limit))}
    if result["collapsed"]:
        raise RuntimeError(f"the integer network sees one class where the float network sees more: {result}")
    return result


def quantise(out: pathlib.Path, data_root: pathlib.Path, options: dict | None = None, seconds: float | None = None):
    """out/float.pt to out/quantised.pt.

    @return the integer network (None: call again), the float network, its training pictures
    """
    net, config = load_float(out / "float.pt")
    config["quantised"] = DEFAULTS | config.get("quantised", {}) | (options or {})
    source = batches.Batches(config | {"batch": config["quantised"]["batch"]}, data_root, "cpu")
    return fine_tune(net, source, config, out, seconds), net, source.data


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("out", type=pathlib.Path, help="folder of a finished training run (float.pt)")
    p.add_argument("--data", type=pathlib.Path, default=os.environ.get("ATTENDSEG_DATA"), help="folder that holds the data sets")
    p.add_argument("--pictures", type=int, help="picture-steps, instead of the configuration's")
    p.add_argument("--rate", type=float)
    p.add_argument("--seconds", type=float, help="stop (resumably) after so long")
    p.add_argument("--limit", type=int, default=100, help="training pictures to measure on")
    p.add_argument("--threads", type=int)
    a = p.parse_args()
    if a.data is None:
        p.error("--data or ATTENDSEG_DATA must name the folder that holds the data sets")
    if a.threads:
        torch.set_num_threads(a.threads)
    options = {k: v for k, v in (("pictures", a.pictures), ("rate", a.rate)) if v is not None}
    sim, net, data = quantise(a.out, a.data, options, a.seconds)
    if sim is not None:
        print(json.dumps(report(sim, net, data, a.limit), indent=1))


if __name__ == "__main__":
    main()
