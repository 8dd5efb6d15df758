# SPDX-License-Identifier: Apache-2.0
"""explore.py from end to end on a tiny data set, with a program in place of the device; killed once, and resumed."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

try:
    import matplotlib  # noqa: F401
    import optuna
    import torch  # noqa: F401

    from synthetic import make_set
except ImportError as missing:
    raise unittest.SkipTest(f"needs {missing.name}")

RECIPE = pathlib.Path(__file__).resolve().parents[2] / "weights" / "recipe"
sys.path.insert(0, str(RECIPE))

from description import Description
from search import results
from search.store import Store

DEVICE = """
import json, sys
d = json.load(sys.stdin)
work = sum(s["width"] * s["expansion"] * len(s["dilations"]) for s in d["stages"])
print(json.dumps({"latency_ms": work / 100, "plan_bytes": 4096}))
"""
REQUIREMENTS = """
prototype = "prototype.json"
[data]
set = "shapes"
[measure]
height = 64
width = 64
[bounds]
parameters = 6000
latency_ms = { factor = 2.0 }
[space]
stem = [8, 16]
stage1 = { width = [8, 16], depth = [1, 2], expansion = [1, 2, 4] }
stage2 = { width = { from = 8, to = 32, step = 8 }, condenser = { channels = [0, 4] } }
[search]
survey = 12
proxies = 4
[proxy]
pictures = 12
batch = 2
crop = [32, 32]
[teacher]
pictures = 0
[finals]
networks = 2
pictures = 12
"""
CONDENSER = {
    "condense": "max",
    "factor": 2,
    "embedding": "pointwise",
    "channels": 4,
    "groups": 1,
    "expand": "nearest",
    "scale": "channel",
    "double": False,
}
STAGE = {"width": 8, "stride": 2, "expansion": 1, "dilations": [1], "condenser": CONDENSER}


class ExploreTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        make_set(self.root / "data" / "shapes", ["ground", "thing"], [(64, 64)] * 10, 1)
        base = json.loads((RECIPE / "person.json").read_text())
        base["description"] |= {"stem": 8, "stages": [STAGE, STAGE], "decoder": [8]}
        (self.root / "prototype.json").write_text(json.dumps(base))
        (self.root / "requirements.toml").write_text(REQUIREMENTS)
        (self.root / "device.py").write_text(DEVICE)

    def start(self, *more: str) -> subprocess.Popen:
        command = [
            sys.executable,
            RECIPE / "explore.py",
            self.root / "requirements.toml",
            "--data",
            self.root / "data",
            "--out",
            self.root / "out",
            "--threads",
            "1",
            "--measure",
            f"{sys.executable} {self.root / 'device.py'}",
            *more,
        ]
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
        )

    def test_killed_and_resumed(self):
        first = self.start()
        journal = self.root / "out" / "journal.log"
        deadline = time.time() + 300
        while time.time() < deadline and first.poll() is None and not list(self.root.glob("out/runs/proxy-*")):
            time.sleep(0.2)
        first.send_signal(signal.SIGKILL)
        first.communicate()
        timed = len(results.read(Store(str(journal))).timed)
        self.assertGreaterEqual(timed, 12)

        second = self.start()
        printed, _ = second.communicate(timeout=600)
        self.assertEqual(second.returncode, 0, printed)
        found = results.read(Store(str(journal)))
        self.assertEqual(len(found.begun()), 4)
        self.assertTrue(all(c.state in ("trained", "pruned") for c in found.begun()))
        self.assertIn(found.prototype, {c.key for c in found.trained})
        self.assertTrue(all(len(c.finals) == 2 for c in found.trained if c.finals))
        self.assertGreater(sum(found.rejected.values()), 0)
        states = [t.state for t in Store(str(journal)).trials("workers")]
        self.assertEqual(states, [optuna.trial.TrialState.FAIL, optuna.trial.TrialState.COMPLETE])

        page = (self.root / "out" / "report.html").read_text()
        self.assertIn("<svg", page)
        self.assertNotIn('src="', page)
        self.assertNotIn(str(self.root), page)
        winner = json.loads((self.root / "out" / "winner.json").read_text())
        description = Description.from_json(winner["description"])
        self.assertIn(description.stem, (8, 16))
        self.assertEqual((winner["data"], winner["description"]["name"]), ("shapes", "attendseg-shapes"))
        lines = (self.root / "out" / "candidates.csv").read_text().splitlines()
        self.assertEqual(len(lines), 1 + len(found.timed))

    def test_another_search_is_not_mixed_in(self):
        first = self.start()
        journal = self.root / "out" / "journal.log"
        while first.poll() is None and not (journal.exists() and "plan" in Store(str(journal)).notes()):
            time.sleep(0.5)
        first.kill()
        first.communicate()
        (self.root / "requirements.toml").write_text(REQUIREMENTS.replace("6000", "5000"))
        second = self.start()
        printed, _ = second.communicate(timeout=300)
        self.assertEqual(second.returncode, 1)
        self.assertIn("bounds: {'parameters': 5000", printed)
        self.assertIn("choose another --out", printed)
        (self.root / "requirements.toml").write_text(REQUIREMENTS.replace("networks = 2\npictures = 12", "networks = 2\npictures = 24"))
        printed, _ = self.start().communicate(timeout=300)
        self.assertIn("finals: {'networks': 2, 'pictures': 24", printed)

    def test_a_small_space_is_trained_and_done(self):
        few = REQUIREMENTS.split("[space]")[0] + "[space]\nstem = [8, 16]\n[search]" + REQUIREMENTS.split("[search]")[1]
        (self.root / "requirements.toml").write_text(few)
        run = self.start()
        printed, _ = run.communicate(timeout=300)
        self.assertEqual(run.returncode, 0, printed)
        found = results.read(Store(str(self.root / "out" / "journal.log")))
        self.assertEqual({c.description.stem for c in found.begun()}, {8, 16})
        self.assertEqual(len(found.timed), 2)


if __name__ == "__main__":
    unittest.main()
