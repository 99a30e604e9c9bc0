"""A frame of a camera, with when it was taken."""

from __future__ import annotations

from dataclasses import dataclass

from ...geometry.images import Frame

MOST_PIXELS = 7680 * 4320
"""Larger frames of cameras and videos are refused: 100 MB each."""


@dataclass(frozen=True)
class Shot:
    """One frame."""

    frame: Frame
    """(H, W, 3) uint8 BGR; nobody writes into it."""
    number: int
    """Counts the frames that the source gave, from 0, dropped ones too."""
    at_s: float
    """`time.monotonic` when it came."""
    taken_s: float
    """Seconds since 1970 when it was taken; of a video file, the start of the reading plus its place in the file."""
    look: int | None = None
    """Which look it is of, from 0; None = the camera never rests."""
