# SPDX-License-Identifier: Apache-2.0
"""Constants that a network carries from block to block without need, taken out before it is quantised.

A projection's bias is read by 1x1 convolutions with a batch norm of their own (expansions; the decoder's reduce and skip), or
added to the next block's, so training neither uses nor holds it: channels drift to means many times their spread. An 8-bit grid
must reach that far, and what rounding does to a weight is multiplied by the mean. (High bias absorption: Nagel et al. 2019,
section 4.1.3; here it is exact.)
"""

from __future__ import annotations

import math

import torch

from network import AttendSeg, ConvBlock


def rectified_mean(norm: torch.nn.BatchNorm2d) -> torch.Tensor:
    """[C] means behind batch norm and ReLU, of normally distributed channels; double."""
    mean, spread = norm.bias.double(), norm.weight.double().abs().clamp_min(1e-12)
    t = mean / spread
    density = torch.exp(-0.5 * t.square()) / math.sqrt(2 * math.pi)
    return mean * 0.5 * (1 + torch.erf(t / math.sqrt(2))) + spread * density


def absorb(reader: ConvBlock, lowered: torch.Tensor) -> None:
    """A 1x1 convolution with batch norm gives the same for an input whose channels [C] are lower by `lowered` (double)."""
    moved = reader.conv.weight.double()[:, :, 0, 0] @ lowered
    reader.norm.running_mean.copy_(reader.norm.running_mean.double() - moved)


@torch.no_grad()
def centre(net: AttendSeg) -> AttendSeg:
    """`net`, whose blocks now end in channels of mean 0 as its batch norms know them; it computes the same, and of a network
    that is centred already nothing changes."""
    mean = rectified_mean(net.stem.norm)  # of the channels that the next block reads
    lowered = torch.zeros_like(mean)  # ... and by how much they are lower than they were
    of_stage = {"stem": lowered}  # behind the stem and behind the last block of each stage
    for name, block in net.blocks():
        absorb(block.expand, lowered)
        bias = block.project.norm.bias
        before = bias.double()
        bias.copy_(0 - mean if block.residual else torch.zeros_like(before))
        lowered = before - bias.double() + (lowered if block.residual else 0)
        mean = torch.zeros_like(lowered)
        of_stage[name.partition(".")[0]] = lowered
    ends = list(of_stage.values())
    absorb(net.decoder1.reduce, ends[-1])
    for i in range(1, len(net.description.decoder) + 1):
        absorb(getattr(net, f"decoder{i}").skip, ends[-1 - i])
    return net
