"""CRAFT's maps → regions and characters; pure functions on numpy arrays.

The boxes are those of CRAFT's ``getDetBoxes`` (Baek et al., "Character Region Awareness for Text
Detection", CVPR 2019, section 3.3, and the authors' code), found inside each component's bounding
box instead of on the whole map.
"""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .characters import Map, Points, find_characters
from .images import smallest_box

MIN_AREA_PX = 10
"""Components of fewer map pixels are noise."""
BLOCK_PX = 4
"""Rows and columns in blocks of so many are looked at where text is in them or in a block beside them; to smooth a map,
and to compare it with its neighbours, takes three."""
DIAMOND_TOLERANCE = 0.1
"""A box whose sides differ by less than this share becomes axis-aligned."""


@dataclass(frozen=True)
class Region:
    """A place where text was found."""

    quad: Points
    """(4, 2) float32 corners x, y, clockwise from the one with the smallest x + y."""
    characters: Points
    """(n, 4, 2) float32, one quad per character in reading order, along the quad's own axes."""
    score: float
    """Largest value of the region map inside, 0..1."""
    open_ends: tuple[bool, bool] = (False, False)
    """Whether the first and the last character are a sign or a point, ink too low for a digit or a letter, or ink as
    high as a digit goes on beside them."""


def find_regions(
    region: Map, affinity: Map, *, text_threshold: float, link_threshold: float, low_text: float
) -> list[Region]:
    """Find text on the maps of a detector.

    Args:
        region: (H, W) float32, 0..1, how much a pixel is a character's centre.
        affinity: (H, W) float32, 0..1, how much a pixel is between two characters of a word.
        text_threshold: a component is dropped when its region score never reaches this.
        link_threshold: affinity above this joins characters.
        low_text: region score above this is text.

    Returns:
        Regions in map pixels, in the order of their components' first pixels.
    """
    text = (region > low_text).view(np.uint8)
    mask = text | (affinity > link_threshold).view(np.uint8)
    rows, columns = (_near(mask.max(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return []
    planes: list[NDArray[Any]] = [plane.take(rows, 0).take(columns, 1) for plane in (region, text, mask)]
    region, text, mask = planes
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    kept, quads, shifts, scores = [], [], [], []
    for label in (1 + np.flatnonzero(stats[1:, cv2.CC_STAT_AREA] >= MIN_AREA_PX)).tolist():
        x, y, w, h, size = stats[label].tolist()
        window = slice(y, y + h), slice(x, x + w)
        inside = (labels[window] == label).view(np.uint8)
        score = cv2.minMaxLoc(region[window], inside)[1]
        if score < text_threshold:
            continue
        left_top = int(columns[x]), int(rows[y])
        growth = int(math.sqrt(size * min(w, h) / (w * h)) * 2)
        outline = _grown_outline(inside & text[window], growth, left_top, affinity.shape)
        if outline is not None:
            kept.append(label)
            scores.append(score)
            shifts.append((left_top[0] - x, left_top[1] - y))
            quads.append(_quad(outline))
    if not kept:
        return []
    boxes, away = np.array(quads, np.float32), np.array(shifts, np.float32)[:, None]
    characters = find_characters(region, labels, kept, boxes - away, low_text)
    return [
        Region(box, parts + by, score) for box, parts, by, score in zip(boxes, characters, away, scores, strict=True)
    ]


def _near(marked: NDArray[Any]) -> NDArray[np.intp]:
    """The rows, or columns, that are marked or near one that is; all others may be left out of a map.

    They go in blocks of an even size: halves of an even and of an odd pixel are not rounded alike.
    """
    blocks = np.maximum.reduceat(marked, np.arange(0, marked.size, BLOCK_PX))
    near = blocks.copy()
    near[1:] |= blocks[:-1]
    near[:-1] |= blocks[1:]
    return np.flatnonzero(near.repeat(BLOCK_PX)[: marked.size])


def _grown_outline(
    inside: NDArray[Any], growth: int, left_top: tuple[int, int], size_hw: tuple[int, ...]
) -> NDArray[Any] | None:
    """The outlines' points (n, 2) x, y of a component that grows by so much, within a map of this size; None = none."""
    (left, top), (height, width), reach = left_top, inside.shape, (growth + 1) // 2
    before, above = min(reach, left), min(reach, top)
    behind, below = min(reach, size_hw[1] - left - width), min(reach, size_hw[0] - top - height)
    roomy = cv2.copyMakeBorder(inside, above, below, before, behind, cv2.BORDER_CONSTANT, value=0)
    grown = cv2.dilate(roomy, np.ones((1 + growth, 1 + growth), np.uint8))
    offset = left - before, top - above
    outlines = cv2.findContours(grown, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=offset)[0]
    return np.concatenate(outlines).reshape(-1, 2) if outlines else None


def _quad(outline: NDArray[Any]) -> Points:
    """The original's box around a component whose outlines' points (n, 2) x, y these are."""
    box = smallest_box(outline)
    first, second, third, _ = box.tolist()
    sides = math.dist(first, second), math.dist(second, third)
    if abs(1 - max(sides) / (min(sides) + 1e-5)) > DIAMOND_TOLERANCE:
        return box
    (left, top), (right, bottom) = outline.min(axis=0), outline.max(axis=0)
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)
