# SPDX-License-Identifier: Apache-2.0
"""Depthwise convolution whose gradients are quick on a CPU, where a C++ compiler is at hand.

PyTorch 2.13's own take most of a training step there (strided and 5x5 ones above all), and its bf16 weight gradient of
dilated ones is garbage at some sizes (22x30).
"""

from __future__ import annotations

import fcntl
import functools
import os
import pathlib
import sys

import torch
import torch.nn.functional as F

FLAGS = ["-O3", "-march=native", "-ffast-math", "-std=c++20"]


@functools.cache
def build() -> bool:
    """Compiles and loads depthwise.cpp (once; PyTorch keeps it between runs). False where that cannot be done."""
    from torch.utils import cpp_extension

    try:
        source = str(pathlib.Path(__file__).with_name("depthwise.cpp"))
        root = os.environ.get("TORCH_EXTENSIONS_DIR") or cpp_extension.get_default_build_root()
        folder = pathlib.Path(root) / f"attendseg_depthwise-{torch.__version__}"
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / "ours", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            # PyTorch's own lock outlives a process that is killed, and would be waited for without end.
            (folder / "lock").unlink(missing_ok=True)
            cpp_extension.load(
                "attendseg_depthwise", [source], extra_cflags=FLAGS, build_directory=str(folder), is_python_module=False
            )
        return True
    except (RuntimeError, OSError, ImportError) as error:
        print(f"training is slower than it could be: depthwise.cpp was not built ({str(error).splitlines()[0]})", file=sys.stderr)
        return False


class Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, stride, padding, dilation):
        ctx.save_for_backward(x, weight)
        ctx.geometry = stride, padding, dilation
        return F.conv2d(x, weight.to(x.dtype), None, stride, padding, dilation, x.shape[1])

    @staticmethod
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        return *torch.ops.attendseg.depthwise_backward(x, grad, weight, *ctx.geometry), None, None, None


def depthwise(x: torch.Tensor, weight: torch.Tensor, stride: int, padding: int, dilation: int) -> torch.Tensor:
    """[N, C, H, W] by [C, 1, K, K] float, K 3 or 5, as F.conv2d with groups = C; in bf16 under CPU autocast."""
    on_cpu, channels, kernel = x.device.type == "cpu", x.shape[1], weight.shape[2]
    usual = kernel == 3 and stride == 1 and dilation == 1  # PyTorch's are good
    if on_cpu and not usual and weight.requires_grad and torch.is_grad_enabled() and build():
        if torch.is_autocast_enabled("cpu"):
            x = x.to(torch.get_autocast_dtype("cpu"))
        with torch.autocast("cpu", enabled=False):
            return Depthwise.apply(x, weight, stride, padding, dilation)
    if on_cpu and dilation > 1 and torch.is_autocast_enabled("cpu"):
        with torch.autocast("cpu", enabled=False):
            return F.conv2d(x.float(), weight, None, stride, padding, dilation, channels).to(x.dtype)
    return F.conv2d(x, weight, None, stride, padding, dilation, channels)
