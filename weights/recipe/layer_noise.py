# SPDX-License-Identifier: Apache-2.0
"""What 8 bits do to every layer: signal-to-quantisation-noise ratios, saturation, range used, weights."""

from __future__ import annotations

import math

import torch

from graph import Node, last_use
from network import LOGIT_HIGH, LOGIT_LOW
from simulate import Weights, attend_names, convolve
from stored import Stored


def decibels(signal: float, noise: float) -> float | None:
    """Ratio of two powers in dB; None where one of them is nothing."""
    return 10 * math.log10(signal / noise) if signal > 0 and noise > 0 else None


def rounded(w: torch.Tensor) -> torch.Tensor:
    """Weights [O, I, k, k] on a symmetric 8-bit grid a channel, in real units."""
    scale = w.abs().amax((1, 2, 3), keepdim=True).clamp_min(1e-12) / 127
    return (w / scale).round() * scale


def rectified(nodes: list[Node]) -> set[str]:
    """The nodes without negative values: there the lower end of the grid is ReLU's zero, no saturation."""
    names: set[str] = set()
    for n in nodes:
        if n.relu or (n.op in ("max_pool", "average_pool", "upsample", "gate") and nodes[n.inputs[0]].name in names):
            names.add(n.name)
    return names


class Tally:
    """Sums over all pictures for one node."""

    def __init__(self):
        self.signal = self.noise = self.local_noise = 0.0
        self.values = self.low = self.high = 0
        self.lowest, self.highest = 127, -128


class LayerNoise:
    """Compares every activation of the integer network with the float network's; max pools do nothing of their own.

    Accumulated noise is that of the integer network run from pixels. Local noise is that of this layer alone: float
    inputs, 8-bit weights, and the result rounded and clamped onto the layer's grid.
    """

    def __init__(self, sim: Stored, float_weights: Weights):
        self.sim, self.nodes, self.float_weights = sim, sim.nodes, float_weights
        self.logits, self.rectified, self.free = attend_names(sim.nodes), rectified(sim.nodes), last_use(sim.nodes)
        self.int8_weights = {n.name: dict(zip(("weight", "bias"), (p.detach() for p in sim.real(n))))
                             for n in sim.nodes if n.op == "conv"}
        self.index = {n.name: i for i, n in enumerate(sim.nodes)}
        self.tallies = {n.name: Tally() for n in sim.nodes if n.op not in ("input", "max_pool")}

    def watch(self, seen: dict[str, torch.Tensor]):
        """The `see` of simulate.run_float for one picture; uses `seen`, the integer network's activations, up."""
        held: dict[str, torch.Tensor] = {}

        def see(n: Node, v: torch.Tensor) -> None:
            q = seen.pop(n.name)
            if n.name in self.tallies:
                self.add(n, v, q, held)
            held[n.name] = v
            for i in self.free[self.index[n.name]]:
                del held[self.nodes[i].name]

        return see

    def add(self, n: Node, v: torch.Tensor, q: torch.Tensor, held: dict[str, torch.Tensor]) -> None:
        scale, zero = self.sim.grids[n.name]
        low, high, t = -128 - zero, 127 - zero, self.tallies[n.name]
        alone = v
        if n.op == "conv":
            alone = convolve(n, held[self.nodes[n.inputs[0]].name], **self.int8_weights[n.name])
        if n.name in self.logits:  # the float network's gate clamps them too
            v = v.clamp(LOGIT_LOW, LOGIT_HIGH)
        on_grid = (alone / scale).round_().clamp_(0 if n.relu else low, high)
        square = lambda x: float(x.square().sum(dtype=torch.float64))
        t.signal += square(v)
        t.noise += square(q * scale - v)
        t.local_noise += square(on_grid.mul_(scale).sub_(v))
        t.values += q.numel()
        t.high += int((q == high).sum())
        if n.name not in self.rectified:
            t.low += int((q == low).sum())
        t.lowest, t.highest = min(t.lowest, int(q.min()) + zero), max(t.highest, int(q.max()) + zero)

    def rows(self) -> list[dict]:
        """One entry a layer, in running order: ratios in dB (None: no signal or no noise), shares in percent, codes."""
        out = []
        for n in self.nodes:
            if n.name not in self.tallies:
                continue
            t, (scale, zero) = self.tallies[n.name], self.sim.grids[n.name]
            row = {"layer": n.name, "op": n.op, "snr_db": decibels(t.signal, t.noise),
                   "local_snr_db": decibels(t.signal, t.local_noise),
                   "saturated_percent": 100 * (t.low + t.high) / t.values,
                   "saturated_low_percent": 100 * t.low / t.values, "saturated_high_percent": 100 * t.high / t.values,
                   "codes": [t.lowest, t.highest], "scale": scale, "zero_point": zero}
            if n.op == "conv":
                w, stored = self.float_weights[n.name]["weight"], self.int8_weights[n.name]["weight"]
                power = lambda x: float(x.double().square().sum())
                row |= {"weight_snr_db": decibels(power(w), power(stored - w)),
                        "weight_rounding_snr_db": decibels(power(w), power(rounded(w) - w))}
            out.append(row)
        return out
