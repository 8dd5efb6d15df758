# SPDX-License-Identifier: Apache-2.0
"""A network begun from the weights of another one of other widths: layer after layer, each convolution is fitted by least
squares to what the other network's computes there (channel pruning by reconstruction: He, Zhang, Sun 2017).

Stages and decoder steps stand for those of the same stride. Where ours is narrower, the channels that tell most are kept;
where it is wider, the additional ones begin at random. A block that theirs has not begins as the identity, a finer decoder
step hands the scores through.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable

import torch
import torch.nn.functional as F

import stored
import unfold
from network import AttendSeg, ConvBlock, DecoderStep, InvertedResidual

POINTS = 400  # of each picture, at which a convolution's outputs are compared
RIDGE = 1e-5  # of the mean square of the inputs: what keeps the solution of least squares small


class Reached(Exception):
    """The convolution whose input was asked for has it."""


def places(picture: int, size: torch.Size) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows and columns of POINTS pixels of a map of so many, the same for both networks."""
    chosen = torch.randint(0, size[0] * size[1], (POINTS,), generator=torch.Generator().manual_seed(picture))
    return chosen // size[1], chosen % size[1]


def neighbourhoods(x: torch.Tensor, conv: torch.nn.Conv2d, picture: int) -> torch.Tensor:
    """[POINTS, C k k]: the inputs [1, C, H, W] that the output pixels of places() are computed from."""
    k, stride, dilation, pad = (v[0] for v in (conv.kernel_size, conv.stride, conv.dilation, conv.padding))
    size = torch.Size(((side + 2 * pad - dilation * (k - 1) - 1) // stride + 1 for side in x.shape[-2:]))
    rows, columns = places(picture, size)
    x = F.pad(x, (pad, pad, pad, pad))[0]
    taps = [x[:, rows * stride + i * dilation, columns * stride + j * dilation] for i in range(k) for j in range(k)]
    return torch.stack(taps, 1).permute(2, 0, 1).flatten(1)


def telling(outputs: torch.Tensor, keep: int, reader: ConvBlock | None = None) -> torch.Tensor:
    """Ids of `keep` of the channels of outputs [n, C] that leave least of the others untold (QR with column pivoting), as far
    as the convolution `reader` looks at them."""
    if keep >= outputs.shape[1]:
        return torch.arange(outputs.shape[1])
    left = (outputs - outputs.mean(0)).double()
    if reader is not None:
        left = left * reader.folded()[0].transpose(0, 1).flatten(1).norm(dim=1)
    chosen: list[int] = []
    for _ in range(keep):
        size = left.square().sum(0)
        size[chosen] = -1
        best = int(size.argmax())
        chosen.append(best)
        direction = left[:, best] / left[:, best].norm().clamp_min(1e-12)
        left = left - direction[:, None] * (direction @ left)[None]
    return torch.tensor(sorted(chosen))


def silence(block: ConvBlock) -> None:
    """A convolution gives 0 everywhere, and can learn otherwise."""
    block.norm.weight.zero_()
    block.norm.bias.zero_()


class Refit:
    """Gives `net` what `source` knows; `pictures` [1, 3, H, W] are normalised, their sides multiples of both total strides."""

    def __init__(self, net: AttendSeg, source: AttendSeg, pictures: list[torch.Tensor]):
        if net.description.classes != source.description.classes:
            raise ValueError(f"start: {source.description.classes} classes, expected {net.description.classes} as the network has")
        self.net, self.source, self.pictures = net.eval(), source.eval(), pictures
        self.now: tuple[torch.nn.Module, list[tuple]] = (net, [])  # the part of ours that is fitted, its inputs of each picture
        self.outputs: dict[ConvBlock, list[torch.Tensor]] = {}  # of each of the source's, before its ReLU
        blocks = [m for m in source.modules() if isinstance(m, ConvBlock)]

        def keep(block):
            def hook(module, inputs, y):
                rows, columns = places(len(self.outputs[block]), y.shape[-2:])
                self.outputs[block].append(y[0, :, rows, columns].T)

            self.outputs[block] = []
            return hook

        handles = [(block.norm or block.conv).register_forward_hook(keep(block)) for block in blocks]
        self.scores = [source(x) for x in pictures]
        for handle in handles:
            handle.remove()

    def theirs(self, block: ConvBlock) -> torch.Tensor:
        """[n, C] outputs of a convolution of the source, before its ReLU."""
        return torch.cat(self.outputs[block])

    def inputs(self, block: ConvBlock) -> torch.Tensor:
        """[n, C k k]: what a convolution of ours reads, everything before it being as it is now."""
        met: list[torch.Tensor] = []

        def see(module, inputs):
            met.append(neighbourhoods(inputs[0], block.conv, len(met)))
            raise Reached

        handle = block.register_forward_pre_hook(see)
        part, given = self.now
        for arguments in given:
            try:
                part(*arguments)
            except Reached:
                pass
        handle.remove()
        return torch.cat(met)

    def set(self, block: ConvBlock, rows: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> None:
        """The first len(weight) output channels compute weight [O, C/g, k, k] and bias [O]; batch norm knows their statistics
        over the inputs `rows`. Channels beyond stay as they are."""
        n = len(weight)
        grouped = block.conv.groups > 1
        taps = weight[0].numel()
        if grouped:
            of_group = rows.view(len(rows), block.conv.groups, -1)[:, torch.arange(n) * block.conv.groups // block.conv.out_channels]
            y = torch.einsum("noc,oc->no", of_group, weight.view(n, taps))
        else:
            y = rows @ weight.view(n, taps).T
        if block.norm is None:
            block.conv.weight[:n], block.conv.bias[:n] = weight, bias
            return
        gain = unfold.WEIGHT_RMS / weight.square().mean((1, 2, 3)).sqrt().clamp_min(1e-6)
        norm = block.norm
        block.conv.weight[:n] = weight * gain.view(-1, 1, 1, 1)
        norm.running_mean[:n], norm.running_var[:n] = y.mean(0) * gain, y.var(0) * gain.square()
        norm.weight[:n] = torch.sqrt(norm.running_var[:n] + norm.eps) / gain
        norm.bias[:n] = bias + y.mean(0)

    def fit(self, block: ConvBlock, wanted: torch.Tensor) -> None:
        """The first channels of `block` become the closest to wanted [n, O] that its inputs allow."""
        wanted = wanted[:, : block.conv.out_channels]
        rows = self.inputs(block)
        if block.conv.groups > 1:
            raise ValueError("start: convolutions in groups cannot be fitted, expected groups of 1")
        a = torch.cat([rows, rows.new_ones(len(rows), 1)], 1).double()
        products = a.T @ a
        ridge = RIDGE * products.diagonal().mean() * torch.eye(len(products), dtype=a.dtype)
        ridge[-1, -1] = 0
        found = torch.linalg.solve(products + ridge, a.T @ wanted.double()).float()
        self.set(block, rows, found[:-1].T.reshape(-1, *block.conv.weight.shape[1:]), found[-1])

    def copy(self, block: ConvBlock, theirs: ConvBlock, kept: torch.Tensor) -> None:
        """A depthwise convolution takes over the channels `kept`."""
        weight, bias = theirs.folded()
        self.set(block, self.inputs(block), weight[kept], bias[kept])

    def block(self, ours: InvertedResidual, theirs: InvertedResidual | None, width: torch.Tensor | None) -> torch.Tensor:
        """@param width  the source's channels that the stage's stand for, None: to be chosen. @return them"""
        if theirs is None:
            if not ours.residual:
                raise ValueError("start: a stage of a stride that the other network has not must keep its input's width")
            silence(ours.project)
            return width
        middle = telling(self.theirs(theirs.expand).relu(), ours.expand.conv.out_channels, theirs.project)
        self.fit(ours.expand, self.theirs(theirs.expand)[:, middle])
        self.copy(ours.depthwise, theirs.depthwise, middle)
        if ours.condenser is not None:
            self.condenser(ours.condenser, theirs.condenser, middle)
        if width is None or not ours.residual:
            width = telling(self.theirs(theirs.project), ours.project.conv.out_channels)
        self.fit(ours.project, self.theirs(theirs.project)[:, width])
        return width

    def condenser(self, ours, theirs, middle: torch.Tensor) -> None:
        shape = lambda c: (c.o.condense, c.o.factor, c.o.embedding, c.o.groups, c.o.double)
        if theirs is None or shape(ours) != shape(theirs) or ours.o.groups > 1:
            silence(ours.attend)  # a gate of 1
            return
        if ours.spatial is not None:
            self.copy(ours.spatial, theirs.spatial, middle)
        before = theirs.embed2 if ours.o.double else theirs.attend
        kept = telling(self.theirs(theirs.embed).relu(), ours.o.channels, before)
        self.fit(ours.embed, self.theirs(theirs.embed)[:, kept])
        if ours.o.double:
            kept = telling(self.theirs(theirs.embed2).relu(), ours.o.channels, theirs.attend)
            self.fit(ours.embed2, self.theirs(theirs.embed2)[:, kept])
        self.fit(ours.attend, self.theirs(theirs.attend)[:, middle])
        if len(ours.scale) == len(theirs.scale):
            ours.scale.copy_(theirs.scale)
        elif len(ours.scale) > 1 and len(theirs.scale) > 1:
            ours.scale[: len(middle)] = theirs.scale[middle]

    def scores_at(self, maps: list[torch.Tensor]) -> torch.Tensor:
        """[n, classes]: the source's scores at the places of maps of ours."""
        met = []
        for i, (x, scores) in enumerate(zip(maps, self.scores)):
            rows, columns = places(i, x.shape[-2:])
            met.append(F.interpolate(scores, x.shape[-2:], mode="bilinear", align_corners=False)[0, :, rows, columns].T)
        return torch.cat(met)

    def step(self, ours: DecoderStep, theirs: DecoderStep | None, reader: ConvBlock | None) -> None:
        if theirs is not None:
            kept = telling(self.theirs(theirs.reduce) + self.theirs(theirs.skip), ours.fuse.conv.in_channels, theirs.fuse)
            self.fit(ours.reduce, self.theirs(theirs.reduce)[:, kept])
            self.fit(ours.skip, self.theirs(theirs.skip)[:, kept])
            kept = telling(self.theirs(theirs.fuse).relu(), ours.fuse.conv.out_channels, reader)
            self.fit(ours.fuse, self.theirs(theirs.fuse)[:, kept])
            return
        classes = self.net.description.classes
        if ours.fuse.conv.in_channels < classes:
            raise ValueError(f"start: a decoder step of {ours.fuse.conv.in_channels} channels that the other network has not, "
                             f"expected {classes} or more, to hand its scores through")
        scores = self.scores_at([deep for deep, _ in self.now[1]])
        size = scores.std()
        self.fit(ours.reduce, scores / size)
        silence(ours.skip)
        rows = self.inputs(ours.fuse)
        through = torch.zeros(classes, *ours.fuse.conv.weight.shape[1:])
        through[range(classes), range(classes), 1, 1] = 1
        lift = -torch.quantile((scores / size).flatten()[:: 1 + scores.numel() // 100_000], 0.02)  # above the ReLU's bend
        self.set(ours.fuse, rows, through, lift.expand(classes))

    def run(self) -> None:
        net, source = self.net, self.source
        through = lambda: [self.now[0](*arguments) for arguments in self.now[1]]
        first = next(block for _, block in source.blocks())
        width = telling(self.theirs(source.stem).relu(), net.stem.conv.out_channels, first.expand)
        self.now = net.stem, [(x,) for x in self.pictures]
        self.fit(net.stem, self.theirs(source.stem)[:, width])
        maps = through()
        outputs = [maps]
        of_stride = {stride: i for i, stride in enumerate(source.description.strides, 1)}
        for i, stride in enumerate(net.description.strides, 1):
            other = getattr(source, f"stage{of_stride.get(stride, 0)}", None)
            for j, (name, block) in enumerate(getattr(net, f"stage{i}").named_children()):
                self.now = block, [(x,) for x in maps]
                width = self.block(block, getattr(other, name, None), width if j or other is None else None)
                maps = through()
            outputs.append(maps)
        steps = [getattr(source, f"decoder{i}") for i in range(1, len(source.description.decoder) + 1)]
        readers = [step.reduce for step in steps[1:]] + [source.head]
        known = dict(zip(source.description.joined, zip(steps, readers)))
        for i, stride in enumerate(net.description.joined, 1):
            step = getattr(net, f"decoder{i}")
            self.now = step, list(zip(maps, outputs[-1 - i]))
            self.step(step, *known.get(stride, (None, None)))
            maps = through()
        self.now = net.head, [(x,) for x in maps]
        self.fit(net.head, self.scores_at(maps))


@torch.no_grad()
def into(net: AttendSeg, source: AttendSeg, pictures: list[torch.Tensor]) -> None:
    """Gives `net` what `source` knows, of the same classes.

    @param pictures  normalised, [1, 3, H, W], sides multiples of both networks' total strides; some 40 show enough
    """
    training = net.training
    Refit(net, source, pictures).run()
    net.train(training)


def begin(net: AttendSeg, path: str | os.PathLike, batch: Callable[[], torch.Tensor], pictures: int = 40) -> None:
    """Gives `net` the weights of a float file, if need be of another description.

    @param batch  gives a batch of normalised pictures as training sees them, [N, 3, H, W]
    """
    description, _ = stored.read_weights(path)
    if description == net.description:
        unfold.into(net, path, batch)
        return
    source = AttendSeg(description)
    unfold.into(source, path, lambda: batch().cpu())
    device, multiple = next(net.parameters()).device, math.lcm(net.total_stride, source.total_stride)
    seen: list[torch.Tensor] = []
    while len(seen) < pictures:
        x = batch().cpu()
        h, w = x.shape[-2:]
        seen += F.pad(x, (0, -w % multiple, 0, -h % multiple), mode="replicate").split(1)
    into(net.cpu(), source, seen[:pictures])
    net.to(device)
