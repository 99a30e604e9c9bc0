"""Frames to read: the sample photos that ship with the package, always the same."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle, islice

import cv2
import numpy as np

from ...runtime.bundles.bundle import shipped
from ...runtime.geometry.files import read_photo
from ...runtime.geometry.images import Frame
from ...runtime.reader import Reading

FRAME_HW = 720, 1280
SAMPLES = ("bib.jpg", "house.jpg", "meter.jpg")
ZOOMS = (1.0, 1.15, 1.3)
"""How much larger than a frame a photo is made before its middle is cut out."""


def make_frames() -> list[Frame]:
    """Every photo at every zoom."""
    photos = [read_photo(shipped("samples") / name).frame for name in SAMPLES]
    return [cut(photo, zoom) for zoom in ZOOMS for photo in photos]


def cut(photo: Frame, zoom: float) -> Frame:
    """Scale a photo until it covers a frame, and so much more, and cut one out of its middle."""
    scale = zoom * max(FRAME_HW[0] / photo.shape[0], FRAME_HW[1] / photo.shape[1])
    height, width = (max(side, round(scale * old)) for side, old in zip(FRAME_HW, photo.shape[:2], strict=True))
    scaled = cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    top, left = (height - FRAME_HW[0]) // 2, (width - FRAME_HW[1]) // 2
    return np.ascontiguousarray(scaled[top : top + FRAME_HW[0], left : left + FRAME_HW[1]]).astype(np.uint8)


def endless(frames: Sequence[Frame], count: int) -> Iterator[Frame]:
    """So many frames, the same ones again and again."""
    return islice(cycle(frames), count)


def texts_of(readings: Iterable[Reading]) -> list[str]:
    """The strings of a frame, in an order that does not depend on rounding."""
    return sorted(each.text for each in readings)
