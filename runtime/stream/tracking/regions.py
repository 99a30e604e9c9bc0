"""Which part of the picture is looked at, and whose number is where."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ...geometry.images import Frame, Points
from ..settings import Number, Polygon

MARGIN = 0.1
"""Regions are looked at with so much around them, of the longer side of their bounding box: text that touches the edge
of a picture is found worse."""
Corners = NDArray[np.float32]
"""(n, 2) x, y."""


@dataclass(frozen=True)
class View:
    """The part of a frame that is looked at."""

    picture: Frame
    """(h, w, 3) uint8 BGR; a part of the frame itself unless something is masked; valid until the next view."""
    offset_xy: Points
    """(2,) float32, frame pixels: where it begins in the frame."""
    masks: tuple[Corners, ...]
    """Masked polygons, in its own pixels."""


@dataclass(frozen=True)
class _Layout:
    """Regions and masks in the pixels of one size of frame."""

    bounds: tuple[slice, slice]
    offset_xy: Points
    regions: tuple[tuple[Number, Corners], ...]
    rest: Number | None
    masks: tuple[Corners, ...]


class Regions:
    """Numbers' regions and masks, for frames of any size."""

    def __init__(self, numbers: Sequence[Number], masks: Sequence[Polygon] = ()) -> None:
        """Take regions and masks, corners as shares of the picture's width and height.

        Args:
            numbers: at least one. Where regions overlap the first counts; the first number without a region has all
                that is in none.
            masks: what is never looked at.
        """
        self._numbers, self._masks = tuple(numbers), tuple(masks)
        self._size_hw: tuple[int, int] | None = None
        self._layout: _Layout
        self._buffer: Frame | None = None

    def part(self, frame: Frame) -> View:
        """Return what of a frame (H, W, 3) uint8 BGR is looked at, not copied: the regions' common bounding box."""
        layout = self._laid_out(frame)
        return View(frame[layout.bounds], layout.offset_xy, layout.masks)

    def view(self, frame: Frame) -> View:
        """Return the same with masked parts filled with the mean colour, in a copy where there are any."""
        part = self.part(frame)
        return replace(part, picture=self._filled(part)) if part.masks else part

    def number_of(self, quad: Points, frame: Frame) -> Number | None:
        """Return whose text a quad (4, 2) of the frame holds, by its centre; None = nobody's, or masked."""
        layout = self._laid_out(frame)
        x, y = quad.mean(axis=0).tolist()
        if any(_inside(mask + layout.offset_xy, x, y) for mask in layout.masks):
            return None
        return next((number for number, corners in layout.regions if _inside(corners, x, y)), layout.rest)

    def _laid_out(self, frame: Frame) -> _Layout:
        height, width = frame.shape[:2]
        if self._size_hw != (height, width):
            self._size_hw, self._buffer = (height, width), None
            size = np.array((width, height), np.float32)
            regions = tuple(
                (number, _pixels(number.region, size)) for number in self._numbers if number.region is not None
            )
            rest = next((number for number in self._numbers if number.region is None), None)
            bounds = (slice(0, height), slice(0, width)) if rest else _bounds([corners for _, corners in regions], size)
            offset = np.array((bounds[1].start, bounds[0].start), np.float32)
            masks = tuple(_pixels(mask, size) - offset for mask in self._masks)
            self._layout = _Layout(bounds, offset, regions, rest, masks)
        return self._layout

    def _filled(self, part: View) -> Frame:
        if self._buffer is None:
            self._buffer = np.empty(part.picture.shape, np.uint8)
        np.copyto(self._buffer, part.picture)
        colour = part.picture[::8, ::8].reshape(-1, 3).mean(axis=0).round().tolist()
        for mask in part.masks:
            cv2.fillPoly(self._buffer, [mask.round().astype(np.int32)], colour)
        return self._buffer


def _pixels(polygon: Polygon, size: Corners) -> Corners:
    corners: Corners = np.array(polygon, np.float32) * size
    return corners


def _inside(corners: Corners, x: float, y: float) -> bool:
    return cv2.pointPolygonTest(corners, (x, y), False) >= 0


def _bounds(regions: Sequence[Corners], size: Corners) -> tuple[slice, slice]:
    """Return rows and columns of the regions' common bounding box, with a margin."""
    points = np.concatenate(regions)
    low, high = points.min(axis=0), points.max(axis=0)
    margin = MARGIN * float((high - low).max())
    left, top = (math.floor(edge) for edge in np.clip(low - margin, 0, size - 1).tolist())
    right, bottom = (math.ceil(edge) for edge in np.clip(high + margin, (left + 1, top + 1), size).tolist())
    return slice(top, bottom), slice(left, right)
