# SPDX-License-Identifier: Apache-2.0
"""The quantisation report in words: conclusions, and the page with its tables. Standard library alone."""

from __future__ import annotations


def fixed(value: float | None, digits: int = 1, sign: bool = False) -> str:
    return "-" if value is None else f"{value:{'+' if sign else ''}z.{digits}f}"


def worst(rows: list[dict], key: str, count: int = 3, largest: bool = False) -> list[dict]:
    """The `count` rows with the smallest (or largest) known value."""
    known = [r for r in rows if r.get(key) is not None]
    return sorted(known, key=lambda r: -r[key] if largest else r[key])[:count]


def losing(classes: list[dict]) -> list[dict]:
    """The classes that lose most, of those that lose at least what two decimals show."""
    return [r for r in worst(classes, "gain") if r["gain"] <= -0.005]


def listed(rows: list[dict], name: str, key: str, unit: str, digits: int = 1, sign: bool = False) -> str:
    return ", ".join(f"{r[name]} ({fixed(r[key], digits, sign)}{unit})" for r in rows)


def conclusions(report: dict) -> list[str]:
    """A few sentences: what 8 bits cost, the worst three layers, the classes that lose most."""
    layers, classes = report["layers"], report["classes"]
    agree = f"{fixed(report['labels_agree_percent'], 2)} % of all labels are the same in both networks"
    out = []
    if report["int8"]:
        f, q = report["float"], report["int8"]
        out.append(f"mIoU {fixed(f['miou'], 2)} % in float and {fixed(q['miou'], 2)} % in 8 bits "
                   f"({fixed(q['miou'] - f['miou'], 2, True)} points), "
                   f"pixel accuracy {fixed(f['pixel_accuracy'], 2)} % and {fixed(q['pixel_accuracy'], 2)} %; {agree}.")
        out.append(f"Classes that lose most: {listed(losing(classes), 'class', 'gain', ' points', 2, True)}."
                   if losing(classes) else "No class loses.")
    else:
        out.append(f"The data set's labels are not of this network's classes, so no accuracy is told; {agree}.")
        differing = listed(worst(classes, "same_iou"), "class", "same_iou", " % IoU")
        out.append(f"Classes that differ most between the two networks: {differing}.")
    out.append("Furthest from the float network, run from pixels: "
               f"{listed(worst(layers, 'snr_db'), 'layer', 'snr_db', ' dB')}; "
               f"the class scores end at {fixed(layers[-1]['snr_db'])} dB.")
    out.append("Most noise of their own, given float inputs: "
               f"{listed(worst(layers, 'local_snr_db'), 'layer', 'local_snr_db', ' dB')}.")
    saturated = [r for r in worst(layers, "saturated_percent", largest=True) if r["saturated_percent"] > 0]
    out.append(f"Most saturated: {listed(saturated, 'layer', 'saturated_percent', ' %', 3)}." if saturated
               else "No value saturates.")
    return out


def class_table(report: dict) -> list[str]:
    known = report["int8"] is not None
    own = " float IoU, % | int8 IoU, % | change |" if known else ""
    head = f"| class |{own} float and int8 labels, IoU, % |"
    lines = [head, "|---" + "|--:" * (head.count("|") - 2) + "|"]
    for r in report["classes"]:
        if known:
            own = f" {fixed(r['float_iou'], 2)} | {fixed(r['int8_iou'], 2)} | {fixed(r['gain'], 2, True)} |"
        lines.append(f"| {r['class']} |{own} {fixed(r['same_iou'], 2)} |")
    return lines


def layer_table(report: dict) -> list[str]:
    lines = ["| layer | operator | SNR from pixels, dB | SNR alone, dB | saturated, % | codes used | weight SNR, dB "
             "| its rounding alone, dB |",
             "|---|---|--:|--:|--:|--:|--:|--:|"]
    for r in report["layers"]:
        low, high = r["codes"]
        lines.append(f"| {r['layer']} | {r['op']} | {fixed(r['snr_db'])} | {fixed(r['local_snr_db'])} | "
                     f"{fixed(r['saturated_percent'], 3)} | {low} to {high} | {fixed(r.get('weight_snr_db'))} | "
                     f"{fixed(r.get('weight_rounding_snr_db'))} |")
    return lines


def markdown(report: dict) -> str:
    """The page; it shows quantisation.png beside it."""
    checked, reduced = report["oracle"], report["pictures_reduced"]
    seen = (f"{reduced} of them reduced to the working size of {report['working_size']} pixels" if reduced
            else "none larger than the working size")
    lines = [
        f"# 8 bits, layer by layer: {report['network']}", "",
        f"`{report['int8_file']}` against `{report['float_file']}` on {report['data']}/{report['split']}, "
        f"{report['pictures']} pictures, {seen}." + (f" {report['note']}" if report["note"] else ""), "",
        *(f"* {sentence}" for sentence in report["conclusions"]), "",
        "![SNR and saturation by layer, IoU by class](quantisation.png)", "",
        "## Classes", "", *class_table(report), "",
        "## Layers", "",
        "SNR: power of the float activations over that of the difference to the dequantised int8 ones. *From pixels*: "
        "the whole network in 8 bits. *Alone*: float inputs, this layer's int8 weights, result rounded and clamped "
        "onto its grid. Gate logits are clamped to their grid in the float network too, and are compared after that. "
        "Saturated: values at an end of the int8 grid, not counting ReLU's zero. Max pools add nothing and are left "
        "out. The int8 weights were trained further on their grid, so they differ from the float weights by more than "
        "rounding: the last column is what rounding the float weights would give, and both SNR hold that training too.",
        "",
        *layer_table(report), "",
        f"On the first picture the integers were compared with `oracle.py`: {checked['labels_differing']} of "
        f"{checked['labels']} labels and {checked['activations_differing']} activations differ.", "",
    ]
    return "\n".join(lines)
