"""EasyOCR: CRAFT and a CRNN in PyTorch, where its models already lie on the machine."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from ...runtime.images import Frame
from . import Contender, Found, Options, Unavailable, with_digits
from .peer import OneByOne, library, limit_opencv

INSTALL = "pip install easyocr, then once: python -c 'import easyocr; easyocr.Reader([\"en\"])' to download its models"
DIGITS = "0123456789"


class EasyOcr(OneByOne):
    """Its reader of English text, with its own defaults; crops are held to digits, while in photos words stay words."""

    def __init__(self, reader: Any) -> None:
        super().__init__("easyocr", "torch", "opencv-python-headless")
        self.reader = reader

    def read(self, frame: Frame) -> list[Found]:
        """Every text with a digit in a photo (H, W, 3) uint8 BGR."""
        lines = self.reader.readtext(frame)
        return with_digits([Found(text, float(score), np.array(quad, np.float32)) for quad, text, score in lines])

    def recognize(self, crop: Frame) -> Found:
        """The digits in a picture that is cut to one text, (H, W, 3) uint8 BGR; text "" for nothing."""
        lines = self.reader.recognize(crop, allowlist=DIGITS)
        return Found(lines[0][1], float(lines[0][2])) if lines else Found("", 0.0)


def open_contender(name: str, options: Options) -> Contender:  # noqa: ARG001, it goes by one name
    """Load its networks.

    Raises:
        Unavailable: it is not installed, or its models are not on this machine; they are never downloaded here.
    """
    easyocr, torch = library("easyocr", INSTALL), library("torch", INSTALL)
    limit_opencv(options.threads)
    if options.threads:
        torch.set_num_threads(options.threads)
    logging.getLogger("easyocr").setLevel(logging.ERROR)
    try:
        reader = easyocr.Reader(["en"], gpu=False, download_enabled=False, verbose=False)
    except FileNotFoundError as exc:
        raise Unavailable(f"easyocr: {exc}: {INSTALL}") from exc
    return EasyOcr(reader)
