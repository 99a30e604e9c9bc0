"""Tesseract 5 through pytesseract, with its own defaults: pictures as they are, pages for photos, a line for crops."""

from __future__ import annotations

import os
from typing import Any

import cv2

from ...runtime.extras import pip_install
from ...runtime.geometry.images import Frame
from . import Contender, Found, Options, Unavailable, with_digits
from .peer import box, library

INSTALL = f"apt-get install tesseract-ocr, and {pip_install('peers')}"
LINE_OF_DIGITS = "--psm 7 -c tessedit_char_whitelist=0123456789"


class Tesseract(Contender):
    """Starts Tesseract's program once for each picture, as pytesseract does."""

    def __init__(self, pytesseract: Any) -> None:
        super().__init__("pytesseract")
        self.pytesseract = pytesseract
        self._version = str(pytesseract.get_tesseract_version())

    @property
    def versions(self) -> dict[str, str]:
        """Of pytesseract and the program."""
        return {**super().versions, "tesseract": self._version}

    def read(self, frame: Frame) -> list[Found]:
        """Return every word with a digit in a photo (H, W, 3) uint8 BGR."""
        return with_digits(self.words(frame))

    def recognize(self, crop: Frame) -> Found:
        """Return the digits in a picture cut to one text, (H, W, 3) uint8 BGR or (H, W) grey; text "" for nothing."""
        words = self.words(crop, LINE_OF_DIGITS)
        if not words:
            return Found("", 0.0)
        return Found("".join(word.text for word in words), min(word.confidence for word in words))

    def words(self, picture: Frame, config: str = "") -> list[Found]:
        """Return every word that Tesseract finds in a picture, (H, W, 3) uint8 BGR or (H, W) grey."""
        rgb = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        table = self.pytesseract.image_to_data(rgb, config=config, output_type=self.pytesseract.Output.DICT)
        keys = ("text", "conf", "left", "top", "width", "height")
        rows = zip(*(table[key] for key in keys), strict=True)
        return [
            Found(text, float(conf) / 100, box(left, top, left + width, top + height))
            for text, conf, left, top, width, height in rows
            if text.strip()
        ]


def open_contender(name: str, options: Options) -> Tesseract:  # noqa: ARG001, it goes by one name
    """Find Tesseract's program, and tell it how many threads to use.

    Raises:
        Unavailable: it or pytesseract is not installed.
    """
    pytesseract = library("pytesseract", INSTALL)
    if options.threads:
        os.environ["OMP_THREAD_LIMIT"] = str(options.threads)
    try:
        return Tesseract(pytesseract)
    except pytesseract.TesseractNotFoundError as exc:
        raise Unavailable(f"tesseract: there is no such program on the PATH: {INSTALL}") from exc
