"""Frames for a soak: of changing content and size, a few of them broken, without memory that grows.

All frames lie in two buffers that are made once, as large as the largest frame, and touched at once, so that the
process does not grow by them later; a frame is good until the next one is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from ...runtime.bundles.bundle import shipped
from ...runtime.geometry.files import read_photo
from ...runtime.geometry.images import Frame

SAMPLES = ("bib.jpg", "house.jpg", "meter.jpg")
MEGAPIXELS = 0.1, 4.0
SIZES = 24
"""Frames of random size in a cycle: one in each of so many equal parts of the logarithm of the megapixels."""
RATIOS = (4 / 3, 16 / 9, 3 / 4, 1.0, 9 / 16, 2.5)
"""Width over height: more canvases than a detector keeps buffers for."""
CONTENTS = ("photo", "page", "photo", "page", "empty")
PIXELS = ("bgr", "bgr", "bgra", "bgr", "grey", "bgr", "bgr")
BROKEN = 2
"""Broken frames in a cycle."""
CYCLE = SIZES + len(SAMPLES) + BROKEN
PAGE_PX = 900


@dataclass(frozen=True)
class Shot:
    """What is handed to a reader."""

    frame: Any
    """A picture, or something that is none."""
    broken: bool = False
    """Whether it is none."""
    sample: str = ""
    """Name of the sample photo that it is, unchanged; what is read there must never change."""


class Shots:
    """Makes cycles of frames."""

    def __init__(self, seed: int, megapixels: tuple[float, float] = MEGAPIXELS) -> None:
        """Load and allocate all that is ever needed; `megapixels`: smallest and largest frame."""
        self._seed, self._limits = seed, megapixels
        self._photos = {name: read_photo(shipped("samples") / name).frame for name in SAMPLES}
        pixels = round(1.1e6 * megapixels[1])
        self._colour, self._other = np.ones(3 * pixels, np.uint8), np.ones(4 * pixels, np.uint8)
        self._page = np.ones((PAGE_PX, PAGE_PX, 3), np.uint8)

    def cycle(self, number: int) -> Iterator[Shot]:
        """The frames of a cycle, always the same ones for the same number and seed.

        Cycles hold the same mix: the same contents and layouts of pixels in the same classes of size, so that their
        costs can be compared. What a photo or page shows, its exact size, and the order are random.
        """
        random = np.random.default_rng((self._seed, number))
        for place in random.permutation(CYCLE).tolist():
            if place < SIZES:
                yield Shot(self._picture(place, random))
            elif place < SIZES + len(SAMPLES):
                name = SAMPLES[place - SIZES]
                yield Shot(self._photos[name], sample=name)
            else:
                yield Shot(_broken(random), broken=True)

    def _picture(self, place: int, random: np.random.Generator) -> Frame:
        smallest, largest = self._limits
        pixels = 1e6 * smallest * (largest / smallest) ** ((place + random.random()) / SIZES)
        ratio = RATIOS[place % len(RATIOS)]
        height, width = round((pixels / ratio) ** 0.5), round((pixels * ratio) ** 0.5)
        frame = self._colour[: height * width * 3].reshape(height, width, 3)
        cv2.resize(self._content(place, ratio, random), (width, height), frame, interpolation=cv2.INTER_LINEAR)
        return self._as(PIXELS[place % len(PIXELS)], frame)

    def _content(self, place: int, ratio: float, random: np.random.Generator) -> Frame:
        """A part, of this ratio, of something to look at."""
        kind = CONTENTS[place % len(CONTENTS)]
        if kind == "empty":
            return random.integers(0, 256, (4, 6, 3), np.uint8)
        picture = self._photos[SAMPLES[place % len(SAMPLES)]] if kind == "photo" else self._write(random)
        high, wide = picture.shape[:2]
        height = random.uniform(0.6, 1) * min(high, wide / ratio)
        top, left = int(random.uniform(0, high - height)), int(random.uniform(0, wide - height * ratio))
        part: Frame = picture[top : top + int(height), left : left + int(height * ratio)]
        return part

    def _write(self, random: np.random.Generator) -> Frame:
        """A page with some numbers."""
        paper, ink = random.integers(150, 256, 3).tolist(), random.integers(0, 100, 3).tolist()
        self._page[:] = paper
        for row in range(random.integers(1, 7)):
            number = str(random.integers(10, 10**6))
            corner = int(random.integers(0, PAGE_PX // 2)), 130 * (row + 1)
            font = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX)[row % 3]
            cv2.putText(self._page, number, corner, font, random.uniform(1.5, 3), ink, 4, cv2.LINE_AA)
        return self._page

    def _as(self, pixels: str, frame: Frame) -> Frame:
        """The same picture, grey or with an alpha channel if asked for."""
        height, width = frame.shape[:2]
        if pixels == "grey":
            grey = self._other[: height * width].reshape(height, width)
            cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY, grey)
            return grey
        if pixels == "bgra":
            clear = self._other[: height * width * 4].reshape(height, width, 4)
            cv2.cvtColor(frame, cv2.COLOR_BGR2BGRA, clear)
            clear[: height // 4, :, 3] = 200
            return clear
        return frame


def _broken(random: np.random.Generator) -> Any:
    """Something that is no picture."""
    return (
        np.zeros((480, 640, 3), np.float32),
        np.zeros((480, 640, 2), np.uint8),
        np.zeros((0, 640, 3), np.uint8),
        np.zeros((1, 48, 64, 3), np.uint8),
        None,
    )[random.integers(0, 5)]
