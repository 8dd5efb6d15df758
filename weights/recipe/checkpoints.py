# SPDX-License-Identifier: Apache-2.0
"""Checkpoints that are whole or not there: an interruption leaves the former one."""

from __future__ import annotations

import pathlib

import torch


def save(state: object, path: pathlib.Path) -> pathlib.Path:
    """torch.save beside `path`, then renamed to it; its folder is made. @return path"""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    torch.save(state, part)
    return part.replace(path)
