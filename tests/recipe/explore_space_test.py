# SPDX-License-Identifier: Apache-2.0
"""The search space: every draw is a description that holds together, and the prototype is found again in it."""

import json
import pathlib
import random
import sys
import unittest

RECIPE = pathlib.Path(__file__).resolve().parents[2] / "weights" / "recipe"
sys.path.insert(0, str(RECIPE))

from description import Description
from search.cost import limits
from search.space_table import read_space
from search.rules import key_of
from search.space import Field, Space, around, repeated
from search.table import RequirementsError

PROTOTYPE = Description.from_json(json.loads((RECIPE / "prototype.json").read_text())["description"])
SPACE = {
    "stem": {"from": 16, "to": 32, "step": 8},
    "stages": [3, 4],
    "stage4": {"stride": [1, 2], "width": [96, 160], "depth": [1, 2]},
    "stage3": {
        "dilations": [[1], [1, 2, 4], [1, 1, 2, 1, 4, 1, 2]],
        "depth": {"from": 2, "to": 8},
        "condenser": {"channels": [0, 16, 32]},
    },
    "condenser": {"factor": [2, 4], "double": [False, True], "embedding": ["depthwise", "grouped"], "groups": [4, 8]},
    "decoder": {"finest": [1, 2], "stage1": [32, 48], "stage3": [96]},
}


class SpaceTest(unittest.TestCase):
    def setUp(self):
        self.space = read_space(SPACE, PROTOTYPE)

    def test_prototype_is_in_its_space(self):
        for space in (self.space, Space(PROTOTYPE, around(PROTOTYPE))):
            found, picked = space.nearest(PROTOTYPE)
            self.assertEqual(found, PROTOTYPE)
            self.assertEqual(space.build(lambda name, field: picked[name])[0], PROTOTYPE)

    def test_draws_hold_together(self):
        rng = random.Random(1)
        for space in (self.space, Space(PROTOTYPE, around(PROTOTYPE))):
            for _ in range(300):
                d, picked = space.draw(rng)
                self.assertEqual([w for w in limits(d, 512) if "total stride" not in w], [])
                self.assertEqual(space.build(lambda name, field: picked[name])[0], d)
                for name, value in picked.items():
                    self.assertIn(value, space.fields[name].values)

    def test_fields_that_do_not_matter_are_not_asked_for(self):
        rng = random.Random(2)
        draws = [self.space.draw(rng) for _ in range(200)]
        self.assertTrue(all(("stage4.width" in p) == (len(d.stages) == 4) for d, p in draws))
        self.assertTrue(all(("condenser.groups" in p) == (p["condenser.embedding"] == "grouped") for _, p in draws))
        self.assertTrue(all("condenser.factor" not in p for _, p in draws if p["condenser.double"]))
        self.assertTrue(all(len(d.decoder) == len(d.stages) - p["decoder.finest"] for d, p in draws))

    def test_mutation_changes_few_fields(self):
        rng, (_, base) = random.Random(3), self.space.nearest(PROTOTYPE)
        for _ in range(100):
            _, picked = self.space.mutate(base, 1, rng)
            self.assertLessEqual(sum(picked[k] != base[k] for k in base if k in picked), 1)

    def test_what_is_not_named_stays(self):
        d, _ = Space(PROTOTYPE, {"stem": Field((8,))}).draw(random.Random(4))
        self.assertEqual((d.stem, d.stages, d.decoder), (8, PROTOTYPE.stages, PROTOTYPE.decoder))

    def test_the_decoder_may_return_to_the_stem(self):
        space, rng = read_space({"decoder": {"finest": [0, 1], "stage0": [8, 16]}}, PROTOTYPE), random.Random(5)
        draws = [space.draw(rng) for _ in range(50)]
        self.assertEqual({(len(d.decoder), d.output_stride) for d, _ in draws}, {(len(PROTOTYPE.stages), 2), (len(PROTOTYPE.stages) - 1, 4)})
        self.assertTrue(all(d.decoder[-1] == p["decoder.stage0"] for d, p in draws if p["decoder.finest"] == 0))
        self.assertTrue(all(space.nearest(d)[0] == d and limits(d, 512) == [] for d, _ in draws))

    def test_key_ignores_the_name(self):
        named = Description(**{**PROTOTYPE.__dict__, "name": "another"})
        self.assertEqual(key_of(named), key_of(PROTOTYPE))

    def test_patterns_repeat(self):
        self.assertEqual(repeated("1 2 4", 5), (1, 2, 4, 1, 2))


class SpaceErrors(unittest.TestCase):
    def test_each_names_field_value_and_wish(self):
        for space, message in (
            (
                {"stem": {"from": 16, "to": 33, "step": 8}},
                "space.stem: {'from': 16, 'to': 33, 'step': 8}, expected 1 <= from",
            ),
            ({"stem": [0]}, "space.stem: 0, expected 1 to 512"),
            ({"stage9": {"width": [8]}}, "space.stage9.width: an unknown field"),
            ({"stage1": {"dilation": [[1]]}}, "space.stage1.dilation: an unknown field"),
            ({"stage1": {"dilations": [1, 2]}}, "space.stage1.dilations: 1, expected a list of dilations as [1, 2, 4]"),
            (
                {"condenser": {"condense": ["min"]}},
                "space.condenser.condense: 'min', expected one of ('max', 'average')",
            ),
            ({"condenser": {"double": [1]}}, "space.condenser.double: 1, expected one of (False, True)"),
            ({"stage1": {"width": [8, 8]}}, "space.stage1.width: [8, 8], expected every choice once"),
            ({"decoder": {"finest": [3]}}, "space.decoder.finest: 3, expected less than the number of stages, 3"),
        ):
            with self.subTest(message), self.assertRaises(RequirementsError) as caught:
                read_space(space, PROTOTYPE)
            self.assertIn(message, str(caught.exception))


if __name__ == "__main__":
    unittest.main()
