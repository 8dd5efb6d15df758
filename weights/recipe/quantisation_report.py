# SPDX-License-Identifier: Apache-2.0
"""What 8 bits cost, layer by layer and class by class, for any pair of weight files and any data set.

  python weights/recipe/quantisation_report.py NAME.int8.safetensors --float NAME.float.safetensors \\
      --data DATA/camvid --split val --out FOLDER

writes FOLDER/quantisation.md, quantisation.png and quantisation.json. Both networks see the same pixels. The integer
network runs in torch on the file's own integers; on the first picture it is compared with oracle.py, label by label.
"""

from __future__ import annotations

import argparse
import json
import pathlib

import numpy as np
import torch

import oracle
import quantisation_figure
import quantisation_text
from layer_noise import LayerNoise
from pictures import count_labels, development_split, pairs, read_info, read_pair, spread
from progress import progress
from simulate import run_float
from stored import Stored, as_seen, label, read_float
from train import figures


def compare_with_oracle(sim: Stored, picture: np.ndarray, mask: np.ndarray, seen: dict[str, torch.Tensor]) -> dict:
    """Labels and activations in which the simulation differs from the integers that the library promises."""
    wanted, _, kept = oracle.run(sim.file, picture, keep=True)
    stored = lambda n: seen[n.name][0].permute(1, 2, 0).numpy() + sim.grids[n.name][1]
    activations = sum(int((stored(n) != kept[n.name]).sum()) for n in sim.nodes)
    labels = int((mask != wanted).sum())
    if labels or activations:
        raise RuntimeError(f"{labels} labels and {activations} activations differ from oracle.py, expected none")
    return {"labels": mask.size, "labels_differing": labels, "activations_differing": activations}


def class_rows(names: list[str], cross: np.ndarray, counts: dict[str, np.ndarray]) -> list[dict]:
    """IoU by class of one network's labels with the other's and, where there are `counts`, with the true ones."""
    number = lambda v: None if np.isnan(v) else float(v)
    rows = [{"class": name, "same_iou": number(v)} for name, v in zip(names, figures(cross)["iou"])]
    if counts:
        for row, f, q in zip(rows, figures(counts["float"])["iou"], figures(counts["int8"])["iou"]):
            row |= {"float_iou": number(f), "int8_iou": number(q), "gain": number(q - f)}
    return rows


@torch.inference_mode()
def measure(int8_file: pathlib.Path, float_file: pathlib.Path, root: pathlib.Path, split: str,
            limit: int | None) -> dict:
    """The report as data."""
    file = oracle.Network.load(int8_file)
    description, weights = read_float(float_file)
    if description != file.description:
        raise ValueError(f"{float_file}: description of {description.name!r}, expected that of {int8_file}")
    sim = Stored(file).eval()
    names, theirs = json.loads(file.metadata["classes"]), read_info(root)["classes"]
    found = spread(pairs(root, split), limit)
    noise, multiple, n = LayerNoise(sim, weights), description.total_stride, len(names)
    cross, counts = np.zeros((n, n), np.int64), {}
    if names == theirs:
        counts = {"float": np.zeros((n, n), np.int64), "int8": np.zeros((n, n), np.int64)}
    checked, reduced = None, 0
    for image, mask_file in progress(found, "pictures"):
        picture, truth = read_pair(image, mask_file, len(theirs))
        x, size = as_seen(picture, file.working_size, multiple)
        reduced += size != truth.shape
        seen: dict[str, torch.Tensor] = {}
        int8_mask = label(sim(x, seen), x, size, truth.shape)
        checked = checked or compare_with_oracle(sim, picture, int8_mask, seen)
        float_mask = label(run_float(sim.nodes, weights, x, noise.watch(seen)), x, size, truth.shape)
        cross += count_labels(float_mask, int8_mask, n)
        if counts:
            counts["float"] += count_labels(truth, float_mask, n)
            counts["int8"] += count_labels(truth, int8_mask, n)
    if counts and not counts["int8"].any():  # every pixel is ignored
        counts = {}
    overall = {key: {k: v for k, v in figures(c).items() if k != "iou"} for key, c in counts.items()}
    return {"int8_file": int8_file.name, "float_file": float_file.name, "network": description.name,
            "data": root.name, "split": split, "pictures": len(found), "pictures_reduced": reduced,
            "working_size": file.working_size, "oracle": checked,
            "labels_agree_percent": float(100 * np.trace(cross) / cross.sum()), "float": overall.get("float"),
            "int8": overall.get("int8"), "classes": class_rows(names, cross, counts), "layers": noise.rows()}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("int8", type=pathlib.Path, help="NAME.int8.safetensors")
    p.add_argument("--float", type=pathlib.Path, required=True, dest="float_file", help="NAME.float.safetensors")
    p.add_argument("--data", type=pathlib.Path, required=True, help="folder of the data set (dataset.json, ...)")
    p.add_argument("--split", type=development_split, default="val", help="not test [val]")
    p.add_argument("--limit", type=int, help="only so many pictures, evenly spaced over the split")
    p.add_argument("--note", default="", help="a remark for the report, such as: trained on these pictures")
    p.add_argument("--out", type=pathlib.Path, required=True, help="folder for the report")
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    report = measure(a.int8, a.float_file, a.data, a.split, a.limit) | {"note": a.note}
    report["conclusions"] = quantisation_text.conclusions(report)
    a.out.mkdir(parents=True, exist_ok=True)
    (a.out / "quantisation.json").write_text(json.dumps(report, indent=1, allow_nan=False) + "\n")
    quantisation_figure.draw(report, a.out / "quantisation.png")
    (a.out / "quantisation.md").write_text(quantisation_text.markdown(report))
    print("\n".join(report["conclusions"]))


if __name__ == "__main__":
    main()
