# SPDX-License-Identifier: Apache-2.0
"""Training curves as a picture: loss, and mIoU where the configuration names a validation split."""

from __future__ import annotations

import argparse
import pathlib

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import torch


def draw(logs: dict[str, list[dict]], path: pathlib.Path) -> None:
    """One column a log ("float", "quantised"): loss on the left axis, mIoU (if any entry has one) on the right."""
    figure, axes = plt.subplots(1, len(logs), figsize=(6 * len(logs), 3.6), squeeze=False)
    for axis, (name, log) in zip(axes[0], logs.items()):
        axis.plot([e["pictures"] for e in log], [e["loss"] for e in log], ".-", color="tab:blue", label="loss")
        axis.set(title=name, xlabel="picture-steps", ylabel="loss")
        axis.grid(alpha=0.3)
        measured = [e for e in log if "miou" in e]
        if measured:
            right = axis.twinx()
            right.plot([e["pictures"] for e in measured], [e["miou"] for e in measured], ".-", color="tab:orange")
            right.set_ylabel("validation mIoU, %", color="tab:orange")
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def read(out: pathlib.Path) -> dict[str, list[dict]]:
    """The logs of the checkpoints in a training folder."""
    logs = {}
    for name in ("float", "quantised"):
        if (out / f"{name}.pt").exists():
            log = torch.load(out / f"{name}.pt", map_location="cpu", weights_only=False)["log"]
            if log:
                logs[name] = log
    if not logs:
        raise FileNotFoundError(f"{out}: no float.pt or quantised.pt with a log yet")
    return logs


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("out", type=pathlib.Path, help="folder of a training run")
    p.add_argument("--to", type=pathlib.Path, help="picture to write (OUT/curves.png)")
    a = p.parse_args()
    draw(read(a.out), a.to or a.out / "curves.png")


if __name__ == "__main__":
    main()
