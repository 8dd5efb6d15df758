# SPDX-License-Identifier: Apache-2.0
"""The training loop: schedule, resumption, early end, several processes, with and without a teacher's labels."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

try:
    import torch

    from synthetic import make_set
except ImportError as missing:
    raise unittest.SkipTest(f"needs {missing.name}")

RECIPE = pathlib.Path(__file__).resolve().parents[2] / "weights" / "recipe"
sys.path.insert(0, str(RECIPE))

import train

CONDENSER = {"condense": "max", "factor": 2, "embedding": "depthwise", "channels": 4, "groups": 1, "expand": "nearest",
             "scale": "channel", "double": False}
STAGE = {"width": 8, "stride": 2, "expansion": 1, "dilations": [1], "condenser": CONDENSER}
CONFIG = {
    "description": {"name": "tiny", "classes": 3, "stem": 8, "stages": [STAGE, STAGE], "decoder": [8]},
    "data": "streets", "train": ["train"], "validate": ["val"], "seed": 1, "pictures": 48, "batch": 4, "rate": 1e-3,
    "warmup": 2, "decay": 0.5, "weight_decay": 0.01, "ema": 0.9, "report": 16, "crops": [[0, [32, 32]], [0.5, [32, 64]]],
    "augment": {"scale": [0.8, 1.2], "rotate": 3.0, "colour": 0.2},
}


class ScheduleTest(unittest.TestCase):
    def test_rate_rises_stays_and_falls(self):
        shares = [train.rate(done, 0.1, 0.5) for done in (0.0, 0.05, 0.1, 0.5, 0.75, 1.0)]
        self.assertEqual([round(s, 6) for s in shares], [0.0, 0.5, 1.0, 1.0, 0.5, 0.0])

    def test_crops_follow_the_plan(self):
        plan = [[0, [32, 32], 0.5], [0.5, [32, 64]]]
        self.assertEqual([train.crop_at(plan, done) for done in (0.0, 0.49, 0.5)], [((32, 32), 0.5)] * 2 + [((32, 64), 1.0)])


    def test_class_weights_follow_theirs(self):
        config = {"balance": [[0, 1.0], [0.7, 0.0]]}
        self.assertEqual([train.balance_at(config, done) for done in (0.0, 0.69, 0.7)], [1.0, 1.0, 0.0])
        self.assertEqual(train.balance_at({}, 0.9), 1.0)


class GroupsTest(unittest.TestCase):
    def test_what_was_trained_before_learns_slower(self):
        net = torch.nn.ModuleDict({"stem": torch.nn.Linear(2, 2), "head": torch.nn.Linear(2, 2, bias=False)})
        net.pretrained = ("stem.",)
        found = train.groups(net, {"weight_decay": 0.1, "pretrained_rate": 0.25})
        self.assertEqual([(len(g["params"]), g["weight_decay"], g["share"]) for g in found],
                         [(1, 0.1, 1.0), (1, 0.1, 0.25), (1, 0.0, 0.25)])


class AverageTest(unittest.TestCase):
    def test_it_follows_the_network_also_after_a_checkpoint_is_loaded(self):
        net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
        average = train.Average(net, 0.5)
        net.load_state_dict({k: torch.full_like(v, 8) for k, v in net.state_dict().items()})
        average.net.load_state_dict({k: torch.zeros_like(v) for k, v in net.state_dict().items()})
        average.steps = 100  # past its warm-up
        average.update()
        kept = average.net.state_dict()
        self.assertEqual({float(v.mean()) for k, v in kept.items() if v.dtype.is_floating_point}, {4.0})
        self.assertEqual(int(kept["1.num_batches_tracked"]), 8)


class TrainTest(unittest.TestCase):
    def setUp(self):
        torch.set_num_threads(1)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        for split, seed in (("train", 1), ("val", 2)):
            make_set(self.root / "streets", ["a", "b", "c"], [(48, 64)] * 3, seed, split)
        self.out = self.root / "out"

    def checkpoint(self):
        return torch.load(self.out / "float.pt", weights_only=False)

    def test_reports_come_at_their_pictures_with_figures_of_the_held_out_split(self):
        log = train.train(CONFIG, self.root, self.out, "cpu")
        self.assertEqual([entry["pictures"] for entry in log], [16, 32, 48])
        self.assertTrue(all(0 <= entry["miou"] <= 100 for entry in log))

    def test_an_interrupted_run_goes_on_where_it_was(self):
        train.train(CONFIG, self.root, self.out, "cpu", seconds=0.0)
        self.assertEqual(self.checkpoint()["pictures"], 0)
        train.train(CONFIG, self.root, self.out, "cpu", on_report=lambda entry: True)
        self.assertEqual(self.checkpoint()["pictures"], 16)
        log = train.train(CONFIG, self.root, self.out, "cpu")
        self.assertEqual([entry["pictures"] for entry in log], [16, 32, 48])
        self.assertEqual(self.checkpoint()["step"], 12)

    def test_a_finished_run_stays_as_it_is(self):
        train.train(CONFIG, self.root, self.out, "cpu")
        torch.save(self.checkpoint() | {"class_biases": "added later"}, self.out / "float.pt")
        train.train(CONFIG, self.root, self.out, "cpu")
        self.assertEqual(self.checkpoint()["class_biases"], "added later")

    def test_crops_must_suit_the_network(self):
        with self.assertRaisesRegex(ValueError, r"crops: \[32, 60\], expected multiples of 16"):
            train.train(CONFIG | {"crops": [[0, [32, 60]]]}, self.root, self.out, "cpu")

    def test_processes_share_the_batch(self):
        (self.root / "config.json").write_text(json.dumps(CONFIG))
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", str(RECIPE / "train.py"),
                   str(self.root / "config.json"), "--data", str(self.root), "--out", str(self.out), "--threads", "1"]
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"CUDA_VISIBLE_DEVICES": ""})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((self.checkpoint()["step"], self.checkpoint()["pictures"]), (12, 48))


if __name__ == "__main__":
    unittest.main()
