# SPDX-License-Identifier: Apache-2.0
"""The operator graph in torch, twice: with float weights, and with the library's integers carried in float32.

The integer network carries centred activations, q - zero_point: exact in float32, padded with zeros, and passed by
pools and interpolation unchanged. Its rounding steps have straight-through gradients, so that it can be trained.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from depthwise import depthwise
from graph import Node, last_use
from network import LOGIT_HIGH, LOGIT_LOW, LOGIT_STEP

Weights = dict[str, dict[str, torch.Tensor]]  # node name -> weight [O, I/g, k, k] and bias [O], or scale [1] or [C]
Grid = tuple[float, int]  # scale, zero point


def fold(net: nn.Module, nodes: list[Node]) -> Weights:
    """Weights by node name of a trained network.AttendSeg, batch norm folded in."""
    out: Weights = {}
    for n in nodes:
        if n.op == "conv":
            weight, bias = net.get_submodule(n.name).folded()
            out[n.name] = {"weight": weight.float().contiguous(), "bias": bias.float()}
        elif n.op == "gate":
            out[n.name] = {"scale": net.get_submodule(n.name.removesuffix(".gate")).scale.detach().float().clone()}
    return out


def fold_scales(weights: Weights, nodes: list[Node]) -> Weights:
    """The condensers' scales moved into the convolutions that read the gates: the integer gate has none."""
    out = {name: dict(w) for name, w in weights.items()}
    for n in nodes:
        if n.op == "conv" and nodes[n.inputs[0]].op == "gate":
            out[n.name]["weight"] = weights[n.name]["weight"] * weights[nodes[n.inputs[0]].name]["scale"].view(1, -1, 1, 1)
    return {name: w for name, w in out.items() if "weight" in w}


def convolve(n: Node, x, weight, bias):
    if weight.requires_grad and n.groups == x.shape[1] == len(weight):
        return depthwise(x, weight, n.stride, n.padding, n.dilation) + bias.view(1, -1, 1, 1)
    return F.conv2d(x, weight, bias, n.stride, n.padding, n.dilation, n.groups)


def pool(n: Node, x):
    return F.max_pool2d(x, n.factor) if n.op == "max_pool" else F.avg_pool2d(x, n.factor)


def enlarge(n: Node, x):
    how = {} if n.expand == "nearest" else {"align_corners": False}
    return F.interpolate(x, scale_factor=n.factor, mode=n.expand, **how)


def run_float(nodes: list[Node], weights: Weights, x: torch.Tensor, see=None) -> torch.Tensor:
    """Class scores of a normalised picture; `see(node, activation)` is called for every node."""
    free, y = last_use(nodes), []
    for i, n in enumerate(nodes):
        a = [y[k] for k in n.inputs]
        if n.op == "input":
            v = x
        elif n.op == "conv":
            v = convolve(n, a[0], **weights[n.name])
            v = F.relu(v) if n.relu else v
        elif n.op in ("max_pool", "average_pool"):
            v = pool(n, a[0])
        elif n.op == "gate":
            v = torch.clamp(a[1], LOGIT_LOW, LOGIT_HIGH)
            v = enlarge(n, torch.sigmoid(v)) if n.expand == "nearest" else torch.sigmoid(enlarge(n, v))
            v = a[0] * v * weights[n.name]["scale"].view(1, -1, 1, 1)
        else:
            v = enlarge(n, a[0]) if n.op == "upsample" else a[0] + a[1]
        y.append(v)
        if see is not None:
            see(n, v)
        for k in free[i]:
            y[k] = None
    return y[-1]


class Folded(nn.Module):
    """The float network of folded weights, as its weight file holds it."""

    def __init__(self, nodes: list[Node], weights: Weights):
        super().__init__()
        self.nodes, self.weights = nodes, weights
        self.device_of = nn.Parameter(torch.empty(0))

    def _apply(self, fn, *rest):
        self.weights = {name: {key: fn(t) for key, t in tensors.items()} for name, tensors in self.weights.items()}
        return super()._apply(fn, *rest)

    def forward(self, x):
        return run_float(self.nodes, self.weights, x)


def inside(grad: torch.Tensor, y: torch.Tensor, low: int, high: int) -> torch.Tensor:
    """The gradient where the integers y lie in [low, high], elsewhere 0."""
    return torch.ops.aten.hardtanh_backward(grad, y, low - 0.5, high + 0.5)


class Requantise(torch.autograd.Function):
    """clamp(round_half_even(acc * m)); no gradient where it is clamped."""

    @staticmethod
    def forward(ctx, acc, m, low, high):
        m = m.view(1, -1, 1, 1)
        y = (acc * m).round_()
        ctx.save_for_backward(y, m)
        ctx.range = low, high
        return y.clamp(low, high)

    @staticmethod
    def backward(ctx, grad):
        y, m = ctx.saved_tensors
        return inside(grad, y, *ctx.range).mul_(m), None, None, None


class HalfUp(torch.autograd.Function):
    """floor(x + 1/2), passed straight through."""

    @staticmethod
    def forward(ctx, x):
        return (x + 0.5).floor_()

    @staticmethod
    def backward(ctx, grad):
        return grad


class ResidualAdd(torch.autograd.Function):
    """clamp((a ma + b mb + 2^(shift - 1)) >> shift). |a ma|, |b mb| < 2^23, so that the sum is exact."""

    @staticmethod
    def forward(ctx, a, b, ma, mb, shift, low, high):
        x = (a * ma + b * mb).mul_(2.0**-shift)
        y = x.floor()
        y += x.sub_(y) >= 0.5
        ctx.save_for_backward(y)
        ctx.range, ctx.factors = (low, high), (ma * 2.0**-shift, mb * 2.0**-shift)
        return y.clamp(low, high)

    @staticmethod
    def backward(ctx, grad):
        grad = inside(grad, *ctx.saved_tensors, *ctx.range)
        return grad * ctx.factors[0], grad * ctx.factors[1], None, None, None, None, None


def through(x: torch.Tensor) -> torch.Tensor:
    """Rounded to nearest even, passed straight through."""
    return x + (x.round() - x).detach()


def add_parameters(sa: float, sb: float, scale: float) -> tuple[int, int, int]:
    """Ma, Mb < 2^15 and the largest shift <= 24 at which they fit: a Ma / 2^shift = a sa / scale."""
    for shift in range(24, 0, -1):
        ma, mb = round(sa / scale * 2**shift), round(sb / scale * 2**shift)
        if max(ma, mb) < 2**15:
            return ma, mb, shift
    raise ValueError(f"residual add: scales {sa} and {sb} onto {scale}, expected ratios below 2^14")


def gate_table(zero_point: int = 0, step: float = LOGIT_STEP) -> np.ndarray:
    """[256] int16: round(32767 sigmoid((q - zero_point) step)) at index q + 128."""
    q = np.arange(-128, 128, dtype=np.float64)
    return np.rint(32767 / (1 + np.exp(-(q - zero_point) * step))).astype(np.int16)


class Simulated(nn.Module):
    """The integer network; parameters are the folded weights in units of their channel's initial maximum.

    In those units a learning rate means the same for every layer: folding batch norm leaves them of any size.
    """

    def __init__(self, nodes: list[Node], weights: Weights, grids: dict[str, Grid]):
        super().__init__()
        self.nodes, self.grids, self.raw = nodes, dict(grids), False
        self.weights, self.biases = nn.ParameterDict(), nn.ParameterDict()
        for n in nodes:
            if n.op == "input":
                self.grids["input"] = (1 / 64, 0)
            elif n.op == "conv":
                w, b = weights[n.name]["weight"], weights[n.name]["bias"]
                unit = w.abs().amax((1, 2, 3), keepdim=True).clamp_min(1e-12)
                key = n.name.replace(".", "/")  # parameter names hold no dots
                self.register_buffer(f"unit {key}", unit)
                self.weights[key] = nn.Parameter(w / unit)
                self.biases[key] = nn.Parameter(b / (128 * self.grids[n.name][0]))
            elif n.op != "add":  # pools, gates and upsampling keep the grid of what they read
                self.grids[n.name] = self.grids[nodes[n.inputs[0]].name]
        self.register_buffer("table", torch.from_numpy(gate_table().astype(np.float32)))

    def real(self, n: Node) -> tuple[torch.Tensor, torch.Tensor]:
        """Weight and bias of a convolution in real units."""
        key = n.name.replace(".", "/")
        return self.weights[key] * self.get_buffer(f"unit {key}"), self.biases[key] * (128 * self.grids[n.name][0])

    def integers(self, n: Node) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Weight in [-127, 127], bias and multiplier of a convolution, as float32; differentiable."""
        w, b = self.real(n)
        s_in, s_out = self.grids[self.nodes[n.inputs[0]].name][0], self.grids[n.name][0]
        with torch.no_grad():
            # The second term keeps the bias of a (nearly) dead channel below 2^22.
            s = torch.maximum(w.abs().amax((1, 2, 3)) / 127, b.abs() / (s_in * 2**22)).clamp_min(1e-12)
            m = (s.double() * s_in / s_out).float()
        return through(w / s.view(-1, 1, 1, 1)).clamp(-127, 127), through(b / (s * s_in)), m

    def accumulate(self, n: Node, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Sums of a convolution and the multiplier that puts them onto its grid."""
        weight, bias, m = self.integers(n)
        return convolve(n, x, weight, bias), m

    def addends(self, n: Node) -> tuple[int, int, int]:
        """Ma, Mb and shift of a residual add."""
        return add_parameters(*(self.grids[self.nodes[k].name][0] for k in n.inputs), self.grids[n.name][0])

    def limits(self, n: Node) -> tuple[int, int]:
        zero = self.grids[n.name][1]
        return (0 if n.relu else -128 - zero), 127 - zero

    def forward(self, x: torch.Tensor, seen: dict | None = None) -> torch.Tensor:
        """Class scores, in real units, of a picture normalised by (pixel - 128) / 64; in integers where self.raw.

        `seen` is given every node's centred activation by name.
        """
        y: list = []
        free = last_use(self.nodes)
        for i, n in enumerate(self.nodes):
            a = [y[k] for k in n.inputs]
            if n.op == "input":
                v = (x * 64).round()
            elif n.op == "conv":
                v = Requantise.apply(*self.accumulate(n, a[0]), *self.limits(n))
            elif n.op == "max_pool":
                v = pool(n, a[0])
            elif n.op == "average_pool":
                v = HalfUp.apply(pool(n, a[0]))
            elif n.op == "upsample":
                v = HalfUp.apply(enlarge(n, a[0]))
            elif n.op == "gate":
                v = self.gate(n, *a)
            else:
                v = ResidualAdd.apply(*a, *self.addends(n), *self.limits(n))
            y.append(v)
            if seen is not None:
                seen[n.name] = v
            for k in free[i]:
                y[k] = None
        return y[-1] if self.raw else y[-1] * self.grids[self.nodes[-1].name][0]

    def gate(self, n: Node, v: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
        if n.expand == "bilinear":
            a = HalfUp.apply(enlarge(n, a))
        g = 32767 * torch.sigmoid(a * LOGIT_STEP)
        g = g + (self.table[(a.detach() + 128).long()] - g).detach()
        if n.expand == "nearest":
            g = enlarge(n, g)
        return HalfUp.apply(v * g * 2.0**-15)

    @torch.no_grad()
    def tensors(self) -> dict[str, np.ndarray]:
        """All stored tensors of an int8 weight file except the test vector, by name; raises where a bound is broken."""
        out: dict[str, np.ndarray] = {}
        for n in self.nodes:
            scale, zero = self.grids[n.name]
            if n.op == "conv":
                weight, bias, m = self.integers(n)
                out[f"{n.name}.weight"] = weight.permute(0, 2, 3, 1).numpy().astype(np.int8)
                out[f"{n.name}.bias"] = bias.numpy().astype(np.int32)
                out[f"{n.name}.multiplier"] = m.numpy().copy()
                check_bounds(n.name, weight, bias, m)
            elif n.op == "add":
                ma, mb, shift = self.addends(n)
                out[f"{n.name}.multiplier"] = np.array([ma, mb], np.int16)
                out[f"{n.name}.shift"] = np.array([shift], np.int8)
            elif n.op == "gate":
                step, zero_logits = self.grids[self.nodes[n.inputs[1]].name]
                out[f"{n.name}.table"] = gate_table(zero_logits, step)
            if n.op in ("conv", "add"):
                out[f"{n.name}.zero_point"] = np.array([zero], np.int8)
        i = np.arange(256)
        out["head.confidence"] = np.rint(255 / (1 + np.exp(-i * self.grids["head"][0]))).astype(np.uint8)
        return out


def check_bounds(name: str, weight: torch.Tensor, bias: torch.Tensor, m: torch.Tensor) -> None:
    """What keeps every accumulator and conversion in range on every machine."""
    if not bool(torch.isfinite(weight).all() and torch.isfinite(bias).all()):
        raise ValueError(f"{name}: weights or biases that are not finite; did training diverge?")
    bound = 255 * weight.abs().double().sum((1, 2, 3)) + bias.abs().double()
    worst = int(bound.argmax())
    if bound[worst] >= 2**31:
        raise ValueError(f"{name}: accumulator bound {bound[worst]:.0f} in channel {worst}, expected below 2^31")
    scaled = bound * m.double()
    worst = int(scaled.argmax())
    if scaled[worst] >= 2**30:
        raise ValueError(f"{name}: accumulator bound times multiplier {scaled[worst]:.0f} in channel {worst}, expected below 2^30")
    low = float(m.min())
    if not (torch.isfinite(m).all() and low >= torch.finfo(torch.float32).tiny):
        raise ValueError(f"{name}.multiplier: {low} to {float(m.max())}, expected normal positive numbers")


def attend_names(nodes: list[Node]) -> set[str]:
    """The convolutions that write gate logits: their grid is fixed, step 1/16 and zero point 0."""
    return {nodes[n.inputs[1]].name for n in nodes if n.op == "gate"}

