# SPDX-License-Identifier: Apache-2.0
"""Reading and writing safetensors files with NumPy alone: the oracle and the tests need no other package."""

from __future__ import annotations

import json
import os
import pathlib

import numpy as np

TYPES = {"I8": "<i1", "U8": "<u1", "I16": "<i2", "I32": "<i4", "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8"}
NAMES = {np.dtype(v): k for k, v in TYPES.items()}


def write(path: str | os.PathLike, tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
    """Writes `tensors` back to back, widest elements first (so that each is aligned), and `metadata` (all strings)."""
    for key, value in metadata.items():
        if not isinstance(value, str):
            raise TypeError(f"__metadata__.{key}: {type(value).__name__}, expected str")
    arrays = {}
    for name, value in tensors.items():
        value = np.ascontiguousarray(value)
        if value.dtype.newbyteorder("<") not in NAMES:
            raise TypeError(f"{name}: {value.dtype}, expected one of {sorted(TYPES)}")
        arrays[name] = value.astype(value.dtype.newbyteorder("<"), copy=False)
    header: dict = {"__metadata__": metadata}
    offset = 0
    order = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    for name in order:
        a = arrays[name]
        header[name] = {"dtype": NAMES[a.dtype], "shape": list(a.shape), "data_offsets": [offset, offset + a.nbytes]}
        offset += a.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with open(part, "wb") as f:
        f.write(len(text).to_bytes(8, "little"))
        f.write(text)
        for name in order:
            f.write(arrays[name].tobytes())
    part.replace(path)


def read(path: str | os.PathLike) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """@return tensors by name, and the metadata. Raises ValueError, naming the tensor, on a file that is not whole."""
    data = pathlib.Path(path).read_bytes()
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > len(data) - 8:
        raise ValueError(f"{path}: header of {size} bytes in a file of {len(data)}")
    header = json.loads(data[8 : 8 + size])
    body = memoryview(data)[8 + size :]
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] not in TYPES:
            raise ValueError(f"{path}: {name}: dtype {entry['dtype']}, expected one of {sorted(TYPES)}")
        dtype = np.dtype(TYPES[entry["dtype"]])
        begin, end = entry["data_offsets"]
        if not 0 <= begin <= end <= len(body) or end - begin != dtype.itemsize * int(np.prod(entry["shape"], dtype=np.int64)):
            raise ValueError(f"{path}: {name}: bytes {begin} to {end} of {len(body)}, shape {entry['shape']}")
        tensors[name] = np.frombuffer(body[begin:end], dtype).reshape(entry["shape"])
    return tensors, metadata
