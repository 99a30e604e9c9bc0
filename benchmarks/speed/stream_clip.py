"""A clip of a camera: the sample photo of a bib, on which the number changes every second."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from ...runtime.bundles.bundle import shipped
from ...runtime.errors import DatasetError
from ...runtime.geometry.files import read_photo
from ...runtime.geometry.images import Frame

FPS = 25
NUMBERS = ("1573", "7315", "5137", "3751", "1735", "5371")
"""What is on the bib, a second each: the photo's own digits, in other orders."""
REGION = [(0.26, 0.34), (0.73, 0.34), (0.73, 0.64), (0.26, 0.64)]
"""Where it is, as shares of the picture."""
BIB = "bib.jpg"
DIGITS = {"1": (398, 506), "5": (506, 622), "7": (622, 736), "3": (736, 868)}
"""First column and end of each digit in the photo."""
ROWS = slice(270, 446)
"""Rows of the photo that hold them."""
NOISE = 4.0
"""Standard deviation of a camera's noise, of 255."""


def write_clip(path: Path) -> None:
    """Write the clip as Motion JPEG, frames (720, 1280) at `FPS`.

    Raises:
        DatasetError: OpenCV cannot write it there.
    """
    height, width = frame_hw()
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, (width, height))
    if not writer.isOpened():
        raise DatasetError(f"{path}: expected to write a clip with OpenCV, got no writer; is the disk full?")
    for each in frames():
        writer.write(each)
    writer.release()


def frame_hw() -> tuple[int, int]:
    """Height and width of its frames, px."""
    height, width = bib(NUMBERS[0]).shape[:2]
    return height, width


def frames(seed: int = 0) -> Iterator[Frame]:
    """All frames of the clip, (720, 1280, 3) uint8 BGR."""
    random = np.random.default_rng(seed)
    for number in NUMBERS:
        still = bib(number)
        for _ in range(FPS):
            noise = random.integers(-round(NOISE * 3**0.5), round(NOISE * 3**0.5) + 1, still.shape, np.int16)
            noisy: Frame = np.clip(still + noise, 0, 255).astype(np.uint8)
            yield noisy


def bib(number: str) -> Frame:
    """The sample photo with its digits in another order."""
    photo = read_photo(shipped("samples") / BIB).frame
    cut = [photo[ROWS, slice(*DIGITS[digit])] for digit in number]
    frame = photo.copy()
    frame[ROWS, min(DIGITS.values())[0] : max(DIGITS.values())[1]] = np.concatenate(cut, axis=1)
    return frame
