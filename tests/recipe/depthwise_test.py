# SPDX-License-Identifier: Apache-2.0
"""Gradients of depthwise convolutions against PyTorch's in double precision."""

import pathlib
import sys
import unittest

try:
    import torch
    import torch.nn.functional as F
except ImportError as missing:
    raise unittest.SkipTest(f"needs {missing.name}")

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "weights" / "recipe"))

from depthwise import build, depthwise

# N, C, H, W, kernel, stride, padding, dilation
CASES = ((2, 48, 15, 22, 3, 2, 1, 1), (2, 40, 14, 22, 5, 1, 2, 1), (1, 33, 22, 30, 3, 1, 4, 4), (2, 70, 23, 21, 5, 2, 0, 1),
         (1, 32, 9, 8, 3, 1, 1, 1), (3, 5, 4, 3, 3, 1, 8, 8))


class DepthwiseTest(unittest.TestCase):
    def check(self, case, dtype, bound):
        n, c, h, w, kernel, stride, padding, dilation = case
        g = torch.Generator().manual_seed(sum(case))
        x = torch.randn(n, c, h, w, generator=g).to(dtype).contiguous(memory_format=torch.channels_last).requires_grad_()
        weight = torch.randn(c, 1, kernel, kernel, generator=g).requires_grad_()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            y = depthwise(x, weight, stride, padding, dilation)
        out = torch.randn(y.shape, generator=g).to(y.dtype)
        y.backward(out)
        exact = [t.detach().double().requires_grad_() for t in (x, weight)]
        F.conv2d(*exact, None, stride, padding, dilation, c).backward(out.double())
        for ours, theirs in zip((x, weight), exact):
            error = (ours.grad.double() - theirs.grad).abs().max() / theirs.grad.abs().max()
            self.assertLess(error.item(), bound, f"{case} {dtype}")

    def test_float(self):
        for case in CASES:
            self.check(case, torch.float32, 1e-5)

    def test_bfloat16(self):
        for case in CASES:
            self.check(case, torch.bfloat16, 2e-2)  # 8 bits of mantissa, in input and weight

    @unittest.skipUnless(build(), "no C++ compiler")
    def test_gradients_are_those_of_the_extension(self):
        x, weight = torch.randn(1, 4, 6, 6, requires_grad=True), torch.randn(4, 1, 3, 3, requires_grad=True)
        self.assertIn("Depthwise", type(depthwise(x, weight, 2, 1, 1).grad_fn).__name__)


if __name__ == "__main__":
    unittest.main()
