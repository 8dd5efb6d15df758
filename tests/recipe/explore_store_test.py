# SPDX-License-Identifier: Apache-2.0
"""The shared storage: jobs that one worker has, workers that die, trials that others take again."""

import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

try:
    import optuna
except ImportError as missing:
    raise unittest.SkipTest(f"needs {missing.name}")

RECIPE = pathlib.Path(__file__).resolve().parents[2] / "weights" / "recipe"
sys.path.insert(0, str(RECIPE))

from optuna.trial import TrialState

from search import store as store_module
from search.store import Store

# A worker that takes a job and waits to be killed.
VICTIM = """
import sys, time
sys.path.insert(0, sys.argv[1])
from optuna.distributions import IntDistribution
from search.store import Store
s = Store(sys.argv[2])
s.join()
trial = s.claim("proxy", "network", {"rung1": 12.5}, {"stem": 8}, {"stem": IntDistribution(8, 16)})
print(trial.number, flush=True)
time.sleep(600)
"""


class StoreTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.journal = str(pathlib.Path(folder.name) / "journal.log")

    def worker(self) -> Store:
        s = Store(self.journal)
        s.join()
        self.addCleanup(s.stop.set)
        return s

    def test_a_job_has_one_holder(self):
        a, b = self.worker(), self.worker()
        held = a.claim("jobs", "teacher")
        self.assertIsNotNone(held)
        self.assertIsNone(b.claim("jobs", "teacher"))
        self.assertIsNotNone(b.claim("jobs", "another"))
        a.finish("jobs", held.number, [1.0])
        self.assertIsNone(b.claim("jobs", "teacher"))  # done is done
        self.assertEqual(b.of_job("jobs", "teacher").values, [1.0])

    def test_a_killed_workers_job_can_be_taken_again(self):
        victim = subprocess.Popen(
            [sys.executable, "-c", VICTIM, RECIPE, self.journal], stdout=subprocess.PIPE, text=True
        )
        number = int(victim.stdout.readline())
        s = self.worker()
        s.reap()
        self.assertIsNone(s.claim("proxy", "network"))  # it lives
        self.assertEqual(len(s.workers()), 2)
        victim.kill()
        victim.wait()
        victim.stdout.close()
        s.reap()
        self.assertEqual(len(s.workers()), 1)
        lost = s.trials("proxy")[number]
        self.assertEqual((lost.state, lost.user_attrs["rung1"], lost.params), (TrialState.FAIL, 12.5, {"stem": 8}))
        self.assertIsNotNone(s.claim("proxy", "network", {"rung1": 12.5}, lost.params, lost.distributions))

    def test_a_silent_worker_elsewhere_is_dead_after_a_while(self):
        s = self.worker()
        other = s.studies["workers"].ask()
        for key, value in {"machine": "elsewhere", "pid": 1, "process": "1", "began": 0.0, "beat": 1.0}.items():
            other.set_user_attr(key, value)
        state = lambda: s.alive(s.trials("workers")[other.number])
        patience, store_module.PATIENCE = store_module.PATIENCE, 0.2
        self.addCleanup(setattr, store_module, "PATIENCE", patience)
        self.assertTrue(state())
        time.sleep(0.3)
        self.assertFalse(state())
        other.set_user_attr("beat", 2.0)  # its clock may be wrong; that it changes is what counts
        self.assertTrue(state())

    def test_a_finished_trial_stays_as_it_is(self):
        s = self.worker()
        trial = s.claim("proxy", "a")
        s.finish("proxy", trial.number, [50.0, 1.0])
        s.finish("proxy", trial.number, None)
        self.assertEqual(s.trials("proxy")[trial.number].values, [50.0, 1.0])

    def test_time_used_leaves_out_pauses_and_counts_overlaps_once(self):
        s = Store(self.journal)
        for began, beat in ((100.0, 160.0), (130.0, 190.0), (500.0, 510.0)):
            w = s.studies["workers"].ask()
            w.set_user_attr("began", began)
            w.set_user_attr("beat", beat)
        self.assertAlmostEqual(s.seconds_used(), 100.0)

    def test_this_process_is_alive_and_a_reused_number_is_not(self):
        s = self.worker()
        self.assertEqual(s.neighbours(), 1)
        self.assertIsNotNone(store_module.process_started(os.getpid()))
        s.worker.set_user_attr("process", "long ago")
        self.assertFalse(s.alive(s.trials("workers")[s.worker.number]))


if __name__ == "__main__":
    unittest.main()
