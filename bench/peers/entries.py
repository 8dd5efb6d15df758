# SPDX-License-Identifier: Apache-2.0
"""What is compared with what: the engines, and for each the graphs and settings that might suit it best."""

from __future__ import annotations

import dataclasses
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OURS = "AttendSeg"
# oneDNN, which computes OpenVINO's convolutions and products, obeys this; a few of OpenVINO's own kernels do not.
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2"}


@dataclasses.dataclass(frozen=True)
class Variant:
    """One way to run an engine: a model, settings, and the same up to the class scores (None: cannot be asked for)."""

    model: str
    settings: tuple[str, ...] = ()
    scores: tuple[str, tuple[str, ...]] | None = None

    @property
    def how(self) -> str:
        return " ".join([self.model.removesuffix(".onnx").removesuffix(".tflite"), *self.settings])


@dataclasses.dataclass
class Entry:
    """A row to be: the fastest of its variants stands for the engine."""

    engine: str
    precision: str
    program: list[str]
    variants: list[Variant]
    environment: dict[str, str] = dataclasses.field(default_factory=dict)


def entries(work: pathlib.Path, avx2: bool) -> list[Entry]:
    """All comparisons; of an entry's variants the one that is usually the fastest comes first."""

    def onnx(stem: str, tail: str, *settings: str) -> Variant:
        return Variant(f"{stem}.{tail}.onnx", settings, (f"{stem}.scores.onnx", settings))

    def lite(stem: str) -> Variant:
        return Variant(f"{stem}.argmax.tflite", (), (f"{stem}.scores.tflite", ()))

    def ncnn(*settings: str) -> Variant:
        return Variant("float.ncnn", settings, ("float.ncnn", (*settings, "output=head")))

    def script(name: str) -> list[str]:
        return [sys.executable, str(HERE / "engines" / name)]

    def ours(precision: str, kind: str) -> Entry:
        weights = ROOT / "weights" / f"camvid.{'int8' if precision == 'int8' else 'float'}.safetensors"
        return Entry(OURS, precision, [str(work / f"ours-{precision}-{kind}")], [Variant(str(weights))])

    def openvino(precision: str, tails: str, *hints: str) -> Entry:
        stem = "int8.rounded" if precision == "int8" else "float"
        variants = [onnx(stem, tail, f"precision={hint}") for hint in hints for tail in tails.split()]
        return Entry("OpenVINO", precision, script("ov.py"), variants, AVX2 if avx2 else {})

    if avx2:
        return [ours("int8", "avx2"), ours("f32", "avx2"),
                openvino("int8", "flat products", "f32"), openvino("f32", "flat products", "f32")]
    return [
        ours("int8", "native"),
        ours("f32", "native"),
        openvino("int8", "products flat resize", "bf16", "f32"),
        openvino("bf16", "products flat resize", "bf16"),
        openvino("f32", "products flat resize", "f32"),
        Entry("ONNX Runtime", "int8", script("ort.py"),
              [onnx(f"int8.{sign}", tail) for sign in ("u8", "s8") for tail in ("nhwc", "resize")]),
        Entry("ONNX Runtime", "f32", script("ort.py"), [onnx("float", "nhwc"), onnx("float", "resize")]),
        Entry("LiteRT", "int8", script("litert.py"), [lite("int8")]),
        Entry("LiteRT", "f32", script("litert.py"), [lite("float")]),
        Entry("ncnn", "bf16", script("tencent_ncnn.py"), [ncnn("bf16=1")]),
        Entry("ncnn", "f32", script("tencent_ncnn.py"), [ncnn()]),
    ]
