# SPDX-License-Identifier: Apache-2.0
"""The decisions of a search and the statistics of its report, on figures made up for them."""

import json
import math
import pathlib
import sys
import unittest

RECIPE = pathlib.Path(__file__).resolve().parents[2] / "weights" / "recipe"
sys.path.insert(0, str(RECIPE))

from description import Description
from search import rules
from search.rules import Candidate
from search.stats import kendall, ranks, seed_spread, spearman

D = Description.from_json(json.loads((RECIPE / "prototype.json").read_text())["description"])


def candidate(key: str, latency: float = 1.0, macs: int = 100, parameters: int = 100, **fields) -> Candidate:
    return Candidate(key, D, parameters=parameters, macs=macs, latency_ms=latency, **fields)


class RulesTest(unittest.TestCase):
    def test_bounds(self):
        c = candidate("a", latency=2.0, parameters=150)
        self.assertEqual(
            rules.violations(c, {"parameters": 100, "latency_ms": 4.0, "peak_memory_bytes": 1}),
            {"parameters": 0.5, "latency_ms": -0.5},
        )
        self.assertFalse(rules.within(c, {"parameters": 100}))
        self.assertTrue(rules.within(c, {"parameters": 150, "latency_ms": 2.0}))

    def test_screen(self):
        timed = [candidate("a", 1.0, 100, 100), candidate("b", 2.0, 300, 300)]
        self.assertFalse(rules.worth_training(candidate("c", 2.5, 200, 200), timed))  # b is faster and has more of both
        self.assertTrue(rules.worth_training(candidate("d", 1.5, 200, 200), timed))  # b is slower
        self.assertTrue(rules.worth_training(candidate("e", 2.5, 400, 200), timed))  # more MACs than b
        self.assertTrue(rules.worth_training(candidate("f", 2.5, 280, 200), timed))  # b has not a tenth more MACs
        self.assertTrue(rules.worth_training(timed[1], timed))

    def test_pruning_needs_several_that_are_no_slower_and_clearly_ahead(self):
        others = [
            candidate("a", 1.0, rungs=[40.0, 50.0]),
            candidate("b", 2.0, rungs=[41.0]),
            candidate("c", 3.0, rungs=[45.0, 60.0]),
        ]
        self.assertEqual(rules.ahead([39.5], 2.0, others, 1.0), 1)  # a by 0.5 is not enough, c is slower
        self.assertEqual(rules.ahead([39.5], 3.0, others, 1.0), 2)
        self.assertEqual(rules.ahead([39.5, 49.0], 3.0, others, 1.0), 2)  # b has not reached the second rung
        self.assertEqual(rules.ahead([44.5], 3.0, others, 1.0), 0)
        self.assertEqual([rules.margin_at(rung, 3, 1.5) for rung in (1, 2)], [3.0, 1.5])

    def test_survey_picks_are_spread_over_the_screened(self):
        timed = [candidate(str(i), float(i), 100 * i, 100 * i) for i in range(1, 10)] + [
            candidate("bad", 9.5, 150, 150)
        ]
        self.assertEqual([c.key for c in rules.survey_picks(timed, 3)], ["9", "5", "1"])

    def test_finalists_hold_the_best_the_prototype_and_others(self):
        trained = [candidate(f"n{i}", accuracy=float(i)) for i in range(20)] + [
            candidate("proto", parameters=999, accuracy=7.5)
        ]
        keys = [c.key for c in rules.finalists(trained, "proto", {"parameters": 500}, 6)]
        self.assertEqual(keys[:3], ["n19", "n18", "n17"])
        self.assertIn("proto", keys)
        self.assertEqual(len(keys), 6)
        self.assertIn("n0", keys)

    def test_winner_is_the_best_mean_within_the_bounds(self):
        a = candidate("a", accuracy=50.0, finals={1: 60.0, 2: 62.0})
        b = candidate("b", accuracy=55.0, finals={1: 64.0, 2: 57.0})
        c = candidate("c", accuracy=70.0, parameters=900, finals={1: 90.0, 2: 90.0})
        d = candidate("d", accuracy=52.0, finals={1: 63.0})  # not all of its seeds yet: the first one decides
        self.assertIs(rules.winner([a, b, c], {"parameters": 500}), a)
        self.assertIs(rules.winner([a, b, c, d], {"parameters": 500}), b)
        self.assertIs(rules.winner([candidate("x", accuracy=1.0), c], {"parameters": 500}).accuracy, 1.0)
        self.assertIsNone(rules.winner([c], {"parameters": 500}))

    def test_front(self):
        some = [
            candidate("a", 1.0, accuracy=10.0),
            candidate("b", 2.0, accuracy=9.0),
            candidate("c", 3.0, accuracy=12.0),
        ]
        self.assertEqual([c.key for c in rules.front(some)], ["a", "c"])

    def test_share_trained_regardless(self):
        keys = [rules.key_of(Description(**{**D.__dict__, "stem": n})) for n in range(1, 400)]
        self.assertAlmostEqual(sum(rules.regardless(k, 0.2) for k in keys) / len(keys), 0.2, delta=0.06)


class StatisticsTest(unittest.TestCase):
    def test_ranks_share_ties(self):
        self.assertEqual(ranks([3.0, 1.0, 3.0]), [2.5, 1.0, 2.5])

    def test_rank_correlations(self):
        a, b = [1, 2, 3, 4, 5], [2, 1, 4, 3, 5]
        self.assertAlmostEqual(spearman(a, b), 0.8)
        self.assertAlmostEqual(kendall(a, b), 0.6)
        self.assertAlmostEqual(spearman(a, a[::-1]), -1.0)
        self.assertTrue(math.isnan(spearman([1, 1], [1, 2])) and math.isnan(kendall([1, 1], [1, 2])))

    def test_seed_spread_is_pooled(self):
        self.assertAlmostEqual(seed_spread([[1.0, 3.0], [5.0, 5.0], [9.0]]), 1.0)
        self.assertTrue(math.isnan(seed_spread([[1.0], [2.0]])))


if __name__ == "__main__":
    unittest.main()
