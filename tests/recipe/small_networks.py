# SPDX-License-Identifier: Apache-2.0
"""The golden networks as float weight files, and noise to run them on, for tests."""

import pathlib

import torch

TOP = pathlib.Path(__file__).resolve().parents[2]
GOLDENS = sorted((TOP / "tests" / "data" / "goldens").glob("*.float.safetensors"))  # not *.float.activations.safetensors


def noise(seed: int) -> torch.Tensor:
    return torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(seed))
