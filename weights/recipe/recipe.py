# SPDX-License-Identifier: Apache-2.0
"""The whole way from a folder of pictures and masks to weight files, in one resumable command.

  python weights/recipe/recipe.py weights/recipe/camvid.json --data DATA --out OUT
  python weights/recipe/recipe.py --folder MY_DATA --out OUT        # your own classes

trains (with "distil": a teacher first, OUT/teacher and its soft labels OUT/soft; OUT/float.pt), quantises (OUT/quantised.pt), measures both networks on the splits that the configuration
names under "test", and writes OUT/NAME.{int8,float}.safetensors, OUT/accuracy.json and OUT/curves.png.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys

import torch
from PIL import Image

import batches
import class_biases
import export
import soft_labels
import stored
from data import Folder
from graph import lower
from pictures import SUFFIXES
from quantise import Raw, load_float, load_quantised, made_of, quantise, report
from simulate import Folded, fold
from train import confusion, figures, of_length, train

HERE = pathlib.Path(__file__).resolve().parent


def folder_config(folder: pathlib.Path) -> dict:
    """Configuration for any folder with a dataset.json: the description of person.json with the folder's classes."""
    info = json.loads((folder / "dataset.json").read_text())
    config = json.loads((HERE / "person.json").read_text())
    has = lambda split: (folder / split / "images").is_dir()
    if not has("train"):
        raise FileNotFoundError(f"{folder}: no train/images; see weights/recipe/README.md for the layout")
    sides = []  # (height, width); opening a picture reads its header only
    for path in (folder / "train" / "images").iterdir():
        if path.suffix.lower() in SUFFIXES:
            with Image.open(path) as image:
                sides.append((image.height, image.width))
    if not sides:
        raise FileNotFoundError(f"{folder}/train/images: no .jpg or .png pictures")
    largest = max(max(h, w) for h, w in sides)
    down = lambda n, low: max(low, n // 32 * 32)
    crop = [down(min(max(h for h, _ in sides), 384), 64), down(min(max(w for _, w in sides), 384), 64)]
    small = [down(side * 3 // 4, 64) for side in crop]
    config["description"] |= {"name": "attendseg-" + re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-")[:37],
                              "classes": len(info["classes"])}
    config |= {"data": str(folder), "train": ["train"], "validate": ["val"] if has("val") else [],
               "test": ["test"] if has("test") else [], "working_size": max(32, min(1024, largest)),
               "crops": [[0, small], [0.5, crop]]}
    for key in ("accuracy", "terms", "source", "license"):
        config.pop(key, None)
    # Weights trained on your pictures are yours to license.
    config["license"] = info.get("license", "not stated")
    return config


def measure(net, data: Folder, multiple: int, names: list[str]) -> dict:
    """mIoU, pixel accuracy and IoU by class name, in percent, two decimals."""
    f = figures(confusion(net, data, multiple))
    iou = {name: round(v, 2) for name, v in zip(names, f["iou"]) if v == v}
    return {"miou": round(f["miou"], 2), "pixel_accuracy": round(f["pixel_accuracy"], 2), "iou": iou}


def evaluate(net, sim, out: pathlib.Path, root: pathlib.Path, config: dict) -> dict:
    """{"float": {split: figures}, "int8": {...}, "of"}: one pass at full size with the last averaged weights. Once: what
    OUT/accuracy.json holds of these networks ("of" tells them) is not measured again."""
    result: dict = {"float": {}, "int8": {}, "of": made_of(net, {"int8": made_of(sim, {}), "test": config.get("test", [])})}
    known = out / "accuracy.json"
    if known.exists() and json.loads(known.read_text()).get("of") == result["of"]:
        return json.loads(known.read_text())
    nodes = lower(net.description)
    # Float as its weight file holds it: batch norm folded, weights rounded to F16.
    networks = {"float": Folded(nodes, export.half(fold(net, nodes))[1]), "int8": Raw(sim)}
    for split in config.get("test", []):
        data = Folder(root, [split])
        longest = int(data.sizes.max())
        if longest > config["working_size"]:
            print(f"{split}: pictures of up to {longest} pixels are measured at full size; the library resamples them to "
                  f"{config['working_size']}", file=sys.stderr)
        for name, network in networks.items():
            result[name][split] = measure(network, data, net.description.total_stride, data.info["classes"])
            print(f"{name} on {split}: " + json.dumps({k: v for k, v in result[name][split].items() if k != 'iou'}), file=sys.stderr)
    return result


def write_files(net, sim, out: pathlib.Path, root: pathlib.Path, config: dict, accuracy: dict) -> None:
    d, nodes = net.description, lower(net.description)
    info = json.loads((root / "dataset.json").read_text())
    (out / "accuracy.json").write_text(json.dumps(accuracy, indent=1) + "\n")
    export.export_float(out / f"{d.name}.float.safetensors", nodes, fold(net, nodes), d, info, config, accuracy.get("float", {}))
    export.export_int8(out / f"{d.name}.int8.safetensors", sim, d, info, config, accuracy.get("int8", {}))
    print(f"{out / d.name}.int8.safetensors\n{out / d.name}.float.safetensors")


def teach(config: dict, base: pathlib.Path, out: pathlib.Path, device: str) -> None:
    """The teachers that config["distil"] names (one, or a list), trained and asked about every picture; config learns where
    their labels are."""
    distil = config["distil"]
    names = distil["teacher"] if isinstance(distil["teacher"], list) else [distil["teacher"]]
    runs = []
    for i, name in enumerate(names):
        if name.endswith(".safetensors"):  # a network that is trained already
            classes, wanted = stored.read_weights(name)[0].classes, config["description"]["classes"]
            if classes != wanted:
                raise ValueError(f"distil.teacher: {name} has {classes} classes, expected {wanted} as the network")
            runs.append(pathlib.Path(name))
            continue
        teacher = json.loads((HERE / name).read_text())
        teacher |= {"data": config["data"], "train": config["train"], "validate": config.get("validate", [])}
        runs.append(out / ("teacher" if i == 0 else f"teacher{i + 1}"))
        check_resume(runs[-1] / "float.pt", teacher)
        train(teacher, base, runs[-1], device)
    distil["labels"] = str((out / "soft").resolve())
    if int(os.environ.get("RANK", 0)) == 0:
        sets = [(e["data"], e["splits"]) for e in batches.others(config) if batches.asks_teacher(e)]
        if distil["weight"]:
            sets.insert(0, (config["data"], config["train"]))
        for name, splits in sets:
            for split in splits:
                soft_labels.write(runs, base, name, split, out / "soft", device, distil.get("asked"))


def check_resume(checkpoint: pathlib.Path, config: dict) -> None:
    """A checkpoint of another network must not be continued silently."""
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location="cpu", weights_only=False)["config"]
        for key in ("description", "data", "train"):
            if saved[key] != config[key]:
                raise ValueError(f"{checkpoint}: made with another {key}: {saved[key]}; choose another --out")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("config", type=pathlib.Path, nargs="?", help="JSON: description, data, splits, schedule (see camvid.json)")
    p.add_argument("--folder", type=pathlib.Path, help="instead of a configuration: any folder with a dataset.json")
    p.add_argument("--data", type=pathlib.Path, default=os.environ.get("ATTENDSEG_DATA"), help="folder that holds the data sets")
    p.add_argument("--out", type=pathlib.Path, required=True)
    p.add_argument("--pictures", type=int, help="picture-steps of float training, instead of the configuration's")
    p.add_argument("--quantised-pictures", type=int, help="picture-steps on the integer grid")
    p.add_argument("--threads", type=int)
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="of float training")
    a = p.parse_args()
    if (a.config is None) == (a.folder is None):
        p.error("give either a configuration or --folder")
    if a.threads:
        torch.set_num_threads(a.threads)
    config = folder_config(a.folder.resolve()) if a.folder else json.loads(a.config.read_text())
    if a.data is None and not pathlib.Path(config["data"]).is_absolute():
        p.error("--data or ATTENDSEG_DATA must name the folder that holds the data sets")
    if a.pictures:
        config |= of_length(config, a.pictures)
    base = pathlib.Path(a.data or ".")
    root = base / config["data"]  # --folder wrote an absolute path
    a.out.mkdir(parents=True, exist_ok=True)
    check_resume(a.out / "float.pt", config)
    (a.out / "config.json").write_text(json.dumps(config, indent=1) + "\n")

    if "distil" in config:
        teach(config, base, a.out, a.device)
    train(config, base, a.out, a.device)
    if int(os.environ.get("RANK", 0)) > 0:
        return  # under torchrun one process does the rest
    options = {"pictures": a.quantised_pictures} if a.quantised_pictures else None
    _, _, data = quantise(a.out, base, options)
    fitted = class_biases.apply(a.out, base)
    net, _ = load_float(a.out / "float.pt")
    sim = load_quantised(a.out / "quantised.pt", net)
    found = report(sim, net, data, 100) | {"class_biases": fitted}
    (a.out / "quantised.json").write_text(json.dumps(found, indent=1) + "\n")
    del data
    write_files(net, sim, a.out, root, config, evaluate(net, sim, a.out, root, config))
    subprocess.run([sys.executable, str(HERE / "curves.py"), str(a.out)], check=True)


if __name__ == "__main__":
    main()
