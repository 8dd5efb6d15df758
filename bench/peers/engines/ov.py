# SPDX-License-Identifier: Apache-2.0
"""OpenVINO's CPU plugin, set for latency; setting precision=f32 or bf16 is its INFERENCE_PRECISION_HINT."""

import numpy as np

from worker import serve


class OpenVino:
    def bring(self) -> str:
        global openvino
        import openvino

        return openvino.__version__.split("-")[0]

    def open(self, model: str, threads: int, settings: dict[str, str], picture: np.ndarray) -> None:
        core = openvino.Core()
        if settings["precision"] == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise SystemExit("this processor has no bf16 arithmetic")
        config = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads,
                  "INFERENCE_PRECISION_HINT": settings["precision"]}
        self.request = core.compile_model(model, "CPU", config).create_infer_request()
        self.picture = openvino.Tensor(np.ascontiguousarray(picture[None]), shared_memory=True)
        self.request.set_input_tensor(self.picture)

    def infer(self) -> None:
        self.request.infer()

    def labels(self) -> np.ndarray:
        return self.request.get_output_tensor().data[0]


serve(OpenVino())
