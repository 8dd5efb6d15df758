# SPDX-License-Identifier: Apache-2.0
"""The integer network in NumPy: an independent reading of the arithmetic that the library promises, bit for bit.

`python oracle.py WEIGHTS IMAGE` prints the FNV-1a checksum of the mask; tests and exports call run().
"""

from __future__ import annotations

import argparse
import os

import numpy as np

import safetensors
from description import Description
from graph import Node, last_use, lower


class Network:
    """An int8 weight file, checked for what the arithmetic needs."""

    def __init__(self, tensors: dict[str, np.ndarray], metadata: dict[str, str]):
        for key, wanted in (("format", "attendseg/1"), ("precision", "int8")):
            if metadata.get(key) != wanted:
                raise ValueError(f"__metadata__.{key}: {metadata.get(key)!r}, expected {wanted!r}")
        self.tensors, self.metadata = tensors, metadata
        self.description = Description.from_json(metadata["description"])
        self.working_size = int(metadata["working_size"])
        self.nodes = lower(self.description)
        for n in self.nodes:
            if n.op == "conv":
                self.check(n)

    @staticmethod
    def load(path: str | os.PathLike) -> "Network":
        return Network(*safetensors.read(path))

    def check(self, n: Node) -> None:
        """The bounds that keep every sum inside int32 and every conversion inside its range."""
        w, b, m = (self.tensors[f"{n.name}.{k}"] for k in ("weight", "bias", "multiplier"))
        shape = (n.channels, n.kernel, n.kernel, n.in_channels // n.groups)
        if w.shape != shape or w.dtype != np.int8 or (w == -128).any():
            raise ValueError(f"{n.name}.weight: {w.dtype} {w.shape}, lowest {w.min()}, expected int8 {shape} above -128")
        if b.shape != shape[:1] or b.dtype != np.int32 or m.shape != shape[:1] or m.dtype != np.float32:
            raise ValueError(f"{n.name}: bias {b.dtype} {b.shape}, multiplier {m.dtype} {m.shape}, expected {shape[:1]}")
        if not (np.isfinite(m) & (m >= np.finfo(np.float32).tiny)).all():
            raise ValueError(f"{n.name}.multiplier: {m.min()} to {m.max()}, expected normal positive numbers")
        bound = 255 * np.abs(w.astype(np.int64)).sum((1, 2, 3)) + np.abs(b.astype(np.int64))
        if bound.max() >= 2**31 or (bound * m.astype(np.float64)).max() >= 2**30:
            raise ValueError(f"{n.name}: accumulator bound {bound.max()}, times multiplier {(bound * m).max()}, "
                             "expected below 2^31 and 2^30")


def clamp(x: np.ndarray, low: int = -128) -> np.ndarray:
    return np.clip(x, low, 127).astype(np.int8)


def accumulate(x: np.ndarray, w: np.ndarray, n: Node) -> np.ndarray:
    """Integer convolution of centred activations [H, W, I] (int32), zero padded; [H', W', O] int64.

    Dense kernels go through float64 matrix products: exact, as all sums stay far below 2^53.
    """
    p, d, s = n.padding, n.dilation, n.stride
    x = np.pad(x, ((p, p), (p, p), (0, 0)))
    span = d * (n.kernel - 1)
    h, width = (x.shape[0] - span - 1) // s + 1, (x.shape[1] - span - 1) // s + 1
    tap = lambda i, j: x[i * d : i * d + s * (h - 1) + 1 : s, j * d : j * d + s * (width - 1) + 1 : s]
    taps = [(i, j) for i in range(n.kernel) for j in range(n.kernel)]
    if n.groups == n.in_channels == n.channels and n.groups > 1:
        return sum(tap(i, j).astype(np.int64) * w[:, i, j, 0].astype(np.int64) for i, j in taps)
    out = np.zeros((h, width, n.channels))
    gi, go = n.in_channels // n.groups, n.channels // n.groups
    for i, j in taps:
        t = tap(i, j).astype(np.float64)
        for g in range(n.groups):
            out[..., g * go : (g + 1) * go] += t[..., g * gi : (g + 1) * gi] @ w[g * go : (g + 1) * go, i, j].T.astype(np.float64)
    return out.astype(np.int64)


def conv(q: np.ndarray, zero_in: int, n: Node, t: dict[str, np.ndarray]) -> np.ndarray:
    acc = accumulate(q.astype(np.int32) - zero_in, t[f"{n.name}.weight"], n) + t[f"{n.name}.bias"].astype(np.int64)
    zero = int(t[f"{n.name}.zero_point"][0])
    # One int->float conversion, one product, one float->int conversion, each rounded to nearest, ties to even.
    y = np.rint(acc.astype(np.float32) * t[f"{n.name}.multiplier"]).astype(np.int64)
    return clamp(zero + y, zero if n.relu else -128)


def pool(q: np.ndarray, n: Node) -> np.ndarray:
    h, w, c = q.shape
    f = n.factor
    windows = q.reshape(h // f, f, w // f, f, c)
    if n.op == "max_pool":
        return windows.max((1, 3))
    return ((windows.astype(np.int64).sum((1, 3)) + f * f // 2) >> (2 * f.bit_length() - 2)).astype(np.int8)


def interpolate(q: np.ndarray, f: int) -> np.ndarray:
    """Bilinear, half-pixel centres, edges clamped: sums with weights over (2 f)^2, not yet divided. int64."""

    def axis(x: np.ndarray, at: int) -> np.ndarray:
        size = x.shape[at]
        t = 2 * np.arange(size * f) + 1 - f  # position in units of 1 / (2 f)
        low = t // (2 * f)
        weight = (t - 2 * f * low).reshape([-1 if i == at else 1 for i in range(x.ndim)])
        take = lambda i: np.take(x, np.clip(i, 0, size - 1), at)
        return take(low) * (2 * f - weight) + take(low + 1) * weight

    return axis(axis(q.astype(np.int64), 0), 1)


def upsample(q: np.ndarray, f: int, how: str) -> np.ndarray:
    if how == "nearest":
        return q.repeat(f, 0).repeat(f, 1)
    return clamp((interpolate(q, f) + 2 * f * f) >> (2 * f.bit_length()))  # 4 f^2 = 2^(2 log2 f + 2)


def gate(v: np.ndarray, a: np.ndarray, zero: int, n: Node, t: dict[str, np.ndarray]) -> np.ndarray:
    table = t[f"{n.name}.table"].astype(np.int64)
    factors = table[upsample(a, n.factor, n.expand).astype(np.int64) + 128]
    return clamp(zero + (((v.astype(np.int64) - zero) * factors + 2**14) >> 15))


def add(a: np.ndarray, za: int, b: np.ndarray, zb: int, n: Node, t: dict[str, np.ndarray]) -> np.ndarray:
    ma, mb = (int(m) for m in t[f"{n.name}.multiplier"])
    shift, zero = int(t[f"{n.name}.shift"][0]), int(t[f"{n.name}.zero_point"][0])
    acc = (a.astype(np.int64) - za) * ma + (b.astype(np.int64) - zb) * mb
    return clamp(zero + ((acc + (1 << (shift - 1))) >> shift))


def resample(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Exact area averaging of [H, W, C] uint8 to at most its size."""

    def overlaps(n_in: int, n_out: int) -> np.ndarray:  # [out, in], in units of 1 / n_out of an input pixel
        i, y = np.arange(n_out)[:, None], np.arange(n_in)[None]
        return np.maximum(0, np.minimum((y + 1) * n_out, (i + 1) * n_in) - np.maximum(y * n_out, i * n_in))

    wy, wx = overlaps(picture.shape[0], height), overlaps(picture.shape[1], width)
    # Sums below 255 * H * W < 2^53: exact in float64.
    total = np.einsum("iy,yjc->ijc", wy.astype(np.float64), np.einsum("jx,yxc->yjc", wx.astype(np.float64), picture, optimize=True),
                      optimize=True).astype(np.int64)
    area = picture.shape[0] * picture.shape[1]
    return ((total + area // 2) // area).astype(np.uint8)


def enlarge(mask: np.ndarray, height: int, width: int) -> np.ndarray:
    rows = (2 * np.arange(height) + 1) * mask.shape[0] // (2 * height)
    columns = (2 * np.arange(width) + 1) * mask.shape[1] // (2 * width)
    return mask[rows][:, columns]


def classify(scores: np.ndarray, f: int, height: int, width: int, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels from the unrounded sums, ties to the lowest id, and confidence from best minus second best."""
    acc = (interpolate(scores, f) if f > 1 else scores.astype(np.int64))[:height, :width]
    mask = acc.argmax(2).astype(np.uint8)
    second, best = np.moveaxis(np.partition(acc, -2, axis=2)[..., -2:], 2, 0)
    margin = (best - second) >> (2 * f.bit_length() if f > 1 else 0)
    return mask, table[np.minimum(255, margin)]


def network_size(height: int, width: int, working_size: int) -> tuple[int, int]:
    """The size at which the network sees a picture, before padding."""
    longest = max(height, width)
    if longest <= working_size:
        return height, width
    return tuple(max(1, (side * working_size + longest // 2) // longest) for side in (height, width))


def run(file, picture: np.ndarray, native: bool = False, keep: bool = False):
    """A picture [H, W, 3] uint8 through the weights `file` (path or Network).

    @return mask [H, W] uint8, confidence [H, W] uint8, and {node name: [h, w, c] int8} (empty unless `keep`).
    """
    net = file if isinstance(file, Network) else Network.load(file)
    t, nodes = net.tensors, net.nodes
    height, width = picture.shape[:2]
    h, w = (height, width) if native else network_size(height, width, net.working_size)
    if (h, w) != (height, width):
        picture = resample(picture, h, w)
    multiple = net.description.total_stride
    picture = np.pad(picture, ((0, -h % multiple), (0, -w % multiple), (0, 0)), mode="edge")
    q = [(picture.astype(np.int16) - 128).astype(np.int8)]
    zero, kept, free = [0], {}, last_use(nodes)
    if keep:
        kept["input"] = q[0]
    for i, n in enumerate(nodes[1:], 1):
        x, z = q[n.inputs[0]], zero[n.inputs[0]]
        if n.op == "conv":
            q.append(conv(x, z, n, t))
        elif n.op in ("max_pool", "average_pool"):
            q.append(pool(x, n))
        elif n.op == "upsample":
            q.append(upsample(x, n.factor, n.expand))
        elif n.op == "gate":
            q.append(gate(x, q[n.inputs[1]], z, n, t))
        else:
            q.append(add(x, z, q[n.inputs[1]], zero[n.inputs[1]], n, t))
        zero.append(int(t[f"{n.name}.zero_point"][0]) if n.op in ("conv", "add") else z)
        if keep:
            kept[n.name] = q[i]
        for used in free[i]:
            q[used] = None
    mask, confidence = classify(q[-1], net.description.output_stride, h, w, t["head.confidence"])
    if (h, w) != (height, width):
        mask, confidence = enlarge(mask, height, width), enlarge(confidence, height, width)
    return mask, confidence, kept


def checksum(data: np.ndarray) -> int:
    """FNV-1a, 64 bits, over the bytes of an array."""
    value = 0xCBF29CE484222325
    for byte in np.ascontiguousarray(data).tobytes():
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def main():
    from PIL import Image

    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("weights", help="NAME.int8.safetensors")
    p.add_argument("image", help="a picture")
    p.add_argument("--native", action="store_true", help="do not resample to the model's working size")
    p.add_argument("--mask", help="write the mask (class ids) as a PNG here")
    a = p.parse_args()
    mask, _, _ = run(a.weights, np.array(Image.open(a.image).convert("RGB")), a.native)
    if a.mask:
        Image.fromarray(mask).save(a.mask)
    print(f"{checksum(mask):016x}")


if __name__ == "__main__":
    main()
