# SPDX-License-Identifier: Apache-2.0
"""Weight files: NAME.int8.safetensors and NAME.float.safetensors, each with a test vector that it must reproduce."""

from __future__ import annotations

import argparse
import json
import os
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

import oracle
import safetensors
from data import normalise
from description import Description
from graph import Node, lower
from quantise import load_float, load_quantised
from simulate import Simulated, Weights, fold, run_float

LICENSE = "Apache-2.0"


def test_picture(height: int, width: int, seed: int = 1) -> np.ndarray:
    """[H, W, 3] uint8: soft coloured shapes and noise. Made here, so that no picture of a data set is shipped."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    a, b = rng.uniform(40, 200, 3), rng.uniform(40, 200, 3)
    picture = a + (b - a) * (y / height)[..., None]
    for _ in range(7):
        cy, cx = rng.uniform(0, height), rng.uniform(0, width)
        ry, rx = rng.uniform(0.08, 0.4, 2) * (height, width)
        inside = 1 / (1 + np.exp(np.minimum(50, 8 * (((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 - 1))))
        stripes = 1 + 0.3 * np.sin(rng.uniform(0.1, 0.9) * x + rng.uniform(0.1, 0.9) * y)
        picture += inside[..., None] * (stripes[..., None] * rng.uniform(0, 255, 3) - picture)
    return np.clip(np.rint(picture + rng.normal(0, 6, picture.shape)), 0, 255).astype(np.uint8)


def test_vector(d: Description, working_size: int) -> np.ndarray:
    """The stored test picture: 64 x 96 or a little more, in multiples of the total stride, smaller for small networks."""
    up = lambda n: -(-n // d.total_stride) * d.total_stride
    side = min(96, working_size)
    return test_picture(up(side * 2 // 3), up(side))


def metadata(d: Description, precision: str, info: dict, config: dict, accuracy: dict) -> dict[str, str]:
    """What a weight file says about itself. `info` is the data set's dataset.json."""
    return {
        "format": "attendseg/1",
        "precision": precision,
        "description": d.to_json(),
        "classes": json.dumps(info["classes"]),
        "palette": json.dumps(info["palette"]),
        "working_size": str(config["working_size"]),
        "accuracy": json.dumps(accuracy),
        "license": config.get("license", LICENSE),
        "terms": config.get("terms") or "training data: " + info.get("terms", "none stated"),
        "source": config.get("source") or info.get("source", "not stated"),
    }


def check_info(d: Description, info: dict) -> None:
    if len(info["classes"]) != d.classes or len(info["palette"]) != d.classes:
        raise ValueError(f"dataset.json: {len(info['classes'])} classes, {len(info['palette'])} colours, expected {d.classes}")


def export_int8(path: pathlib.Path, sim: Simulated, d: Description, info: dict, config: dict, accuracy: dict) -> None:
    check_info(d, info)
    about = metadata(d, "int8", info, config, accuracy)
    grids = {n.name: [float(np.float32(sim.grids[n.name][0])), sim.grids[n.name][1]] for n in sim.nodes}
    about["quantisation"] = json.dumps(grids)
    tensors = sim.tensors()
    picture = test_vector(d, config["working_size"])
    mask, _, _ = oracle.run(oracle.Network(tensors, about), picture, native=True)
    safetensors.write(path, tensors | {"test.image": picture, "test.mask": mask}, about)


@torch.no_grad()
def label_float(nodes: list[Node], weights: Weights, picture: np.ndarray, d: Description, see=None):
    """@return scores [h, w, classes] float32, mask and confidence [H, W] uint8 of the float network in torch."""
    h, w = picture.shape[:2]
    multiple = d.total_stride
    padded = np.pad(picture, ((0, -h % multiple), (0, -w % multiple), (0, 0)), mode="edge")
    x = normalise(torch.from_numpy(padded.copy()).permute(2, 0, 1)[None])
    scores = run_float(nodes, weights, x, see)
    large = F.interpolate(scores, x.shape[-2:], mode="bilinear", align_corners=False)[0, :, :h, :w]
    best = large.topk(2, dim=0).values
    confidence = torch.round(255 * torch.sigmoid(best[0] - best[1])).numpy().astype(np.uint8)
    return scores[0].permute(1, 2, 0).numpy().copy(), large.argmax(0).numpy().astype(np.uint8), confidence


def half(weights: Weights) -> tuple[dict[str, np.ndarray], Weights]:
    """Tensors of a float weight file (weights F16, biases and scales F32), and the same network after that rounding."""
    tensors, rounded = {}, {}
    for name, w in weights.items():
        rounded[name] = {k: v.half().float() if k == "weight" else v for k, v in w.items()}
        for key, v in w.items():
            if not torch.isfinite(rounded[name][key]).all():
                raise ValueError(f"{name}.{key}: largest {float(v.abs().max())}, expected below 65504 (F16)")
            if key == "weight":
                tensors[f"{name}.weight"] = v.permute(0, 2, 3, 1).half().numpy()
            else:
                tensors[f"{name}.{key}"] = v.numpy()
    return tensors, rounded


def export_float(path: pathlib.Path, nodes: list[Node], weights: Weights, d: Description, info: dict, config: dict,
                 accuracy: dict) -> None:
    check_info(d, info)
    tensors, rounded = half(weights)
    picture = test_vector(d, config["working_size"])
    scores, mask, _ = label_float(nodes, rounded, picture, d)
    tensors |= {"test.image": picture, "test.mask": mask, "test.scores": scores}
    safetensors.write(path, tensors, metadata(d, "float", info, config, accuracy))


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("out", type=pathlib.Path, help="folder of a training run (float.pt, quantised.pt)")
    p.add_argument("--data", type=pathlib.Path, default=os.environ.get("ATTENDSEG_DATA"), help="folder that holds the data sets")
    p.add_argument("--to", type=pathlib.Path, help="where the weight files go (the run's folder)")
    p.add_argument("--name", help="their name (the description's)")
    p.add_argument("--accuracy", type=pathlib.Path, help='JSON {"int8": {...}, "float": {...}}, as recipe.py writes it')
    a = p.parse_args()
    if a.data is None:
        p.error("--data or ATTENDSEG_DATA must name the folder that holds the data sets")
    torch.set_num_threads(1)
    net, config = load_float(a.out / "float.pt")
    info = json.loads((a.data / config["data"] / "dataset.json").read_text())
    accuracy = json.loads(a.accuracy.read_text()) if a.accuracy else config.get("accuracy", {})
    d, to = net.description, a.to or a.out
    nodes = lower(d)
    name = a.name or d.name
    export_float(to / f"{name}.float.safetensors", nodes, fold(net, nodes), d, info, config, accuracy.get("float", {}))
    if (a.out / "quantised.pt").exists():
        sim = load_quantised(a.out / "quantised.pt", net)
        export_int8(to / f"{name}.int8.safetensors", sim, d, info, config, accuracy.get("int8", {}))


if __name__ == "__main__":
    main()
