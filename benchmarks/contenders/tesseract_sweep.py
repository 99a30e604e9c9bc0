"""Tesseract behind the sweep that people resort to before deep learning: thresholds, inversion, erosion and dilation.

A picture is read after every threshold, as it is and inverted; the best of these again after every erosion and
dilation. The best is the one with the highest sum of confidences, out of `VARIANTS` that are read for each picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np

from ...runtime.geometry.images import Frame
from . import Contender, Found, Options, tesseract, with_digits
from .peer import limit_opencv

FIXED = (64, 128, 192)
"""Thresholds of grey, beside Otsu's and the adaptive one."""
WINDOW_PX, BELOW_MEAN = 31, 10
"""Of the adaptive threshold."""
KERNELS_PX = (2, 3, 5)
VARIANTS = 2 * (len(FIXED) + 2) + 2 * len(KERNELS_PX)
SPARSE = "--psm 11"
"""Look for text anywhere, not for a page of it."""


class TesseractSweep(Contender):
    """Starts Tesseract's program `VARIANTS` times for each picture."""

    def __init__(self, plain: tesseract.Tesseract) -> None:
        super().__init__("opencv-python-headless")
        self.plain = plain

    @property
    def versions(self) -> dict[str, str]:
        """With those of Tesseract."""
        return super().versions | self.plain.versions

    def read(self, frame: Frame) -> list[Found]:
        """Return every word with a digit in a photo (H, W, 3) uint8 BGR."""
        return sweep(frame, lambda variant: with_digits(self.plain.words(variant, SPARSE)))

    def recognize(self, crop: Frame) -> Found:
        """Return the digits in a picture that is cut to one text, (H, W, 3) uint8 BGR; text "" for nothing."""
        return sweep(crop, lambda variant: [self.plain.recognize(variant)])[0]


def sweep(picture: Frame, read: Callable[[Frame], list[Found]]) -> list[Found]:
    """Return the surest of what `read` finds in black and white variants (H, W) of a picture (H, W, 3) uint8 BGR."""
    readings = [(read(variant), variant) for variant in thresholded(picture)]
    found, variant = max(readings, key=lambda reading: certainty(reading[0]))
    return max(found, *map(read, eroded_and_dilated(variant)), key=certainty)


def certainty(found: list[Found]) -> float:
    """Sum of confidences."""
    return sum(text.confidence for text in found)


def thresholded(picture: Frame) -> Iterator[Frame]:
    """Return a picture (H, W, 3) uint8 BGR in black and white (H, W), and inverted, at every threshold."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    mean, plain = cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY
    variants = [cv2.threshold(grey, 0, 255, plain | cv2.THRESH_OTSU)[1]]
    variants += [cv2.threshold(grey, level, 255, plain)[1] for level in FIXED]
    variants += [cv2.adaptiveThreshold(grey, 255, mean, plain, WINDOW_PX, BELOW_MEAN)]
    for variant in variants:
        yield np.asarray(variant, np.uint8)
        yield np.asarray(255 - variant, np.uint8)


def eroded_and_dilated(variant: Frame) -> Iterator[Frame]:
    """Return a black and white picture (H, W), eroded and dilated with square kernels of every size."""
    for side in KERNELS_PX:
        kernel = np.ones((side, side), np.uint8)
        yield np.asarray(cv2.erode(variant, kernel), np.uint8)
        yield np.asarray(cv2.dilate(variant, kernel), np.uint8)


def open_contender(name: str, options: Options) -> Contender:
    """Find Tesseract's program.

    Raises:
        Unavailable: it or pytesseract is not installed.
    """
    limit_opencv(options.threads)
    return TesseractSweep(tesseract.open_contender(name, options))
