# SPDX-License-Identifier: Apache-2.0
"""What trained teachers say of every pixel, kept in files, so that students do not wait for them at every step.

Probabilities are a mean over teachers, scales and mirror images, at half the picture's resolution, in bytes (data.py,
Folder.soft). At which scales a teacher is asked, its configuration says: "asked": {data set: [scales]}, else SCALES.
"""

from __future__ import annotations

import argparse
import os
import pathlib

import torch
import torch.nn.functional as F

import checkpoints
import precision
import teacher
from data import SOFT_STEP, SOFT_STRIDE, Folder, normalise, padded
from pictures import is_test
from progress import progress


@torch.inference_mode()
def predict(net: torch.nn.Module, picture: torch.Tensor, scales: list[float]) -> torch.Tensor:
    """[C, ceil(H/2), ceil(W/2)] probabilities of one picture [1, 3, H, W] uint8."""
    h, w = picture.shape[-2:]
    half = (-(-h // SOFT_STRIDE), -(-w // SOFT_STRIDE))
    total = 0
    for scale in scales:
        size = (round(h * scale), round(w * scale))
        x = picture.float()
        if scale != 1:
            x = F.interpolate(x, size, mode="bilinear", align_corners=False, antialias=scale < 1)
        x = normalise(padded(x, net.total_stride)).contiguous(memory_format=torch.channels_last)
        for mirrored in (False, True):
            with precision.autocast(x.device.type):
                scores = net(x.flip(3) if mirrored else x)
            scores = (scores.flip(3) if mirrored else scores).float()
            scores = F.interpolate(scores, x.shape[-2:], mode="bilinear", align_corners=False)[..., : size[0], : size[1]]
            total = total + F.interpolate(scores.softmax(1), half, mode="area")
    return total[0] / (2 * len(scales))


SCALES = [1.0, 1.5]


def asked(config: dict, name: str) -> list[float]:
    """The scales at which a teacher of this configuration is asked about a data set's pictures."""
    return config.get("asked", {}).get(pathlib.Path(name).name, SCALES)


def write(runs: list[pathlib.Path], data_root: pathlib.Path, name: str, split: str, to: pathlib.Path, device: str,
          scales: dict | None = None) -> pathlib.Path:
    """The soft labels of DATA/name/split by the teachers `runs` (teacher.load), written to `to`/name-split.pt unless they are
    there. @param scales  {data set: scales} at which teachers are asked whose configuration is not known"""
    path = to / f"{pathlib.Path(name).name}-{split}.pt"
    if path.exists():
        return path
    loaded = [teacher.load(run, device) for run in runs]
    teachers = [(net, asked(config or {"asked": scales or {}}, name)) for net, config in loaded]
    data = Folder(data_root / name, [split])
    height, width = (-(-side // SOFT_STRIDE) for side in data.images.shape[-2:])
    soft: torch.Tensor | None = None
    for i in progress(range(len(data)), f"soft labels of {name}/{split}"):
        h, w = data.sizes[i].tolist()
        picture = data.images[i : i + 1, :, :h, :w].to(device)
        p = sum(predict(net, picture, scales) for net, scales in teachers) / len(teachers)
        if soft is None:
            soft = torch.zeros(len(data), len(p), height, width, dtype=torch.uint8)
        soft[i, :, : p.shape[1], : p.shape[2]] = (p / SOFT_STEP).round().to(torch.uint8).cpu()
    return checkpoints.save(soft, path)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("teacher", type=pathlib.Path, help="folder of the teacher's training run (float.pt), or a float weight file")
    p.add_argument("--and", dest="others", type=pathlib.Path, action="append", default=[], metavar="TEACHER",
                   help="another teacher; the labels are the mean of all (may be repeated)")
    p.add_argument("sets", nargs="+", help="data sets and splits: camvid/train")
    p.add_argument("--data", type=pathlib.Path, default=os.environ.get("ATTENDSEG_DATA"), help="folder that holds the data sets")
    p.add_argument("--out", type=pathlib.Path, required=True, help="folder for the soft labels")
    p.add_argument("--threads", type=int)
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    a = p.parse_args()
    if a.data is None:
        p.error("--data or ATTENDSEG_DATA must name the folder that holds the data sets")
    if a.threads:
        torch.set_num_threads(a.threads)
    for each in a.sets:
        name, slash, split = each.rpartition("/")
        if not slash:
            p.error(f"sets: {each}, expected SET/SPLIT as in camvid/train")
        if is_test(split):
            p.error(f"sets: {each}, expected a split that is not for the final measure")
        print(write([a.teacher, *a.others], a.data, name, split, a.out, a.device))


if __name__ == "__main__":
    main()
