"""Where a frame is looked at again, larger: windows around its small text; pure functions."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from .geometry.canvases import MARGIN_PX, OVERLAP, Fit, canvas_side
from .geometry.images import Points

AROUND_PX = 24
"""So many canvas pixels around a text are looked at with it. On 120 photos of ``synth scenes`` (seed 3131) recall was
40.0 % with 24 and 40.5 % with 48, which look at half as much again."""
CELL_PX = 16
"""Texts share a window where they, and what is around them, lie in neighbouring cells of this side, canvas pixels."""


@dataclass(frozen=True)
class Window:
    """A part of a frame, and how it lies in a canvas of its own."""

    rows: slice
    """Of the frame."""
    columns: slice
    """Of the frame."""
    plan: Fit
    """How this part is fitted."""

    @property
    def origin_xy(self) -> tuple[int, int]:
        """Where it begins, frame pixels."""
        return self.columns.start, self.rows.start

    def shows(self, quad: Points, frame_hw: tuple[int, int]) -> bool:
        """Return whether a quad (4, 2) in frame pixels lies in it whole; it may touch a side where the frame ends."""
        ends = zip(quad.min(axis=0).tolist(), quad.max(axis=0).tolist(), (self.columns, self.rows), strict=True)
        return all(
            (side.start < low or side.start == 0) and (high < side.stop - 1 or side.stop == whole)
            for (low, high, side), whole in zip(ends, frame_hw[::-1], strict=True)
        )


def plan_windows(
    quads: Sequence[Points], frame_hw: tuple[int, int], scale: float, most_hw: tuple[int, int]
) -> list[Window]:
    """Return windows that together show all of these texts, each in a canvas that it fills.

    Args:
        quads: (4, 2) each, frame pixels.
        frame_hw: height and width of the frame.
        scale: canvas pixels per frame pixel.
        most_hw: no canvas is larger; what needs more room is shown in several that overlap.
    """
    whole_hw = [max(round(side * scale), 1) for side in frame_hw]
    texts = np.zeros([math.ceil(side / CELL_PX) for side in whole_hw], np.uint8)
    for quad in quads:
        left, top = np.maximum((quad.min(axis=0) * scale - AROUND_PX) // CELL_PX, 0).astype(int).tolist()
        right, bottom = np.ceil((quad.max(axis=0) * scale + AROUND_PX) / CELL_PX).astype(int).tolist()
        texts[top:bottom, left:right] = 1
    _, _, groups, _ = cv2.connectedComponentsWithStats(texts, connectivity=8)
    return [
        _window((y, x), (tall, wide), frame_hw, scale)
        for left, top, width, height in (groups[1:, :4] * CELL_PX).tolist()
        for y, tall in _spans(top, top + height, whole_hw[0], most_hw[0])
        for x, wide in _spans(left, left + width, whole_hw[1], most_hw[1])
    ]


def _spans(start: int, end: int, whole: int, most: int) -> Iterator[tuple[float, int]]:
    """Where canvases begin that show this much of a scaled frame of this side, and how long each one's side is."""
    room = most - 2 * MARGIN_PX
    shared = math.ceil(room * OVERLAP)
    count = 1 + max(math.ceil((end - start - room) / (room - shared)), 0)
    side = min(canvas_side(math.ceil((end - start + (count - 1) * shared) / count) + 2 * MARGIN_PX), most)
    inside = side - 2 * MARGIN_PX
    for number in range(count):
        share = number / (count - 1) if count > 1 else 0.5
        yield min(max(start + (end - start - inside) * share, 0), max(whole - inside, 0)), side


def _window(
    start_yx: tuple[float, float], canvas_hw: tuple[int, int], frame_hw: tuple[int, int], scale: float
) -> Window:
    rows, columns = (
        _part(start / scale, int((canvas - 2 * MARGIN_PX) / scale), whole)
        for start, canvas, whole in zip(start_yx, canvas_hw, frame_hw, strict=True)
    )
    tall, wide = rows.stop - rows.start, columns.stop - columns.start
    height, width = max(round(tall * scale), 1), max(round(wide * scale), 1)
    return Window(rows, columns, Fit((height, width), canvas_hw, (width / wide, height / tall)))


def _part(start: float, length: int, whole: int) -> slice:
    """So much of a side of a frame, from about there; up to the frame's own end where a pixel is missing to it."""
    first = whole - length if start + length > whole - 2 else int(start)
    return slice(max(first, 0), min(max(first, 0) + max(length, 1), whole))
