# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime: the CPU provider with all graph optimisations."""

import numpy as np

from worker import serve


class OnnxRuntime:
    def bring(self) -> str:
        global onnxruntime
        import onnxruntime

        return onnxruntime.__version__

    def open(self, model: str, threads: int, settings: dict[str, str], picture: np.ndarray) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.feed = {"pixels": picture[None]}

    def infer(self) -> None:
        self.out = self.session.run(None, self.feed)[0]

    def labels(self) -> np.ndarray:
        return self.out[0]


serve(OnnxRuntime())
