"""RapidOCR: PP-OCR's networks in ONNX Runtime, from its wheel, with its own defaults."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...runtime.extras import pip_install
from ...runtime.geometry.images import Frame
from . import Contender, Found, Options, with_digits
from .peer import library, limit_opencv

INSTALL = pip_install("peers")


class RapidOcr(Contender):
    """Every call names all steps: RapidOCR keeps those of the call before for what a call leaves out."""

    def __init__(self, engine: Any) -> None:
        super().__init__("rapidocr", "onnxruntime", "onnxruntime-gpu", "opencv-python-headless")
        self.engine = engine

    def read(self, frame: Frame) -> list[Found]:
        """Return every line of text with a digit in a photo (H, W, 3) uint8 BGR."""
        return with_digits(self.lines(frame))

    def lines(self, frame: Frame) -> list[Found]:
        """Return every line of text in a photo (H, W, 3) uint8 BGR."""
        result = self.engine(frame, use_det=True, use_cls=True, use_rec=True)
        if result.txts is None:
            return []
        lines = zip(result.txts, result.scores, result.boxes, strict=True)
        return [Found(text, float(score), np.array(quad, np.float32)) for text, score, quad in lines]

    def recognize(self, crop: Frame) -> Found:
        """Return what a picture says that is cut to one text, (H, W, 3) uint8 BGR; text "" for nothing."""
        result = self.engine(crop, use_det=False, use_cls=False, use_rec=True)
        return Found(result.txts[0], float(result.scores[0])) if result.txts else Found("", 0.0)


def open_contender(name: str, options: Options) -> RapidOcr:  # noqa: ARG001, it goes by one name
    """Load its networks.

    Raises:
        Unavailable: it is not installed.
    """
    rapidocr = library("rapidocr", INSTALL)
    limit_opencv(options.threads)
    threads = options.threads or -1
    settings = {"Global.log_level": "error", "EngineConfig.onnxruntime.intra_op_num_threads": threads}
    return RapidOcr(rapidocr.RapidOCR(params=settings))
