"""Feeds that are there but show nothing: frozen or black."""

from typing import Literal

import cv2
import numpy as np

from ...geometry.images import Frame

Picture = Literal["live", "frozen", "black"]
EVERY_S = 0.25
"""Frames are looked at so far apart."""
DARK = 40
"""A black frame has, in a thousand pixels, no more than one value as bright as this, 0..255; a lit digit has."""


class Feed:
    """Tells a camera that shows something from one that does not.

    Args:
        frozen_s: frames that are exactly the same for so long are frozen; 0 = never.
        black_s: frames without anything bright for so long are black; 0 = never.
    """

    def __init__(self, frozen_s: float, black_s: float) -> None:
        self._frozen_s = frozen_s
        self._black_s = black_s
        self._looked_s = float("-inf")
        self._last: Frame | None = None
        self._same_since_s: float = 0.0
        self._black_since_s: float | None = None
        self._picture: Picture = "live"

    def look(self, frame: Frame, now_s: float) -> Picture:
        """Take a frame (H, W, 3) uint8 that came at this time; return what the feed is by now."""
        if now_s - self._looked_s >= EVERY_S:
            self._looked_s = now_s
            self._picture = self._judge(frame, now_s)
        return self._picture

    def _judge(self, frame: Frame, now_s: float) -> Picture:
        if self._last is None or not _same(frame, self._last):
            self._last, self._same_since_s = frame, now_s
        if not is_black(frame):
            self._black_since_s = None
        elif self._black_since_s is None:
            self._black_since_s = now_s
        if self._black_s and self._black_since_s is not None and now_s - self._black_since_s >= self._black_s:
            return "black"
        return "frozen" if self._frozen_s and now_s - self._same_since_s >= self._frozen_s else "live"


def _same(frame: Frame, other: Frame) -> bool:
    """Return whether two frames are equal to the pixel; a few rows tell most that are not."""
    if frame.shape != other.shape or cv2.norm(frame[::32], other[::32], cv2.NORM_INF):
        return False
    return not cv2.norm(frame, other, cv2.NORM_INF)


def is_black(frame: Frame) -> bool:
    """Return whether nothing in a frame is bright; every fourth pixel of every fourth row is looked at."""
    sample = frame[::4, ::4]
    bright = int(np.count_nonzero(sample >= DARK))
    return bright * 1000 <= len(sample) * len(sample[0])
