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
    thin_ends: tuple[bool, bool] = (False, False)
    """Whether the first and the last character are ink too low for a digit or a letter: a sign or a point."""


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
    link = (affinity > link_threshold).view(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(text | link, connectivity=4)
    kept, quads, scores = [], [], []
    for label in np.flatnonzero(stats[:, cv2.CC_STAT_AREA] >= MIN_AREA_PX).tolist():
        x, y, w, h, size = stats[label].tolist()
        grown = int(math.sqrt(size * min(w, h) / (w * h)) * 2)
        left, top = max(x - grown, 0), max(y - grown, 0)
        window = slice(top, y + h + grown + 1), slice(left, x + w + grown + 1)
        inside = (labels[window] == label).view(np.uint8)
        score = cv2.minMaxLoc(region[window], inside)[1]
        if label == 0 or score < text_threshold:
            continue
        grown_mask = cv2.dilate(inside & text[window], np.ones((1 + grown, 1 + grown), np.uint8))
        outlines = cv2.findContours(grown_mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(left, top))[0]
        if outlines:
            kept.append(label)
            scores.append(score)
            quads.append(_quad(np.concatenate(outlines).reshape(-1, 2)))
    boxes = np.array(quads, np.float32).reshape(-1, 4, 2)
    characters = find_characters(region, labels, kept, boxes, low_text)
    return [Region(*parts) for parts in zip(boxes, characters, scores, strict=True)]


def _quad(outline: NDArray[Any]) -> Points:
    """The original's box around a component whose outlines' points (n, 2) x, y these are."""
    box = smallest_box(outline)
    sides = math.dist(box[0], box[1]), math.dist(box[1], box[2])
    if abs(1 - max(sides) / (min(sides) + 1e-5)) > DIAMOND_TOLERANCE:
        return box
    (left, top), (right, bottom) = outline.min(axis=0), outline.max(axis=0)
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)
