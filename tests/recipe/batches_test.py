# SPDX-License-Identifier: Apache-2.0
"""Batches of labelled and other pictures, and their loss, against cross-entropies written out."""

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

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "weights" / "recipe"))

from batches import Batches, Part, at_phase, jaccard_loss, loss, narrowed, unweighted
from data import IGNORE, LABEL_STEP, Augment, Crops, Folder, points

CLASSES = ["sky", "road", "car"]
AUGMENT = {"scale": [0.8, 1.2], "rotate": 3.0, "colour": 0.2}


def part(y, soft, *rest, start=0, phase=(1, 1)) -> Part:
    return Part(start, Crops(torch.empty(len(y), 3, 1, 1), y, soft, phase), *rest)


class LossTest(unittest.TestCase):
    def setUp(self):
        g = torch.Generator().manual_seed(0)
        self.scores = torch.randn(4, 3, 8, 10, generator=g)
        self.here = at_phase(self.scores, part(self.scores[:, 0], None, 1.0, 0.0, None).crops)
        self.y = torch.randint(0, 3, (4, 8, 10), generator=g)
        self.y[:, 0] = IGNORE
        self.soft = torch.randn(4, 3, 8, 10, generator=g).softmax(1)
        self.weights = torch.tensor([1.0, 2.0, 5.0])

    def test_scores_at_a_phase_are_those_of_the_enlarged_map(self):
        for stride in (4, 2, 1):
            scores = torch.randn(4, 3, 32 // stride, 40 // stride, generator=torch.Generator().manual_seed(stride))
            whole = F.interpolate(scores, (32, 40), mode="bilinear", align_corners=False)
            for phase in ((0, 0), (1, 2), (3, 0), (3, 3)):
                ours = at_phase(scores, Crops(torch.empty(0), self.y, None, phase))
                torch.testing.assert_close(ours, whole[..., phase[0] :: LABEL_STEP, phase[1] :: LABEL_STEP])

    def test_hard_labels_alone_are_pytorchs_cross_entropy(self):
        ours = loss(self.scores, [part(self.y, None, 1.0, 0.0, None)], self.weights)
        theirs = F.cross_entropy(self.here, self.y, self.weights, ignore_index=IGNORE)
        self.assertAlmostEqual(ours.item(), theirs.item(), places=5)

    def test_soft_labels_that_are_certain_are_hard_labels(self):
        known = self.y != IGNORE
        certain = F.one_hot(torch.where(known, self.y, 0), 3).permute(0, 3, 1, 2) * known.unsqueeze(1)
        hard = loss(self.scores, [part(self.y, None, 1.0, 0.0, None)], self.weights)
        mixed = loss(self.scores, [part(self.y, certain.float(), 0.3, 0.7, None)], self.weights)
        self.assertAlmostEqual(hard.item(), mixed.item(), places=5)

    def test_parts_share_one_mean(self):
        whole = loss(self.scores, [part(self.y, self.soft, 0.5, 0.5, None)], self.weights)
        halves = [part(self.y[i : i + 2], self.soft[i : i + 2], 0.5, 0.5, None, start=i) for i in (0, 2)]
        self.assertAlmostEqual(whole.item(), loss(self.scores, halves, self.weights).item(), places=5)

    def test_coarse_labels_ask_for_any_of_their_classes(self):
        members = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
        coarse = torch.where(self.y == IGNORE, IGNORE, (self.y > 0).long())
        ours = loss(self.scores, [part(coarse, None, 1.0, 0.0, members)], torch.ones(3))
        q = self.here.softmax(1)
        p = torch.where(coarse == 0, q[:, 0], q[:, 1] + q[:, 2])
        self.assertAlmostEqual(ours.item(), -p[coarse != IGNORE].log().mean().item(), places=5)

    def test_jaccard_loss_of_certain_scores_is_what_mean_iou_lacks(self):
        g = torch.Generator().manual_seed(3)
        y, met = torch.randint(0, 4, (2, 500), generator=g)
        y[y == 2] = 1  # a class that does not occur counts for nothing
        ious = [((y == k) & (met == k)).sum() / ((y == k) | (met == k)).sum() for k in (0, 1, 3)]
        ours = jaccard_loss(F.one_hot(met, 4).T.float(), y)
        self.assertAlmostEqual(ours.item(), 1 - sum(ious).item() / 3, places=5)

    def test_jaccard_loss_falls_where_its_gradient_leads(self):
        scores = self.here.permute(1, 0, 2, 3).flatten(1)[:, self.y.flatten() != IGNORE].clone().requires_grad_()
        y = self.y[self.y != IGNORE]
        before = jaccard_loss(scores.softmax(0), y)
        before.backward()
        self.assertLess(jaccard_loss((scores - 50 * scores.grad).softmax(0), y).item(), before.item() - 0.005)

    def test_jaccard_loss_is_beside_cross_entropy_of_our_own_labels(self):
        own = [part(self.y, None, 1.0, 0.0, None)]
        plain, both = loss(self.scores, own, self.weights), loss(self.scores, own, self.weights, jaccard=0.5)
        known = self.y != IGNORE
        q = self.here.softmax(1).permute(1, 0, 2, 3)[:, known]
        self.assertAlmostEqual(both.item(), plain.item() + 0.5 * jaccard_loss(q, self.y[known]).item(), places=5)
        coarse = [part(self.y, None, 1.0, 0.0, torch.eye(3))]
        self.assertEqual(loss(self.scores, coarse, self.weights), loss(self.scores, coarse, self.weights, jaccard=0.5))

    def test_unweighting_takes_out_what_weights_put_in(self):
        weighted = self.soft * self.weights.view(1, -1, 1, 1)
        weighted = weighted / weighted.sum(1, keepdim=True)
        torch.testing.assert_close(unweighted(weighted, self.weights), self.soft)
        outside = torch.zeros(1, 3, 2, 2)  # of the picture: nothing is known
        torch.testing.assert_close(unweighted(outside, self.weights), outside)

    def test_a_teacher_is_heard_on_the_classes_that_a_coarse_label_allows(self):
        members = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0], [0.0, 0.0, 0.0]])  # the third has none of ours
        soft = torch.tensor([0.6, 0.1, 0.3]).view(1, 3, 1, 1).expand(1, 3, 1, 4)
        wanted = torch.tensor([[1.0, 0, 0], [0, 0.25, 0.75], [0, 0, 0], [0.6, 0.1, 0.3]]).T.view(1, 3, 1, 4)
        met = narrowed(soft, torch.tensor([[[0, 1, 2, IGNORE]]]), members)
        torch.testing.assert_close(met, wanted, atol=2e-3, rtol=0)
        torch.testing.assert_close(met.sum(1)[0, 0], torch.tensor([1.0, 1.0, 0.0, 1.0]))
        sure = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1)  # of what the label excludes
        even = narrowed(sure, torch.tensor([[[1]]]), members)
        torch.testing.assert_close(even.flatten(), torch.tensor([0, 0.5, 0.5]))

    def test_gradients_are_finite_where_all_is_ignored(self):
        scores = self.scores.requires_grad_()
        loss(scores, [part(torch.full_like(self.y, IGNORE), None, 1.0, 0.0, None)], self.weights, jaccard=1.0).backward()
        self.assertTrue(torch.isfinite(scores.grad).all())


class AugmentTest(unittest.TestCase):
    def test_points_are_pytorchs_affine_grid(self):
        theta = torch.randn(2, 2, 3, generator=torch.Generator().manual_seed(1))
        theirs = F.affine_grid(theta, [2, 1, 8, 12], align_corners=False)
        torch.testing.assert_close(points(theta, (8, 12)), theirs)
        torch.testing.assert_close(points(theta, (8, 12), (1, 3), 4), theirs[:, 1::4, 3::4])

    def test_without_change_a_crop_is_the_picture_and_its_labels(self):
        with tempfile.TemporaryDirectory() as folder:
            make_set(pathlib.Path(folder), CLASSES, [(32, 48)], 4)
            data = Folder(folder, ["train"])
        same = Augment((1.0, 1.0), 0.0, 0.0)
        same.transforms = lambda *_: torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
        crops = same(data, torch.tensor([0]), (32, 48), 1.0, torch.Generator().manual_seed(2))
        torch.testing.assert_close(crops.x, (data.images.float() - 128) / 64, atol=1e-3, rtol=0)
        oy, ox = crops.phase
        self.assertTrue(torch.equal(crops.y, data.labels[:, oy::LABEL_STEP, ox::LABEL_STEP].long()))

    def test_a_mixed_box_comes_with_its_labels(self):
        with tempfile.TemporaryDirectory() as folder:
            make_set(pathlib.Path(folder), CLASSES, [(32, 48)] * 2, 4)
            data = Folder(folder, ["train"])
        data.soft = torch.randint(0, 256, (2, 3, 16, 24), dtype=torch.uint8)
        alone, mix = Augment((1.0, 1.0), 0.0, 0.0), Augment((1.0, 1.0), 0.0, 0.0, mix=1.0)
        index = torch.tensor([0, 1])
        plain, mixed = (a(data, index, (32, 48), 1.0, torch.Generator().manual_seed(5)) for a in (alone, mix))
        for own, changed, step in ((plain.x, mixed.x, LABEL_STEP), (plain.soft, mixed.soft, 1)):
            for i in (0, 1):
                foreign = (changed[i] != own[i]).any(0)
                rows, columns = foreign.any(1).nonzero().flatten(), foreign.any(0).nonzero().flatten()
                box = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
                self.assertTrue(torch.equal(changed[i][:, *box], own[1 - i][:, *box]))
                labels = tuple(slice(s.start // step, s.stop // step) for s in box)
                self.assertTrue(torch.equal(mixed.y[i][labels], plain.y[1 - i][labels]))

    def test_gamma_and_colour_stay_within_what_pixels_can_be(self):
        x = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(6)) * 255
        y = Augment(colour=0.5, gamma=0.7).coloured(x.clone(), torch.Generator().manual_seed(7))
        self.assertTrue(((y >= 0) & (y <= 255)).all())
        self.assertFalse(torch.allclose(x, y, atol=5))


class BatchesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        make_set(self.root / "streets", CLASSES, [(48, 64), (40, 56), (48, 64)], 1)
        make_set(self.root / "others", ["thing", "above"], [(32, 48)] * 2, 2)
        self.config = {"data": "streets", "train": ["train"], "batch": 4, "augment": AUGMENT}
        self.rng = torch.Generator().manual_seed(3)

    def write_soft(self, name: str, pictures: int, height: int, width: int):
        soft = torch.zeros(pictures, 3, height, width, dtype=torch.uint8)
        soft[:, 1] = 255
        (self.root / "soft").mkdir(exist_ok=True)
        torch.save(soft, self.root / "soft" / f"{name}-train.pt")

    def test_labelled_pictures_alone(self):
        x, parts = Batches(self.config, self.root, "cpu").next((32, 32), 1.0, self.rng)
        self.assertEqual((tuple(x.shape), len(parts)), ((4, 3, 32, 32), 1))
        self.assertEqual((parts[0].hard_weight, parts[0].crops.soft), (1.0, None))
        self.assertEqual(tuple(parts[0].crops.y.shape), (4, 8, 8))

    def test_a_limited_split_gives_evenly_spread_pictures_with_their_soft_labels(self):
        make_set(self.root / "streets", CLASSES, [(48, 64)] * 4, 5, "film")
        self.write_soft("streets", 3, 24, 32)
        film = torch.arange(4, dtype=torch.uint8).view(4, 1, 1, 1).expand(4, 3, 24, 32).contiguous()
        torch.save(film, self.root / "soft" / "streets-film.pt")
        config = self.config | {"train": ["train", "film"], "limits": {"film": 2},
                                "distil": {"weight": 0.5, "labels": str(self.root / "soft")}}
        data = Batches(config, self.root, "cpu").data
        self.assertEqual(data.names, ["0", "1", "2", "0", "2"])  # all of one split, two of the other
        self.assertEqual(data.soft[3:, 0, 0, 0].tolist(), [0, 2])
        whole = Folder(self.root / "streets", ["film"])
        self.assertTrue(torch.equal(data.images[3:], whole.images[[0, 2]]))

    def test_a_share_of_other_pictures_is_labelled_by_the_teacher_alone(self):
        self.write_soft("streets", 3, 24, 32)
        self.write_soft("others", 2, 16, 24)
        config = self.config | {"distil": {"weight": 0.4, "labels": str(self.root / "soft")},
                                "extra": {"data": "others", "splits": ["train"], "share": 0.25, "scale": [1.0, 2.0]}}
        x, (own, other) = Batches(config, self.root, "cpu").next((32, 32), 1.0, self.rng)
        self.assertEqual((len(x), len(own.crops.y), other.start, len(other.crops.y)), (4, 3, 3, 1))
        self.assertAlmostEqual(own.hard_weight + own.soft_weight, 1.0)
        self.assertEqual((other.hard_weight, other.soft_weight), (0.0, 1.0))
        inside = own.crops.y != IGNORE  # the soft labels went the pictures' way: class 1 inside, nothing outside
        self.assertGreater(own.crops.soft[:, 1][inside].mean().item(), 0.95)

    def test_a_teacher_without_weight_is_not_read_for_our_own_pictures(self):
        self.write_soft("others", 2, 16, 24)  # and none of ours
        config = self.config | {"distil": {"weight": 0.0, "labels": str(self.root / "soft")},
                                "extra": {"data": "others", "splits": ["train"], "share": 0.25, "scale": [1.0, 2.0]}}
        _, (own, other) = Batches(config, self.root, "cpu").next((32, 32), 1.0, self.rng)
        self.assertIsNone(own.crops.soft)
        self.assertIsNotNone(other.crops.soft)

    def test_coarse_classes_of_other_pictures(self):
        extra = {"data": "others", "splits": ["train"], "share": 0.5, "scale": [1.0, 1.0],
                 "classes": {"thing": ["road", "car"], "above": ["sky"]}}
        _, (_, other) = Batches(self.config | {"extra": extra}, self.root, "cpu").next((32, 32), 1.0, self.rng)
        self.assertEqual(other.members.tolist(), [[0, 1, 1], [1, 0, 0]])

    def test_processes_share_the_other_pictures_of_a_batch(self):
        extra = {"data": "others", "splits": ["train"], "share": 0.25, "scale": [1.0, 1.0],
                 "classes": {"thing": ["road"], "above": ["sky"]}}
        met = []
        for rank in range(4):
            x, parts = Batches(self.config | {"extra": extra}, self.root, "cpu", rank, 4).next((32, 32), 1.0, self.rng)
            self.assertEqual(len(x), 1)
            met += [p.members is not None for p in parts]
        self.assertEqual(sorted(met), [False, False, False, True])
        with self.assertRaisesRegex(ValueError, "batch: 4, expected a multiple of the 3 processes"):
            Batches(self.config, self.root, "cpu", 0, 3)
        with self.assertRaisesRegex(ValueError, "extra.share: 0.1 of a batch of 4 is no picture"):
            Batches(self.config | {"extra": extra | {"share": 0.1}}, self.root, "cpu")

    def test_several_sets_of_other_pictures_each_have_their_share(self):
        self.write_soft("streets", 3, 24, 32)
        self.write_soft("others", 2, 16, 24)
        soft = {"data": "others", "splits": ["train"], "share": 0.25, "scale": [1.0, 1.0]}
        coarse = soft | {"share": 0.5, "classes": {"thing": ["road", "car"], "above": ["sky"]}}
        config = self.config | {"distil": {"weight": 0.5, "labels": str(self.root / "soft")}, "extra": [soft, coarse]}
        x, (own, first, second) = Batches(config, self.root, "cpu").next((32, 32), 1.0, self.rng)
        self.assertEqual([p.start for p in (own, first, second)], [0, 1, 2])
        self.assertEqual([len(p.crops.y) for p in (own, first, second)], [1, 1, 2])
        self.assertEqual([p.members is None for p in (own, first, second)], [True, True, False])
        counts = [len(Batches(config, self.root, "cpu", rank, 2).next((32, 32), 1.0, self.rng)[0]) for rank in range(2)]
        self.assertEqual(counts, [2, 2])
        both = Batches(config | {"extra": coarse | {"soft": True}}, self.root, "cpu").next((32, 32), 1.0, self.rng)[1][1]
        self.assertEqual((both.hard_weight, both.soft_weight, both.members is None), (0.5, 0.5, False))
        self.assertIsNotNone(both.crops.soft)
        own = Batches(config | {"extra": coarse | {"soft": 0.9}}, self.root, "cpu").next((32, 32), 1.0, self.rng)[1][1]
        self.assertAlmostEqual(own.hard_weight, 0.1)
        self.assertEqual(own.soft_weight, 0.9)
        with self.assertRaisesRegex(ValueError, "extra.soft: 2, expected true, false or a weight of 0 to 1"):
            Batches(config | {"extra": coarse | {"soft": 2}}, self.root, "cpu")
        with self.assertRaisesRegex(ValueError, "5 pictures in all, expected at most the batch of 4"):
            Batches(config | {"extra": [soft | {"share": 0.75}, coarse]}, self.root, "cpu")

    def test_a_coarse_class_without_any_of_ours_counts_for_nothing(self):
        extra = {"data": "others", "splits": ["train"], "share": 0.5, "scale": [1.0, 1.0], "classes": {"thing": ["road"], "above": []}}
        source = Batches(self.config | {"extra": extra}, self.root, "cpu")
        x, parts = source.next((32, 32), 1.0, self.rng)
        self.assertTrue((parts[1].crops.y == 1).any())
        self.assertTrue(torch.isfinite(loss(torch.randn(len(x), 3, 8, 8, generator=self.rng), parts, source.class_weights)))

    def test_wrong_configurations_say_what_is_wrong(self):
        extra = {"data": "others", "splits": ["train"], "share": 0.5, "scale": [1.0, 1.0]}
        with self.assertRaisesRegex(ValueError, "distil.labels"):
            Batches(self.config | {"extra": extra}, self.root, "cpu")
        with self.assertRaisesRegex(ValueError, "'thing'"):
            Batches(self.config | {"extra": extra | {"classes": {"above": ["sky"]}}}, self.root, "cpu")
        with self.assertRaisesRegex(ValueError, "'bus'"):
            Batches(self.config | {"extra": extra | {"classes": {"thing": ["bus"], "above": ["sky"]}}}, self.root, "cpu")
        for limits, met in (({"val": 2}, "val: 2"), ({"train": 0}, "train: 0")):
            with self.assertRaisesRegex(ValueError, f"limits: {met}, expected 1 or more"):
                Batches(self.config | {"limits": limits}, self.root, "cpu")
        self.write_soft("streets", 2, 24, 32)
        with self.assertRaisesRegex(ValueError, "2 pictures, expected 3"):
            Batches(self.config | {"distil": {"weight": 1.0, "labels": str(self.root / "soft")}}, self.root, "cpu")


if __name__ == "__main__":
    unittest.main()
