"""When the detector looks: after so many frames, when something moved, and when a text cannot be read."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ...geometry.images import Frame, Points
from ..settings import Detection

MOTION_FRAMES = 3
"""While something moves the detector looks every so many frames, or at the next one where a text is not read."""
UNSURE_FRAMES = 2
"""A text must be unreadable in so many frames in a row; one broken frame is no reason to look."""
SMALL_PX = 160
"""Longest side of the small picture."""
SOFT_PX = 5
"""Light is soft: what changes evenly over so many small pixels is light, not motion."""
MOST_GAIN = 2.0
"""Contrasts may rise or fall by this factor with the light."""
LEAST_CHANGE = 6.0
"""Grey levels, 0..255, that a small pixel must differ by."""
MOST_CHANGE = 40.0
"""However noisy the camera is, a pixel that differs by so much has changed."""
NOISE_FACTOR = 6.0
"""Noise may be so many times its standard deviation."""
LEAST_PIXELS = 4
"""So few small pixels are no motion."""
FRAMES = 2
"""A change counts when so many frames in a row show it: one broken frame is none."""
ADAPTS = 0.05
"""Share of a new frame in what it is compared with while nothing moves: slow changes are no motion."""

Grey = NDArray[np.float32]


class Schedule:
    """Decides frame by frame whether the detector looks at it."""

    def __init__(self, detection: Detection) -> None:
        self._detection, self._motion = detection, Motion()
        self._since_look, self._unsure = 0, 0
        self._patience = 1  # frames between two looks for what is unreadable: twice as many after each in vain

    def is_due(self, picture: Frame, ignored: Sequence[Points]) -> bool:
        """Return whether the detector should look at the next frame.

        Args:
            picture: what is looked at of it, (H, W, 3) uint8 BGR.
            ignored: polygons (n, 2) x, y in its pixels where motion does not count.
        """
        self._since_look += 1
        if self._detection.motion and self._motion.changed(picture, ignored):
            wait = min(self._patience, MOTION_FRAMES) if self._unsure else MOTION_FRAMES
            if self._since_look >= wait:
                return True
        unsure = self._detection.unsure and self._unsure >= UNSURE_FRAMES and self._since_look > self._patience
        return unsure or self._since_look >= self._detection.every_frames

    def looked(self) -> None:
        """Note that conclusions were drawn from a look at the latest frame: motion is what differs from it."""
        self._motion.looked()

    def take(self, *, unsure: bool, looked: bool) -> None:
        """Note whether a text of a frame could not be read well, and whether the detector looked at the frame."""
        if looked:
            self._since_look = 0
        if not unsure:
            self._unsure, self._patience = 0, max(self._patience - 1, 1)
            return
        self._unsure += 1
        if looked:
            self._patience = min(2 * self._patience, self._detection.every_frames)


class Motion:
    """Whether something moved since the detector looked, in a small grey picture."""

    def __init__(self) -> None:
        self._seen: Grey | None = None
        self._now: Grey | None = None
        self._size_hw: tuple[int, int] | None = None
        self._changed = 0

    def changed(self, picture: Frame, ignored: Sequence[Grey] = ()) -> bool:
        """Return whether a picture differs from the one that was looked at last, and the one before did too.

        A change of light is none, as far as that is soft, nor is what happens in ignored places.

        Args:
            picture: (H, W, 3) uint8 BGR; one of another size has changed.
            ignored: polygons (n, 2) x, y in its pixels.
        """
        small, step = small_grey(picture)
        now = self._now = small - cv2.blur(small, (SOFT_PX, SOFT_PX))
        if self._seen is None or self._size_hw != picture.shape[:2]:
            self._size_hw = picture.shape[0], picture.shape[1]
            return True
        moved = _moved(self._seen, now, [(polygon / step).round().astype(np.int32) for polygon in ignored])
        self._changed = self._changed + 1 if moved else 0
        if not moved:
            self._seen += ADAPTS * (now - self._seen)
        return self._changed >= FRAMES

    def looked(self) -> None:
        """Note that the detector looked at the latest picture."""
        self._seen, self._changed = self._now, 0


def small_grey(picture: Frame) -> tuple[Grey, int]:
    """Return a small grey picture (h, w) float32 of (H, W, 3) BGR, and how many pixels a side of its pixels is.

    Each of its pixels is the mean of a row of the picture's, so that the camera's noise is averaged too.
    """
    height, width = picture.shape[:2]
    step = math.ceil(max(height, width) / SMALL_PX)
    size = max(width // step, 1), max(height // step, 1)
    rows = cv2.cvtColor(picture[step // 2 : size[1] * step : step, : size[0] * step], cv2.COLOR_BGR2GRAY)
    small = cv2.resize(rows, size, interpolation=cv2.INTER_AREA)
    return small.astype(np.float32), step


def _moved(before: Grey, now: Grey, ignored: Sequence[NDArray[np.int32]]) -> bool:
    """Return whether two high-passed pictures differ, at a common contrast and by more than noise."""
    gain = float((before * now).sum()) / max(float((before * before).sum()), 1.0)
    change = np.abs(cv2.blur(now - before * np.float32(min(max(gain, 1 / MOST_GAIN), MOST_GAIN)), (3, 3)))
    noise = 1.4826 * float(np.median(change))
    limit = min(max(LEAST_CHANGE, NOISE_FACTOR * noise), MOST_CHANGE)
    changed = (change > limit).view(np.uint8)
    for polygon in ignored:
        cv2.fillPoly(changed, [polygon], 0)
    return cv2.countNonZero(changed) >= LEAST_PIXELS
