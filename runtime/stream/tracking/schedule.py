"""When the detector looks."""

from __future__ import annotations

from collections.abc import Sequence

from ...geometry.images import Frame, Points
from ..settings import Detection
from .motion import Motion

MOTION_FRAMES = 3
"""While something moves the detector looks every so many frames, or at the next one where a text is not read."""
UNSURE_FRAMES = 2
"""A text must be unreadable in so many frames in a row; one broken frame is no reason to look."""


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
        """Conclusions were drawn from a look at the latest frame: motion is what differs from it."""
        self._motion.looked()

    def take(self, *, unsure: bool, looked: bool) -> None:
        """A frame is done: whether a text of it could not be read well, and whether the detector looked at it."""
        if looked:
            self._since_look = 0
        if not unsure:
            self._unsure, self._patience = 0, max(self._patience - 1, 1)
            return
        self._unsure += 1
        if looked:
            self._patience = min(2 * self._patience, self._detection.every_frames)
