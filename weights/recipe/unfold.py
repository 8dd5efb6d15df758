# SPDX-License-Identifier: Apache-2.0
"""A released float network as one that can be trained on: the batch norm that its file folded away is put back."""

from __future__ import annotations

import os
from collections.abc import Callable

import torch

import stored
from graph import lower
from network import AttendSeg, ConvBlock

# What AdamW at this recipe's rates makes of a convolution's weights before a batch norm, whatever they began as; the rate
# acts relative to it.
WEIGHT_RMS = 0.15


@torch.no_grad()
def into(net: AttendSeg, path: str | os.PathLike, batch: Callable[[], torch.Tensor], batches: int = 24) -> None:
    """Gives `net` the weights of a float file of the same description; its scores in evaluation are the file's.

    Behind every convolution stands a batch norm again, whose statistics are those of `batches` batches.

    @param batch  gives a batch of normalised pictures as training sees them, [N, 3, H, W]
    """
    d, weights = stored.read_weights(path)
    if d != net.description:
        raise ValueError(f"start: {path} holds another network than the configuration describes")
    blocks: dict[str, ConvBlock] = {}
    for n in lower(d):
        if n.op == "conv":
            block = net.get_submodule(n.name)
            block.conv.weight.copy_(weights[n.name]["weight"])
            if block.norm is None:
                block.conv.bias.copy_(weights[n.name]["bias"])
                continue
            blocks[n.name] = block
            size = block.conv.weight.square().mean((1, 2, 3)).sqrt()
            gain = torch.where(size > 0, WEIGHT_RMS / size.clamp_min(1e-12), 1.0)
            block.conv.weight.mul_(gain.view(-1, 1, 1, 1))
            _set(block.norm, torch.zeros_like(gain), torch.ones_like(gain), 1 / gain, weights[n.name]["bias"].to(gain.device))
        elif n.op == "gate":
            net.get_submodule(n.name.removesuffix(".gate")).scale.copy_(weights[n.name]["scale"])
    for name, (mean, variance) in _statistics(net, blocks, batch, batches).items():
        norm = blocks[name].norm
        gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        _set(norm, mean, variance, gain, norm.bias + mean * gain)


def _set(norm: torch.nn.BatchNorm2d, mean: torch.Tensor, variance: torch.Tensor, gain: torch.Tensor, bias: torch.Tensor) -> None:
    """A batch norm of these statistics that computes gain * (x - mean) + bias in evaluation."""
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    norm.weight.copy_(gain * torch.sqrt(norm.running_var + norm.eps))
    norm.bias.copy_(bias)


def _statistics(net: AttendSeg, blocks: dict[str, ConvBlock], batch: Callable[[], torch.Tensor],
                batches: int) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Mean and variance of the channels in front of each batch norm."""
    sums = {name: torch.zeros(2, block.norm.num_features, device=block.norm.weight.device) for name, block in blocks.items()}

    def see(name):
        def hook(_, inputs):
            x = inputs[0].float()
            sums[name] += torch.stack([x.mean((0, 2, 3)), x.square().mean((0, 2, 3))]) / batches

        return hook

    handles = [block.norm.register_forward_pre_hook(see(name)) for name, block in blocks.items()]
    training = net.training
    net.eval()
    for _ in range(batches):
        net(batch())
    net.train(training)
    for handle in handles:
        handle.remove()
    return {name: (mean, (square - mean.square()).clamp_min(0)) for name, (mean, square) in sums.items()}
