# SPDX-License-Identifier: Apache-2.0
"""Weight files run in torch: integers against the oracle, scores against the file's, layer noise against NumPy."""

import pathlib
import sys
import unittest

import numpy as np

try:
    import torch
except ImportError as missing:
    raise unittest.SkipTest(f"needs {missing.name}")

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "weights" / "recipe"))

import oracle
import safetensors
from graph import lower
from layer_noise import LayerNoise, decibels
from simulate import run_float
from stored import Stored, as_seen, label, read_float, read_grids

GOLDENS = sorted((TOP / "tests" / "data" / "goldens").glob("*.int8.safetensors"))


def noise_picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), np.uint8)


def hwc(x: torch.Tensor) -> np.ndarray:
    return x[0].permute(1, 2, 0).numpy()


def float_twin(path: pathlib.Path) -> pathlib.Path:
    return path.with_name(path.name.replace(".int8.", ".float."))


class StoredTest(unittest.TestCase):
    def setUp(self):
        torch.set_num_threads(1)

    @torch.inference_mode()
    def test_integers_and_labels_equal_the_oracle(self):
        for path in GOLDENS:
            file = oracle.Network.load(path)
            sim = Stored(file).eval()
            for height, width in ((21, 29), (71, 90)):  # within the working size of 32, and reduced to it
                with self.subTest(path.name, size=(height, width)):
                    picture = noise_picture(height, width)
                    mask, _, kept = oracle.run(file, picture, keep=True)
                    x, size = as_seen(picture, file.working_size, file.description.total_stride)
                    seen: dict[str, torch.Tensor] = {}
                    np.testing.assert_array_equal(label(sim(x, seen), x, size, (height, width)), mask)
                    for n in file.nodes:
                        np.testing.assert_array_equal(hwc(seen[n.name]) + sim.grids[n.name][1], kept[n.name])

    @torch.inference_mode()
    def test_sums_beyond_float32_stay_exact(self):
        file = oracle.Network.load(GOLDENS[0])
        stem = file.nodes[1]
        shape = file.tensors["stem.bias"].shape
        file.tensors = file.tensors | {"stem.bias": np.arange(shape[0], dtype=np.int32) * 2 + 2**27 + 1,
                                       "stem.multiplier": np.full(shape, 1.0, np.float32)}
        picture = noise_picture(16, 16)
        x, _ = as_seen(picture, 32, 16)
        sums, _ = Stored(file).accumulate(stem, x * 64)
        exact = oracle.accumulate(picture.astype(np.int32) - 128, file.tensors["stem.weight"], stem)
        np.testing.assert_array_equal(hwc(sums), (exact + file.tensors["stem.bias"]).astype(np.float32))

    @torch.inference_mode()
    def test_float_scores_are_the_files_own(self):
        for path in map(float_twin, GOLDENS):
            with self.subTest(path.name):
                tensors, _ = safetensors.read(path)
                d, weights = read_float(path)
                x, _ = as_seen(tensors["test.image"], 1 << 20, d.total_stride)
                scores = run_float(lower(d), weights, x)
                np.testing.assert_allclose(hwc(scores), tensors["test.scores"], rtol=1e-3, atol=1e-3)

    def test_wrong_files_are_refused(self):
        with self.assertRaisesRegex(ValueError, "precision: 'int8', expected 'float'"):
            read_float(GOLDENS[0])
        file = oracle.Network.load(GOLDENS[0])
        file.metadata = {k: v for k, v in file.metadata.items() if k != "quantisation"}
        with self.assertRaisesRegex(ValueError, "quantisation: missing"):
            read_grids(file)
        file = oracle.Network.load(GOLDENS[0])
        file.tensors = file.tensors | {"stem.zero_point": np.array([5], np.int8)}
        with self.assertRaisesRegex(ValueError, "stem: zero point -128, expected 5"):
            read_grids(file)

    @torch.inference_mode()
    def test_layer_noise_equals_numpy(self):
        for path in GOLDENS:
            file = oracle.Network.load(path)
            _, weights = read_float(float_twin(path))
            sim, picture = Stored(file).eval(), noise_picture(30, 27)
            noise = LayerNoise(sim, weights)
            x, _ = as_seen(picture, file.working_size, file.description.total_stride)
            seen: dict[str, torch.Tensor] = {}
            sim(x, seen)
            run_float(sim.nodes, weights, x, noise.watch(seen))
            wanted: dict[str, np.ndarray] = {}
            run_float(sim.nodes, weights, x, lambda n, v: wanted.__setitem__(n.name, hwc(v).astype(float)))
            _, _, kept = oracle.run(file, picture, keep=True)
            rows = {row["layer"]: row for row in noise.rows()}
            self.assertEqual(list(rows), [n.name for n in file.nodes if n.op not in ("input", "max_pool")])
            for name in ("stem", "stage2.block1.depthwise", "decoder1.add", "decoder1.fuse", "head"):
                with self.subTest(path.name, layer=name):
                    row, q = rows[name], kept[name].astype(int)
                    difference = (q - row["zero_point"]) * row["scale"] - wanted[name]
                    ratio = decibels((wanted[name] ** 2).sum(), (difference**2).sum())
                    self.assertAlmostEqual(row["snr_db"], ratio, 3)
                    self.assertEqual(row["codes"], [q.min(), q.max()])
                    signed = name in ("decoder1.add", "head")  # the others end in a ReLU
                    ends = (q == 127) | (q == -128) if signed else q == 127
                    self.assertAlmostEqual(row["saturated_percent"], 100 * ends.mean())
            # Pixels are exact in 8 bits, so that the first layer stands alone.
            self.assertAlmostEqual(rows["stem"]["snr_db"], rows["stem"]["local_snr_db"], 3)

    def test_decibels(self):
        self.assertAlmostEqual(decibels(100.0, 1.0), 20.0)
        self.assertIsNone(decibels(1.0, 0.0))
        self.assertIsNone(decibels(0.0, 1.0))


if __name__ == "__main__":
    unittest.main()
