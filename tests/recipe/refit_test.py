# SPDX-License-Identifier: Apache-2.0
"""Training from a weight file of another description: what the file's network computes is found again."""

import copy
import json
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

import refit
import stored
import train
import unfold
from description import Description
from network import AttendSeg

WEIGHTS = TOP / "weights" / "person.float.safetensors"


def blobs(seed: int, side: int = 128) -> torch.Tensor:
    """A smooth random picture [1, 3, side, side], as normalised ones are."""
    g = torch.Generator().manual_seed(seed)
    return sum(F.interpolate(torch.randn(1, 3, n, n, generator=g), (side, side), mode="bilinear") for n in (4, 8, 32))


def described(**change) -> AttendSeg:
    """The network of WEIGHTS, changed."""
    torch.manual_seed(1)
    text = json.loads(stored.read_weights(WEIGHTS)[0].to_json())
    return AttendSeg(Description.from_json(text | change))


def told(net: AttendSeg, source: AttendSeg) -> float:
    """Share of the variance of the source's scores that ours tell, on pictures that neither has seen."""
    missed = total = 0.0
    with torch.inference_mode():
        for x in map(blobs, range(100, 104)):
            wanted, met = source.eval()(x), net.eval()(x)
            wanted = F.interpolate(wanted, met.shape[-2:], mode="bilinear", align_corners=False)
            missed, total = missed + float((met - wanted).square().sum()), total + float(wanted.var((2, 3), correction=0).sum()) * wanted[0, 0].numel()
    return 1 - missed / total


class RefitTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        torch.set_num_threads(1)
        cls.pictures = [blobs(i) for i in range(16)]
        cls.source = described()
        unfold.into(cls.source, WEIGHTS, lambda: torch.cat(cls.pictures), 1)
        cls.stages = json.loads(cls.source.description.to_json())["stages"]

    def without_stride(self, width: int) -> dict:
        """A stage of one block that keeps its input's resolution."""
        return {"width": width, "stride": 1, "expansion": 1, "dilations": [1], "condenser": self.stages[0]["condenser"] | {"channels": 0}}

    def test_the_same_description_computes_the_same(self):
        net = described()
        refit.into(net, self.source, self.pictures)
        self.assertGreater(told(net, self.source), 0.99)

    def test_other_widths_depths_and_a_finer_step(self):
        first = self.without_stride(16)
        deeper = copy.deepcopy(self.stages)
        deeper[1]["dilations"] += [2]
        narrower = {"stem": 16, "stages": [first, *self.stages], "decoder": [48, 24, 16]}
        for change, least in ((narrower, 0.4), ({"stages": deeper, "stem": 32}, 0.95)):
            with self.subTest(str(change)):
                net = described(**change)
                before = told(net, self.source)
                refit.into(net, self.source, self.pictures)
                self.assertLess(before, 0)
                self.assertGreater(told(net, self.source), least)

    def test_a_first_stage_is_left_out(self):
        first = self.without_stride(24)
        finer = described(stages=[first, *self.stages], decoder=[64, 32, 16])
        refit.into(finer, self.source, self.pictures)
        net = described(decoder=[64, 32, 16])  # its last step joins the stem
        self.assertEqual(net.description.output_stride, 2)
        refit.into(net, finer, self.pictures)
        self.assertGreater(told(net, finer), 0.95)

    def test_what_cannot_be_begun_is_told(self):
        with self.assertRaisesRegex(ValueError, "start: 2 classes, expected 5"):
            refit.into(described(classes=5), self.source, self.pictures)
        first = self.without_stride(8)
        with self.assertRaisesRegex(ValueError, "must keep its input's width"):
            refit.into(described(stages=[first, *self.stages]), self.source, self.pictures[:2])

    def test_training_begins_with_it(self):
        net = described(decoder=[48, 24])
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            make_set(root / "streets", ["0", "1"], [(96, 128)] * 3, 1)
            config = {"description": json.loads(net.description.to_json()), "data": "streets", "train": ["train"], "seed": 1,
                      "pictures": 2, "batch": 2, "rate": 0.0, "warmup": 0, "decay": 0.5, "weight_decay": 0.0, "ema": 0.9,
                      "report": 2, "crops": [[0, [64, 64]]], "start": str(WEIGHTS),
                      "augment": {"scale": [0.8, 1.2], "rotate": 3.0, "colour": 0.2}}
            train.train(config, root, root / "out", "cpu")
            begun = torch.load(root / "out" / "float.pt", weights_only=False)["net"]
        # The stem's width is unchanged, so its filters are the file's, up to each one's size.
        ours, theirs = begun["stem.conv.weight"].flatten(1), stored.read_weights(WEIGHTS)[1]["stem"]["weight"].flatten(1)
        torch.testing.assert_close(F.normalize(ours), F.normalize(theirs), atol=0.02, rtol=0)


if __name__ == "__main__":
    unittest.main()
