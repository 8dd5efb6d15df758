# SPDX-License-Identifier: Apache-2.0
"""bf16 only where the processor has it."""

import pathlib
import platform
import sys
import unittest
from unittest import mock

try:
    import torch
except ImportError as missing:
    raise unittest.SkipTest(f"needs {missing.name}")

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "weights" / "recipe"))

import precision

CPUINFO = pathlib.Path("/proc/cpuinfo")


class PrecisionTest(unittest.TestCase):
    def test_gpus_and_other_processors_have_it(self):
        self.assertTrue(precision.has_bf16("cuda"))
        with mock.patch.object(platform, "machine", return_value="aarch64"):
            self.assertTrue(precision.has_bf16("cpu"))

    @unittest.skipUnless(CPUINFO.exists() and platform.machine() == "x86_64", "needs /proc/cpuinfo of an x86 processor")
    def test_x86_as_the_system_says(self):
        self.assertEqual(precision.has_bf16("cpu"), "avx512_bf16" in CPUINFO.read_text().split())

    def test_products_are_of_the_type_it_says(self):
        for has in (False, True):
            with mock.patch.object(precision, "has_bf16", return_value=has), precision.autocast("cpu"):
                product = torch.ones(2, 2) @ torch.ones(2, 2)
            self.assertEqual(product.dtype, torch.bfloat16 if has else torch.float32)


if __name__ == "__main__":
    unittest.main()
