# SPDX-License-Identifier: Apache-2.0
"""LiteRT's interpreter, which gives all it can to the XNNPACK delegate."""

import importlib.metadata

import numpy as np

from worker import serve


class LiteRt:
    def bring(self) -> str:
        global Interpreter
        from ai_edge_litert.interpreter import Interpreter

        return importlib.metadata.version("ai-edge-litert")

    def open(self, model: str, threads: int, settings: dict[str, str], picture: np.ndarray) -> None:
        self.interpreter = Interpreter(model, num_threads=threads)
        self.interpreter.allocate_tensors()
        self.input = self.interpreter.get_input_details()[0]["index"]
        self.output = self.interpreter.get_output_details()[0]["index"]
        self.picture = picture[None]

    def infer(self) -> None:
        self.interpreter.set_tensor(self.input, self.picture)
        self.interpreter.invoke()

    def labels(self) -> np.ndarray:
        return self.interpreter.get_tensor(self.output)[0]


serve(LiteRt())
