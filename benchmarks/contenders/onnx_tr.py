"""OnnxTR: docTR's networks in ONNX Runtime, where its models already lie on the machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2

from ...runtime.geometry.images import Frame, Points
from . import Contender, Found, Options, Unavailable, with_digits
from .peer import box, library, limit_opencv

INSTALL = (
    "pip install 'onnxtr[cpu-headless]', then once: "
    "python -c 'from onnxtr.models import ocr_predictor; ocr_predictor()' to download its models"
)


class OnnxTr(Contender):
    """Its default predictor, on the CPU; it reads all text and has no list of characters to keep to."""

    def __init__(self, predictor: Any) -> None:
        super().__init__("onnxtr", "onnxruntime", "onnxruntime-gpu", "opencv-python-headless")
        self.predictor = predictor

    def read(self, frame: Frame) -> list[Found]:
        """Return every word with a digit in a photo (H, W, 3) uint8 BGR."""
        page = self.predictor([cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)]).pages[0]
        words = [word for block in page.blocks for line in block.lines for word in line.words]
        return with_digits([Found(word.value, float(word.confidence), _quad(word, frame)) for word in words])

    def recognize(self, crop: Frame) -> Found:
        """Return what a picture says that is cut to one text, (H, W, 3) uint8 BGR; text "" for nothing."""
        ((text, score),) = self.predictor.reco_predictor([cv2.cvtColor(crop, cv2.COLOR_BGR2RGB)])
        return Found(text, float(score))


def _quad(word: Any, frame: Frame) -> Points:
    (left, top), (right, bottom) = word.geometry
    height, width = frame.shape[:2]
    return box(left * width, top * height, right * width, bottom * height)


def open_contender(name: str, options: Options) -> Contender:  # noqa: ARG001, it goes by one name
    """Load its networks.

    Raises:
        Unavailable: it is not installed, or its models are not on this machine; they are never downloaded here.
    """
    models = library("onnxtr.models", INSTALL)
    limit_opencv(options.threads)
    engine = models.EngineConfig(providers=["CPUExecutionProvider"])
    if options.threads:
        engine.session_options.intra_op_num_threads = options.threads
    detector, recognizer = (
        getattr(models, name)(_downloaded(f"onnxtr.models.{file}", name), engine_cfg=engine)
        for file, name in (("detection.models.fast", "fast_base"), ("recognition.models.crnn", "crnn_vgg16_bn"))
    )
    return OnnxTr(models.ocr_predictor(detector, recognizer))


def _downloaded(file: str, network: str) -> str:
    """Where OnnxTR keeps a network that it has downloaded: given a path, it downloads nothing."""
    url = library(file, INSTALL).default_cfgs[network]["url"]
    folder = Path(os.environ.get("ONNXTR_CACHE_DIR", "~/.cache/onnxtr")).expanduser() / "models"
    path = folder / url.rpartition("/")[2]
    if not path.is_file():
        raise Unavailable(f"onnxtr: {path} is missing: {INSTALL}")
    return str(path)
