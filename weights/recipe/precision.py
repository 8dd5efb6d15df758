# SPDX-License-Identifier: Apache-2.0
"""bf16 where it is quicker than float32."""

from __future__ import annotations

import platform

import torch


def has_bf16(device: str) -> bool:
    """Whether a device computes in bf16. An x86 CPU without such instructions converts at every product, and takes about
    twice as long as in float32."""
    if device == "cpu" and platform.machine().lower() in ("x86_64", "amd64"):
        return torch.cpu._is_avx512_bf16_supported()
    return True


def autocast(device: str) -> torch.autocast:
    """torch.autocast to bf16 on devices that have it, else float32. @param device  "cpu" or "cuda" """
    return torch.autocast(device, dtype=torch.bfloat16, enabled=has_bf16(device))
