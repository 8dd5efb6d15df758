# SPDX-License-Identifier: Apache-2.0
"""python export INT8 FLOAT FOLDER SIZE: the network as files for every engine whose packages are installed."""

from __future__ import annotations

import pathlib
import sys

from source import Source


def write_onnx(int8: Source, real: Source, folder: pathlib.Path, size: int) -> None:
    import to_onnx

    for tail in to_onnx.TAILS:
        for name, builder in (("int8.u8", to_onnx.Quantised(int8)), ("int8.s8", to_onnx.Quantised(int8, signed=True)),
                              ("int8.rounded", to_onnx.Quantised(int8, rounded=True)), ("float", to_onnx.Float(real))):
            builder.build(tail, size)
            builder.save(folder / f"{name}.{tail}.onnx", size)


def write_tflite(int8: Source, real: Source, folder: pathlib.Path, size: int) -> None:
    import to_tflite

    for tail in ("argmax", "scores"):
        for name, source in (("int8", int8), ("float", real)):
            builder = to_tflite.Builder(source, size)
            builder.build(tail)
            builder.save(folder / f"{name}.{tail}.tflite")


def write_ncnn(int8: Source, real: Source, folder: pathlib.Path, size: int) -> None:
    import to_ncnn

    builder = to_ncnn.Builder(real)
    builder.build()
    builder.save(folder / "float.ncnn")


def main() -> None:
    int8, real = (Source.load(pathlib.Path(p)) for p in sys.argv[1:3])
    folder, size = pathlib.Path(sys.argv[3]), int(sys.argv[4])
    folder.mkdir(parents=True, exist_ok=True)
    if not int8.grids:
        raise SystemExit(f"{sys.argv[1]}: no __metadata__.quantisation, expected the grid of every activation")
    for write in (write_onnx, write_tflite, write_ncnn):
        try:
            write(int8, real, folder, size)
        except ModuleNotFoundError as missing:
            print(f"export: {write.__name__}: no module {missing.name}", file=sys.stderr)


if __name__ == "__main__":
    main()
