# SPDX-License-Identifier: Apache-2.0
"""The quantisation report as one picture: SNR and saturation along the layers, IoU by class."""

from __future__ import annotations

import pathlib

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from quantisation_text import fixed, losing, worst

FROM_PIXELS, ALONE, WORST, SATURATED, FLOAT, INT8 = "#5b8fc7", "#e08a1e", "#b3202c", "#7a5ba6", "#9aa5b1", "#1f5fa8"


def split_name(name: str) -> tuple[str, str]:
    """Block and rest of a layer's name: "stage1.block2.condenser.gate" is ("stage1.block2", "condenser.gate")."""
    parts = name.split(".")
    depth = 2 if parts[0].startswith("stage") and len(parts) > 2 else 1 if len(parts) > 1 else 0
    return ".".join(parts[:depth]), ".".join(parts[depth:])


def blocks(names: list[str]) -> list[tuple[str, int, int]]:
    """(block, first, last + 1) of every run of layers of one block; layers without a block stand alone."""
    runs: list[tuple[str, int, int]] = []
    for i, name in enumerate(names):
        block = split_name(name)[0]
        if runs and block and runs[-1][0] == block:
            runs[-1] = block, runs[-1][1], i + 1
        else:
            runs.append((block, i, i + 1))
    return runs


def column(rows: list[dict], key: str) -> np.ndarray:
    """Values of all rows, NaN where there is none."""
    return np.array([np.nan if r[key] is None else r[key] for r in rows], float)


def draw_layers(snr, share, rows: list[dict]) -> None:
    names = [r["layer"] for r in rows]
    x, pixels, alone = np.arange(len(rows)), column(rows, "snr_db"), column(rows, "local_snr_db")
    low, noisy = ([names.index(r["layer"]) for r in worst(rows, key)] for key in ("snr_db", "local_snr_db"))
    snr.bar(x, pixels, 0.8, color=FROM_PIXELS, label="run from pixels (accumulated)")
    snr.bar(x[low], pixels[low], 0.8, color=WORST, label="its three lowest")
    snr.plot(x, alone, "o", ms=4, color=ALONE, label="this layer alone (float inputs)")
    snr.plot(x[noisy], alone[noisy], "D", ms=6, color=WORST, mec="white", label="its three lowest")
    snr.set_ylabel("SNR of activations, dB")
    snr.set_ylim(np.nanmin([0, *pixels, *alone]), np.nanmax([10, *pixels, *alone]) * 1.18)
    snr.legend(loc="upper right", ncols=4, framealpha=1)
    share.bar(x, column(rows, "saturated_percent"), 0.8, color=SATURATED)
    share.set_ylim(0, max(0.01, 1.08 * max(r["saturated_percent"] for r in rows)))
    share.set_ylabel("saturated, %")
    share.set_xticks(x, [split_name(n)[1].replace("condenser.", "") for n in names], rotation=90, fontsize=7)
    for i, (block, first, end) in enumerate(blocks(names)):
        for axis in (snr, share):
            if i % 2:
                axis.axvspan(first - 0.5, end - 0.5, color="#eef1f4", zorder=0)
        if end - first > 2:
            snr.text((first + end - 1) / 2, 1.01, block.replace(".", "\n"), ha="center", va="bottom", fontsize=8,
                     transform=snr.get_xaxis_transform())
    for axis in (snr, share):
        axis.set_xlim(-0.7, len(rows) - 0.3)
        axis.grid(axis="y", alpha=0.3)
        axis.set_axisbelow(True)


def draw_classes(axis, report: dict) -> None:
    rows = report["classes"]
    x = np.arange(len(rows))
    if report["int8"]:
        f, q, named = column(rows, "float_iou"), column(rows, "int8_iou"), [r["class"] for r in losing(rows)]
        axis.bar(x - 0.2, f, 0.38, color=FLOAT, label=f"float, mIoU {report['float']['miou']:.2f} %")
        axis.bar(x + 0.2, q, 0.38, color=INT8, label=f"int8, mIoU {report['int8']['miou']:.2f} %")
        for i in np.flatnonzero(~np.isnan(q - f)):
            ink = WORST if rows[i]["class"] in named else "black"
            axis.text(i, max(f[i], q[i]) + 1.5, fixed(q[i] - f[i], 2, True), ha="center", fontsize=9, color=ink)
        axis.set_ylabel("IoU, %")
    else:
        same = column(rows, "same_iou")
        axis.bar(x, same, 0.6, color=INT8, label="labels of float and int8, one against the other")
        for i in np.flatnonzero(~np.isnan(same)):
            axis.text(i, same[i] + 1.5, f"{same[i]:.1f}", ha="center", fontsize=9)
        axis.set_ylabel("IoU of both networks' labels, %")
    axis.set_xticks(x, [r["class"] for r in rows], rotation=0 if len(rows) <= 14 else 45)
    room = max(0.7, (10 - len(rows)) / 2)  # so that the bars of two classes are not walls
    axis.set(xlim=(-room, len(rows) - 1 + room), ylim=(0, 118), yticks=range(0, 101, 20))
    axis.legend(loc="upper right", ncols=2, framealpha=1)
    axis.grid(axis="y", alpha=0.3)
    axis.set_axisbelow(True)


def draw(report: dict, path: pathlib.Path) -> None:
    layers = len(report["layers"])
    figure, (snr, share, classes) = plt.subplots(
        3, 1, figsize=(max(10, 2 + 0.16 * layers), 11), height_ratios=(4, 2, 3), layout="constrained")
    share.sharex(snr)
    snr.tick_params(labelbottom=False)
    draw_layers(snr, share, report["layers"])
    draw_classes(classes, report)
    figure.suptitle(f"{report['network']}: 8 bits against float on {report['data']}/{report['split']}, "
                    f"{report['pictures']} pictures, {report['labels_agree_percent']:.2f} % of labels agree")
    figure.savefig(path, dpi=110)
    plt.close(figure)
