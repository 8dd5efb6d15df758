# SPDX-License-Identifier: Apache-2.0
"""The words of the quantisation report: worst layers and classes, values that are not known."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "weights" / "recipe"))

from quantisation_text import class_table, conclusions, layer_table, markdown, worst


def layer(name: str, snr: float | None, local: float, saturated: float) -> dict:
    return {"layer": name, "op": "conv", "snr_db": snr, "local_snr_db": local, "saturated_percent": saturated,
            "codes": [-128, 90], "weight_snr_db": 30.0, "weight_rounding_snr_db": 40.0}


def report(known: bool = True) -> dict:
    same = {"sky": 99.0, "road": 98.0, "car": None, "pole": 80.0}
    classes = [{"class": name, "same_iou": value} for name, value in same.items()]
    if known:
        for row, gain in zip(classes, (0.1, -0.2, None, -1.5)):
            row |= {"gain": gain, "float_iou": 70.0, "int8_iou": None if gain is None else 70.0 + gain}
    figures = {"float": {"miou": 70.0, "pixel_accuracy": 90.0}, "int8": {"miou": 69.5, "pixel_accuracy": 89.9}}
    layers = [layer("a", 40.0, 41.0, 0.0), layer("b", None, 21.0, 2.0), layer("c", 12.0, 39.0, 0.0),
              layer("d", 15.0, 20.0, 0.5), layer("e", 14.0, 22.0, 0.0), layer("head", 22.0, 30.0, 0.0)]
    return {"network": "n", "int8_file": "n.int8", "float_file": "n.float", "data": "streets", "split": "val",
            "pictures": 2, "pictures_reduced": 0, "working_size": 64, "note": "Seen in training.",
            "labels_agree_percent": 98.5, "classes": classes, "layers": layers,
            "oracle": {"labels": 10, "labels_differing": 0, "activations_differing": 0},
            **(figures if known else {"float": None, "int8": None})}


class QuantisationTextTest(unittest.TestCase):
    def test_worst_leaves_unknown_values_out(self):
        rows = report()["layers"]
        self.assertEqual([r["layer"] for r in worst(rows, "snr_db")], ["c", "e", "d"])
        self.assertEqual([r["layer"] for r in worst(rows, "saturated_percent", 2, largest=True)], ["b", "d"])

    def test_conclusions_name_the_worst(self):
        cost, classes, pixels, alone, saturated = conclusions(report())
        self.assertIn("mIoU 70.00 % in float and 69.50 % in 8 bits (-0.50 points)", cost)
        self.assertEqual(classes, "Classes that lose most: pole (-1.50 points), road (-0.20 points).")
        self.assertIn("c (12.0 dB), e (14.0 dB), d (15.0 dB); the class scores end at 22.0 dB", pixels)
        self.assertIn("d (20.0 dB), b (21.0 dB), e (22.0 dB)", alone)
        self.assertEqual(saturated, "Most saturated: b (2.000 %), d (0.500 %).")

    def test_conclusions_without_known_labels(self):
        first, classes, *_ = conclusions(report(known=False))
        self.assertIn("no accuracy is told; 98.50 % of all labels are the same", first)
        self.assertIn("pole (80.0 % IoU), road (98.0 % IoU), sky (99.0 % IoU)", classes)

    def test_nothing_lost_and_nothing_saturated(self):
        r = report()
        for row in r["classes"]:
            row["gain"] = -0.004  # what rounds to nothing is no loss, and has no sign
        self.assertIn("| sky | 70.00 | 70.10 | +0.00 |", class_table(r)[2])
        for row in r["layers"]:
            row["saturated_percent"] = 0.0
        self.assertIn("No class loses.", conclusions(r))
        self.assertIn("No value saturates.", conclusions(r))

    def test_tables_are_rectangular(self):
        for r in (report(), report(known=False)):
            for table in (class_table(r), layer_table(r)):
                self.assertEqual(len({line.count("|") for line in table}), 1, table)
        self.assertIn("| car | 70.00 | - | - | - |", class_table(report()))

    def test_page(self):
        r = report() | {"conclusions": ["A sentence."]}
        page = markdown(r)
        for part in ("streets/val, 2 pictures, none larger", "Seen in training.", "* A sentence.",
                     "](quantisation.png)", "0 of 10 labels"):
            self.assertIn(part, page)


if __name__ == "__main__":
    unittest.main()
