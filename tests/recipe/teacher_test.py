# SPDX-License-Identifier: Apache-2.0
"""Teachers of one's own, and the soft labels of several."""

import pathlib
import sys
import tempfile
import unittest

try:
    import torch
    import torch.nn.functional as F

    from synthetic import make_set
except ImportError as missing:
    raise unittest.SkipTest(f"needs {missing.name}")

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "weights" / "recipe"))

import soft_labels
import stored
import teacher
from data import Folder, normalise, padded
from graph import lower
from simulate import run_float

PERSON = TOP / "weights" / "person.float.safetensors"

# Scores that are the same everywhere: bias alone, so that the soft labels are known.
FILE = """
import torch

class Net(torch.nn.Module):
    total_stride = 16

    def __init__(self, classes):
        super().__init__()
        self.bias = torch.nn.Parameter(torch.zeros(classes))

    def forward(self, x):
        return self.bias.view(1, -1, 1, 1).expand(len(x), -1, x.shape[2] // 4, x.shape[3] // 4)

def build(classes, pretrained):
    return Net(classes)
"""


class TeacherTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        (self.root / "mine.py").write_text(FILE)
        self.config = {"network": str(self.root / "mine.py"), "description": {"classes": 2}}

    def run_of(self, name: str, bias: list[float]) -> pathlib.Path:
        net = teacher.build(self.config, pretrained=True)
        net.bias.data = torch.tensor(bias)
        (self.root / name).mkdir()
        torch.save({"config": self.config, "ema": net.state_dict()}, self.root / name / "float.pt")
        return self.root / name

    def test_labels_of_several_are_their_mean(self):
        make_set(self.root / "streets", ["a", "b"], [(30, 40), (20, 44)], 1)
        runs = [self.run_of("sure", [20.0, -20.0]), self.run_of("unsure", [0.0, 0.0])]
        path = soft_labels.write(runs, self.root, "streets", "train", self.root / "soft", "cpu")
        soft = torch.load(path)
        self.assertEqual(tuple(soft.shape), (2, 2, 15, 22))
        self.assertEqual(soft[0, :, 7, 10].tolist(), [191, 64])  # 0.75 and 0.25 in 1/255

    def test_each_is_asked_at_scales_of_its_own(self):
        self.assertEqual(soft_labels.asked({"asked": {"streets": [2.0]}}, "of/streets"), [2.0])
        self.assertEqual(soft_labels.asked({"asked": {"streets": [2.0]}}, "other"), soft_labels.SCALES)

    def test_a_weight_file_teaches(self):
        make_set(self.root / "streets", ["a", "b"], [(48, 64)], 1)
        ask = lambda to, **o: torch.load(soft_labels.write([PERSON], self.root, "streets", "train", self.root / to, "cpu", **o))
        soft = ask("soft", scales={"streets": [1.0]})
        d, weights = stored.read_weights(PERSON)
        x = normalise(padded(Folder(self.root / "streets", ["train"]).images, d.total_stride))
        wanted = 0
        for mirrored in (False, True):
            scores = run_float(lower(d), weights, x.flip(3) if mirrored else x)
            scores = F.interpolate(scores.flip(3) if mirrored else scores, x.shape[-2:], mode="bilinear", align_corners=False)
            wanted = wanted + F.avg_pool2d(scores[..., :48, :64].softmax(1), 2) / 2
        self.assertLess(float((soft / 255 - wanted).abs().max()), 0.05)  # bytes, and bf16 where there is
        self.assertFalse(torch.equal(soft, ask("other", scales={"streets": [2.0]})))

    def test_what_is_no_teacher_is_named(self):
        (self.root / "empty.py").write_text("")
        for network, told in (("techer", "expected 'teacher' or"), (str(self.root / "empty.py"), "no function build")):
            with self.assertRaisesRegex(ValueError, told):
                teacher.build(self.config | {"network": network}, pretrained=True)


if __name__ == "__main__":
    unittest.main()
