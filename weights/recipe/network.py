# SPDX-License-Identifier: Apache-2.0
"""AttendSeg as a torch module, built from its description. Module names are the tensor names of the weight files."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from depthwise import depthwise
from description import Condenser, Description, Stage

# The gate's logits are clamped to what their int8 grid (step 1/16, zero point 0) can hold: numerics.md, "gate".
LOGIT_STEP = 1.0 / 16
LOGIT_LOW, LOGIT_HIGH = -128 * LOGIT_STEP, 127 * LOGIT_STEP


class ConvBlock(nn.Module):
    """Convolution, batch norm and (optionally) ReLU; 'same' zero padding."""

    def __init__(self, i: int, o: int, kernel: int, stride=1, dilation=1, groups=1, relu=True, norm=True):
        super().__init__()
        self.conv = nn.Conv2d(i, o, kernel, stride, dilation * (kernel // 2), dilation, groups, bias=not norm)
        self.norm = nn.BatchNorm2d(o) if norm else None
        self.relu = relu
        self.depthwise = groups == i == o and kernel > 1 and norm

    def forward(self, x):
        c = self.conv
        x = depthwise(x, c.weight, c.stride[0], c.padding[0], c.dilation[0]) if self.depthwise else c(x)
        x = x if self.norm is None else self.norm(x)
        return F.relu(x) if self.relu else x

    def folded(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Weight [O, I/g, k, k] and bias [O] with the batch norm folded in."""
        if self.norm is None:
            return self.conv.weight.detach().clone(), self.conv.bias.detach().clone()
        n = self.norm
        gain = n.weight.detach() / torch.sqrt(n.running_var + n.eps)
        return self.conv.weight.detach() * gain[:, None, None, None], n.bias.detach() - n.running_mean * gain


class AttentionCondenser(nn.Module):
    """V' = S * V * sigmoid(A), A = expand(embed(condense(V))): attention read from a condensed map."""

    def __init__(self, width: int, o: Condenser):
        super().__init__()
        self.o = o
        self.spatial = ConvBlock(width, width, 3, groups=width) if o.embedding == "depthwise" else None
        kernel = 3 if o.embedding == "grouped" else 1
        self.embed = ConvBlock(width, o.channels, kernel, groups=o.groups)
        self.embed2 = ConvBlock(o.channels, o.channels, 3) if o.double else None
        self.attend = ConvBlock(o.channels, width, 1, relu=False)
        # sigmoid(0) * 2 = 1: the layer starts as the identity.
        self.scale = nn.Parameter(torch.full((width if o.scale == "channel" else 1,), 2.0))

    def pool(self, x, factor):
        return F.max_pool2d(x, factor) if self.o.condense == "max" else F.avg_pool2d(x, factor)

    def expand(self, a):
        if self.o.expand == "nearest":
            return F.interpolate(a, scale_factor=self.o.total_factor, mode="nearest")
        return F.interpolate(a, scale_factor=self.o.total_factor, mode="bilinear", align_corners=False)

    def forward(self, v):
        q = self.pool(v, self.o.factor)
        if self.spatial is not None:
            q = self.spatial(q)
        k = self.embed(q)
        if self.embed2 is not None:
            k = self.embed2(self.pool(k, 2))
        a = torch.clamp(self.attend(k), LOGIT_LOW, LOGIT_HIGH)
        if self.o.expand == "nearest":  # the same values, sigmoid on the small map
            gate = self.expand(torch.sigmoid(a))
        else:
            gate = torch.sigmoid(self.expand(a))
        return v * gate * self.scale.view(1, -1, 1, 1).to(v.dtype)


class InvertedResidual(nn.Module):
    """Expand, depthwise, attention condenser on the expanded features, project, add."""

    def __init__(self, i: int, stage: Stage, stride: int, dilation: int):
        super().__init__()
        mid = i * stage.expansion
        self.expand = ConvBlock(i, mid, 1)
        self.depthwise = ConvBlock(mid, mid, 3, stride, dilation, groups=mid)
        self.condenser = AttentionCondenser(mid, stage.condenser) if stage.condenser.channels else None
        self.project = ConvBlock(mid, stage.width, 1, relu=False)
        self.residual = stride == 1 and i == stage.width

    def forward(self, x):
        y = self.depthwise(self.expand(x))
        if self.condenser is not None:
            y = self.condenser(y)
        y = self.project(y)
        return x + y if self.residual else y


class DecoderStep(nn.Module):
    """Reduce the deep map, enlarge it, add the reduced skip, fuse by a 3x3 convolution."""

    def __init__(self, deep: int, skip: int, width: int, factor: int):
        super().__init__()
        self.factor = factor
        self.reduce = ConvBlock(deep, width, 1, relu=False)
        self.skip = ConvBlock(skip, width, 1, relu=False)
        self.fuse = ConvBlock(width, width, 3)

    def forward(self, x, skip):
        x = self.reduce(x)
        if self.factor > 1:
            x = F.interpolate(x, scale_factor=self.factor, mode="bilinear", align_corners=False)
        return self.fuse(x + self.skip(skip))


class AttendSeg(nn.Module):
    """[N, 3, H, W] pictures normalised by (pixel - 128) / 64 to [N, classes, H/s, W/s] scores, s the output stride."""

    def __init__(self, description: Description):
        super().__init__()
        d = self.description = description.check()
        self.stem = ConvBlock(3, d.stem, 3, 2)
        width, outputs = d.stem, [d.stem]
        for i, stage in enumerate(d.stages, 1):
            blocks = nn.Module()
            for j, dilation in enumerate(stage.dilations, 1):
                blocks.add_module(f"block{j}", InvertedResidual(width, stage, stage.stride if j == 1 else 1, dilation))
                width = stage.width
            self.add_module(f"stage{i}", blocks)
            outputs.append(width)
        for i, w in enumerate(d.decoder, 1):
            self.add_module(f"decoder{i}", DecoderStep(width, outputs[-1 - i], w, d.stages[-i].stride))
            width = w
        self.head = ConvBlock(width, d.classes, 1, relu=False, norm=False)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")

    @property
    def total_stride(self) -> int:
        return self.description.total_stride

    def blocks(self):
        """(name, module) of every inverted residual block, in order."""
        for i, stage in enumerate(self.description.stages, 1):
            for j in range(1, len(stage.dilations) + 1):
                yield f"stage{i}.block{j}", getattr(getattr(self, f"stage{i}"), f"block{j}")

    def forward(self, x):
        x = self.stem(x)
        outputs = [x]
        for i, stage in enumerate(self.description.stages, 1):
            for j in range(1, len(stage.dilations) + 1):
                x = getattr(getattr(self, f"stage{i}"), f"block{j}")(x)
            outputs.append(x)
        for i in range(1, len(self.description.decoder) + 1):
            x = getattr(self, f"decoder{i}")(x, outputs[-1 - i])
        return self.head(x)
