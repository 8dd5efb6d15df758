# SPDX-License-Identifier: Apache-2.0
"""Float training: AdamW, warm-up, constant rate, linear decay, EMA; resumable; CPU or CUDA; torchrun."""

from __future__ import annotations

import argparse
import copy
import json
import os
import pathlib
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F

import batches
import checkpoints
import precision
import refit
import teacher
from data import Folder, normalise, padded
from description import Description
from network import AttendSeg
from pictures import count_labels
from progress import TrainingBar


def confusion(net, data: Folder, multiple: int, limit: int | None = None) -> np.ndarray:
    """[classes, classes] counts, rows truth: one pass at full size, scores enlarged bilinearly, argmax."""
    net.eval()
    total = np.zeros((data.classes, data.classes), np.int64)
    device = next(net.parameters()).device
    with torch.inference_mode():
        for i in range(min(len(data), limit or len(data))):
            h, w = data.sizes[i].tolist()
            x = padded(data.images[i : i + 1, :, :h, :w], multiple).to(device)
            scores = net(normalise(x))
            label = F.interpolate(scores.float(), x.shape[-2:], mode="bilinear", align_corners=False).argmax(1)
            total += count_labels(data.labels[i, :h, :w].cpu().numpy(), label[0, :h, :w].cpu().numpy(), data.classes)
    return total


def figures(c: np.ndarray) -> dict:
    """mIoU over the classes that occur, pixel accuracy and IoU per class, all in percent."""
    hit = np.diag(c).astype(float)
    union = c.sum(0) + c.sum(1) - hit
    iou = np.where(union > 0, 100 * hit / np.maximum(union, 1), np.nan)
    return {"miou": float(np.nanmean(iou)), "pixel_accuracy": float(100 * hit.sum() / c.sum()), "iou": iou.tolist()}


class Average:
    """Exponential moving average of weights and batch norm statistics, with a warm-up of its own."""

    def __init__(self, net, decay: float):
        self.net, self.decay, self.steps = copy.deepcopy(net).eval(), decay, 0
        # Tensors of ours and of the network, which training changes in place: floats to average, counts to copy.
        both = [list(n.state_dict().values()) for n in (self.net, net)]
        self.floats = [[t for t in tensors if t.dtype.is_floating_point] for tensors in both]
        self.counts = [[t for t in tensors if not t.dtype.is_floating_point] for tensors in both]

    @torch.no_grad()
    def update(self):
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(*self.floats, 1 - decay)
        for ours, theirs in zip(*self.counts):
            ours.copy_(theirs)


def rate(done: float, warmup: float, decay: float) -> float:
    """Share of the peak learning rate after a share `done` of the schedule."""
    if done < warmup:
        return done / warmup
    return min(1.0, max(0.0, (1 - done) / decay))


def crop_at(plan: list, done: float) -> tuple[tuple[int, int], float]:
    """Crop (height, width) and zoom, 1 if not given, of the last entry [from, [h, w], zoom] that has begun."""
    _, size, *zoom = [entry for entry in plan if done >= entry[0]][-1]
    return tuple(size), zoom[0] if zoom else 1.0


def balance_at(config: dict, done: float) -> float:
    """The exponent of the class weights, of the last entry [from, exponent] of config["balance"] that has begun; 1 without."""
    return [entry for entry in config.get("balance", [[0, 1.0]]) if done >= entry[0]][-1][1]


def build(config: dict) -> torch.nn.Module:
    """The untrained network that a configuration asks for."""
    description = Description.from_json(config["description"])
    return teacher.build(config, pretrained=True) if "network" in config else AttendSeg(description)


def groups(net: torch.nn.Module, config: dict) -> list[dict]:
    """The optimiser's parameters. Batch norm, biases and condenser scales do not decay; what a teacher brings along trained
    learns at a `share` of the rate, config["pretrained_rate"] (1 if not given)."""
    found = []
    for pretrained in (False, True):
        mine = [p for name, p in net.named_parameters() if name.startswith(getattr(net, "pretrained", ())) == pretrained]
        share = config.get("pretrained_rate", 1.0) if pretrained else 1.0
        for decays in (True, False):
            chosen = [p for p in mine if (p.ndim > 1) == decays]
            if chosen:
                found.append({"params": chosen, "weight_decay": config["weight_decay"] if decays else 0.0, "share": share})
    return found


def of_length(config: dict, pictures: int) -> dict:
    """What changes when a configuration is trained for so many picture-steps: at most a tenth of them is warm-up."""
    return {"pictures": pictures, "warmup": min(config["warmup"], max(1, pictures // config["batch"] // 10))}


def train(config: dict, data_root: pathlib.Path, out: pathlib.Path, device: str, seconds: float | None = None,
          on_report: Callable[[dict], bool] | None = None) -> list[dict]:
    """Trains until config["pictures"] picture-steps are done, or `seconds` are over (resume by calling again).

    @param on_report  of a single process: called with each entry of the log; True ends the run there
    @return the log: pictures, loss, and of config["validate"] miou and pixel_accuracy in percent
    """
    world, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    if world > 1:
        dist.init_process_group("nccl" if device == "cuda" else "gloo")
        if device == "cuda":
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
    torch.manual_seed(config["seed"])
    batch, pictures = config["batch"], config["pictures"]  # of all processes together
    source = batches.Batches(config, data_root, device, rank, world)
    held_out = Folder(data_root / config["data"], config["validate"]) if config.get("validate") else None
    net = build(config).to(device, memory_format=torch.channels_last)
    for _, crop, *_ in config["crops"]:
        if any(side % net.total_stride for side in crop):
            raise ValueError(f"crops: {crop}, expected multiples of {net.total_stride}, the network's total stride")
    rng = torch.Generator().manual_seed(config["seed"] + 1000 * rank)
    step, seen, skipped, log = 0, 0, 0, []  # seen: picture-steps done
    checkpoint = out / "float.pt"
    if "start" in config and not checkpoint.exists():
        refit.begin(net, config["start"], lambda: source.next(*crop_at(config["crops"], 0), rng)[0])
    ema = Average(net, config["ema"])
    optimiser = torch.optim.AdamW(groups(net, config), lr=config["rate"], fused=True)
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device, weights_only=False)
        net.load_state_dict(saved["net"])
        ema.net.load_state_dict(saved["ema"])
        ema.steps = saved["ema_steps"]
        optimiser.load_state_dict(saved["optimiser"])
        step, seen, log = saved["step"], saved["pictures"], saved["log"]
        rng.manual_seed(config["seed"] + 1000 * rank + 7919 * (step + 1))
    first = step
    model = torch.nn.parallel.DistributedDataParallel(net) if world > 1 else net
    warmup = config["warmup"] * batch / pictures
    began, saved_at, loss_sum, loss_count = time.time(), time.time(), 0.0, 0

    def save():
        if rank == 0:
            state = {"net": net.state_dict(), "ema": ema.net.state_dict(), "ema_steps": ema.steps, "log": log,
                     "optimiser": optimiser.state_dict(), "step": step, "pictures": seen, "config": config}
            checkpoints.save(state, checkpoint)

    bar = TrainingBar(pictures, seen)
    while seen < pictures and (seconds is None or time.time() - began < seconds):
        done = seen / pictures
        for group in optimiser.param_groups:
            group["lr"] = group.get("share", 1.0) * config["rate"] * rate(done, warmup, config["decay"])
        x, parts = source.next(*crop_at(config["crops"], done), rng)
        model.train()
        with precision.autocast(device):
            scores = model(x.contiguous(memory_format=torch.channels_last))
        loss = batches.loss(scores, parts, source.class_weights ** balance_at(config, done), config.get("jaccard", 0.0))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        # One gradient that is not finite would end the run; such a step is left out and counted.
        if torch.isfinite(torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)):
            optimiser.step()
            ema.update()
        else:
            skipped += 1
        step, seen = step + 1, seen + batch
        loss_sum, loss_count = loss_sum + loss.item(), loss_count + 1
        if rank == 0:
            bar.show(seen, loss_sum / loss_count)
        if seen // config["report"] > (seen - batch) // config["report"] or seen >= pictures:
            entry = {"pictures": seen, "loss": loss_sum / loss_count, "skipped": skipped}
            loss_sum, loss_count = 0.0, 0
            if held_out is not None and rank == 0:
                entry |= {k: v for k, v in figures(confusion(ema.net, held_out, net.total_stride)).items() if k != "iou"}
            log.append(entry)
            if rank == 0:
                print("\n" + json.dumps(entry), file=sys.stderr)
            if on_report is not None and on_report(entry):
                break
        if time.time() - saved_at > 120:
            save()
            saved_at = time.time()
    if step > first or not checkpoint.exists():  # a finished run stays as it is, with what was added to it since
        save()
    if rank == 0:
        print(file=sys.stderr)
    if world > 1:
        dist.destroy_process_group()
    return log


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("config", type=pathlib.Path, help="JSON: description, data, splits, schedule (see camvid.json)")
    p.add_argument("--data", type=pathlib.Path, default=os.environ.get("ATTENDSEG_DATA"), help="folder that holds the data sets")
    p.add_argument("--out", type=pathlib.Path, required=True, help="folder for checkpoints")
    p.add_argument("--pictures", type=int, help="picture-steps, instead of the configuration's")
    p.add_argument("--soft-labels", type=pathlib.Path, help="folder of soft_labels.py, where the configuration distils")
    p.add_argument("--seconds", type=float, help="stop (resumably) after so long")
    p.add_argument("--threads", type=int)
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    a = p.parse_args()
    if a.data is None:
        p.error("--data or ATTENDSEG_DATA must name the folder that holds the data sets")
    if a.threads:
        torch.set_num_threads(a.threads)
    config = json.loads(a.config.read_text())
    if a.pictures:
        config |= of_length(config, a.pictures)
    if "distil" in config:
        if a.soft_labels is None:
            p.error("distil: the configuration learns from a teacher; give --soft-labels (soft_labels.py makes them)")
        config["distil"]["labels"] = str(a.soft_labels.resolve())
    train(config, a.data, a.out, a.device, a.seconds)


if __name__ == "__main__":
    main()
