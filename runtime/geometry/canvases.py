"""A frame in a detector's canvases: scaled, with a margin, in tiles when it is long; its maps and points back.

Pure functions. A canvas is an array (H, W, 3) uint8 BGR whose sides are of ``CANVAS_SIDES_PX``, or with a plain fit
multiples of ``PLAIN_STEP_PX``.
"""

import math
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from ..bundles.manifest import CANVAS_SIDES_PX
from .characters import Map
from .images import Frame, Points, halved

MAP_STRIDE = 2
"""Canvas pixels per map pixel."""
MARGIN_PX = 8
"""So many canvas pixels around a frame repeat its border: a detector does not see text that touches zeros.

Of 45 numbers of ``synth scenes`` cut to a side of their photo, int8 found 33 without it and 40 with it, and 43 each far
from the side. What it costs in scale does not show: of 249 numbers (seeds 31 and 32, 60 photos each) 179 and 181 were
found, 94 and 93 read, in the same time."""
SHORT_SHARE = 0.5
"""A frame's short side becomes at least this share of what a long side may be: what is longer is cut into tiles."""
OVERLAP = 0.25
"""Neighbouring tiles share so much of a canvas: at the seam, both have seen what is around it."""
MOST_TILES = 32
"""A frame that needs more tiles is made smaller."""
PLAIN_STEP_PX = 32
"""Canvas sides of plain fits are multiples of this, and at least twice this."""


@dataclass(frozen=True)
class Fit:
    """How a frame lies in one or more canvases: scaled, with a margin on every side, at their top left."""

    size_hw: tuple[int, int]
    """Height and width of the scaled frame without its margin, canvas pixels."""
    canvas_hw: tuple[int, int]
    """Height and width of every canvas."""
    scale_xy: tuple[float, float]
    """Canvas pixels per frame pixel."""
    tiles_yx: tuple[tuple[int, int], ...] = ((0, 0),)
    """Where each canvas begins in the scaled frame with its margin: even numbers, one of the two always 0."""
    plain: bool = False
    """Whether it is as by EasyOCR: without a margin and tiles, and interpolated from the frame's own pixels."""

    @property
    def margin_px(self) -> int:
        """Canvas pixels around the frame that repeat its border."""
        return 0 if self.plain else MARGIN_PX

    @property
    def bordered_hw(self) -> tuple[int, int]:
        """Height and width of the scaled frame with its margin."""
        return self.size_hw[0] + 2 * self.margin_px, self.size_hw[1] + 2 * self.margin_px


def plan_fit(
    height: int,
    width: int,
    *,
    long_side_px: int,
    enlarge: float,
    most_hw: tuple[int, int] | None = None,
    plain: bool = False,
) -> Fit:
    """Decide how a frame of this size is fitted: with its margin, its long side becomes ``long_side_px``.

    It is enlarged at most so much. Where that leaves the short side less than ``SHORT_SHARE`` of it, the frame is made
    as large as gives it that share, in as many tiles as it takes.

    ``most_hw``: no canvas is larger than these multiples of 32; a frame that needs more room is made smaller.
    ``plain``: fit it as EasyOCR does, see `Fit.plain`, however long it is.
    """
    most = most_hw or (CANVAS_SIDES_PX[-1],) * 2
    if plain:
        return _plain_fit(height, width, long_side_px, enlarge, most)
    ratios = [(min(long_side_px, most[axis]) - 2 * MARGIN_PX) / side for axis, side in enumerate((height, width))]
    along = 0 if ratios[0] < ratios[1] else 1
    tile = min(canvas_side(long_side_px), most[along])
    step = round(tile * (1 - OVERLAP))
    reach = tile + (MOST_TILES - 1) * step - 2 * MARGIN_PX
    tiled = min(SHORT_SHARE * ratios[1 - along], reach / (height, width)[along])
    scale = min(max(ratios[along], tiled), enlarge)
    size_hw = max(round(height * scale), 1), max(round(width * scale), 1)
    needed = [side + 2 * MARGIN_PX for side in size_hw]
    count = 1 + max(math.ceil((needed[along] - tile) / step), 0)
    whole = needed[along]
    needed[along] = math.ceil((whole + (count - 1) * (tile - step)) / count)
    canvas_hw = min(canvas_side(needed[0]), most[0]), min(canvas_side(needed[1]), most[1])
    spare = max(whole - canvas_hw[along], 0)
    starts = [2 * math.ceil(spare * place / max(count - 1, 1) / 2) for place in range(count)]
    tiles_yx = tuple((start, 0) if along == 0 else (0, start) for start in starts)
    return Fit(size_hw, canvas_hw, (size_hw[1] / width, size_hw[0] / height), tiles_yx)


def _plain_fit(height: int, width: int, long_side_px: int, enlarge: float, most_hw: tuple[int, int]) -> Fit:
    """EasyOCR's: one scale for both sides, of which broken pixels are cut off."""
    longest = max(height, width)
    scale = min(min(enlarge * longest, long_side_px) / longest, most_hw[0] / height, most_hw[1] / width)
    tall, wide = max(int(height * scale), 1), max(int(width * scale), 1)
    canvas_h, canvas_w = (max(math.ceil(side / PLAIN_STEP_PX), 2) * PLAIN_STEP_PX for side in (tall, wide))
    return Fit((tall, wide), (canvas_h, canvas_w), (scale, scale), plain=True)


def canvas_side(side: int) -> int:
    """Return the least side of a canvas that holds so many pixels."""
    return CANVAS_SIDES_PX[bisect_left(CANVAS_SIDES_PX, side)]


def fit(frame: Frame, plan: Fit, canvas: Frame) -> None:
    """Scale a frame with its margin into the top left of a canvas, or of a larger picture, in place; the rest is black.

    A frame that shrinks is halved by averaging as often as that goes, which is far faster than averaging over windows
    of broken sizes, and then interpolated; a plain fit only interpolates.
    """
    (height, width), margin = plan.bordered_hw, plan.margin_px
    inside = inner(canvas, plan)
    source = frame if plan.plain else halved(frame, inside, 2)
    cv2.resize(source, inside.shape[1::-1], inside, interpolation=cv2.INTER_LINEAR)
    canvas[:margin, :width] = canvas[margin, :width]
    canvas[height - margin : height, :width] = canvas[height - margin - 1, :width]
    canvas[:height, :margin] = canvas[:height, margin, None]
    canvas[:height, width - margin : width] = canvas[:height, width - margin - 1, None]
    canvas[height:] = 0
    canvas[:height, width:] = 0


def inner(canvas: Frame, plan: Fit) -> Frame:
    """Return the view of a canvas in which `fit` has put the frame, without its margin."""
    (height, width), margin = plan.size_hw, plan.margin_px
    return canvas[margin : margin + height, margin : margin + width]


def fitted(frame: Frame, plan: Fit) -> Iterator[Frame]:
    """Yield every canvas of a frame, in arrays of their own."""
    bordered = np.empty((*plan.bordered_hw, 3), np.uint8)
    fit(frame, plan, bordered)
    for number in range(len(plan.tiles_yx)):
        canvas = np.empty((*plan.canvas_hw, 3), np.uint8)
        put_tile(bordered, plan, number, canvas)
        yield canvas


def put_tile(bordered: Frame, plan: Fit, number: int, canvas: Frame) -> None:
    """Copy one tile of a frame, which `fit` has put into a picture of its ``bordered_hw``, into a canvas, in place."""
    y, x = plan.tiles_yx[number]
    part = bordered[y : y + canvas.shape[0], x : x + canvas.shape[1]]
    height, width = part.shape[:2]
    canvas[:height, :width] = part
    canvas[height:] = 0
    canvas[:height, width:] = 0


def empty_map(plan: Fit) -> Map:
    """Return a map (H, W) float32 for all tiles, to be filled by `put_map`."""
    height, width = (start + side for start, side in zip(plan.tiles_yx[-1], plan.canvas_hw, strict=True))
    return np.zeros((height // MAP_STRIDE, width // MAP_STRIDE), np.float32)


def put_map(tile: Map, plan: Fit, number: int, stitched: Map) -> None:
    """Copy the map of one tile into that of all, in their order: each from the middle of what two tiles share."""
    y, x = (start // MAP_STRIDE for start in plan.tiles_yx[number])
    skip_y, skip_x = (
        (side - start + before) // (2 * MAP_STRIDE) if start else 0
        for side, start, before in zip(plan.canvas_hw, plan.tiles_yx[number], plan.tiles_yx[number - 1], strict=True)
    )
    height, width = tile.shape
    stitched[y + skip_y : y + height, x + skip_x : x + width] = tile[skip_y:, skip_x:]


def to_frame(points: Points, plan: Fit, frame: Frame) -> Points:
    """Map points (..., 2) of the scaled frame with its margin back to the frame and inside it."""
    limits = np.array((frame.shape[1] - 1, frame.shape[0] - 1), np.float32)
    if plan.plain:  # rounded as by EasyOCR, which cuts off the rest of a pixel
        return np.clip((points * (1 / np.array(plan.scale_xy))).astype(np.float32), 0, limits)
    return np.clip((points - np.float32(MARGIN_PX)) / np.array(plan.scale_xy, np.float32), 0, limits)
