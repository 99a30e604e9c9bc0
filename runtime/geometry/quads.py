"""Quads (4, 2) float32 x, y, clockwise from their text's top left: sides, and how much two share; pure functions."""

import math
from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np

from .images import Points

SAME_PLACE = 0.5
"""Two quads that share so much of the smaller one's area are of the same text."""


def sides(quad: Points) -> tuple[Points, Points]:
    """Return the vectors (2,) along a quad's text and down across it: the mean of its two sides each."""
    right, down = (quad[1] + quad[2] - quad[0] - quad[3]) / 2, (quad[2] + quad[3] - quad[0] - quad[1]) / 2
    return right, down


def overlap(first: Points, second: Points, of: Literal["smaller", "union", "first"] = "smaller") -> float:
    """Return the shared area of two quads, or of the convex hulls of polygons (n, 2): as a share, 0..1, of an area.

    Args:
        first: (n, 2) x, y, in any direction.
        second: the same.
        of: the smaller one's area, the area of both together (intersection over union), or the first one's.
    """
    one, other = (np.asarray(cv2.convexHull(np.asarray(quad, np.float32)), np.float32) for quad in (first, second))
    shared = float(cv2.intersectConvexConvex(one, other)[0])
    areas = cv2.contourArea(one), cv2.contourArea(other)
    whole = {"smaller": min(areas), "union": sum(areas) - shared, "first": areas[0]}[of]
    return shared / max(whole, 1e-6)


def pairs(one: Sequence[Points], other: Sequence[Points], least: float) -> list[tuple[int, int]]:
    """Return the places of the quads of both lists that share at least so much of their union, each once, the best
    first.
    """
    shares = [
        (overlap(quad, beside, "union"), at, place) for at, quad in enumerate(one) for place, beside in enumerate(other)
    ]
    left, right, found = set[int](), set[int](), list[tuple[int, int]]()
    for share, at, place in sorted(shares, reverse=True):
        if share >= least and at not in left and place not in right:
            left.add(at)
            right.add(place)
            found.append((at, place))
    return found


def parts(quad: Points, borders: Sequence[tuple[float, float]]) -> Points:
    """Return quads (n, 4, 2) between n pairs of borders, 0..1 along a quad's top and bottom edges."""
    along = np.array(borders, np.float32).reshape(-1, 2, 1)
    top = quad[0] + along * (quad[1] - quad[0])
    bottom = quad[3] + along * (quad[2] - quad[3])
    return np.concatenate((top, bottom[:, ::-1]), axis=1)


def height(quad: Points) -> float:
    """Return the mean length of a quad's left and right sides."""
    return (math.dist(quad[0], quad[3]) + math.dist(quad[1], quad[2])) / 2


def shift(before: Points, after: Points, least: float) -> Points:
    """Return how far a text moved, (2,) x, y; 0 where it did not, though a detector cut off or added an end.

    Along the text it has moved as far as both its ends have. Less than ``least`` of its height is nothing.
    """
    right, _ = sides(before)
    along = right / max(float(np.linalg.norm(right)), 1e-6)
    across = np.array((-along[1], along[0]), np.float32)
    ends = (after - before) @ along
    first, last = float(ends[[0, 3]].mean()), float(ends[[1, 2]].mean())
    aside = float(((after - before) @ across).mean())
    ahead = min(first, last, key=abs) if first * last > 0 else 0.0
    ahead, aside = (moved if abs(moved) > least * height(before) else 0.0 for moved in (ahead, aside))
    shifted: Points = np.float32(ahead) * along + np.float32(aside) * across
    return shifted.astype(np.float32)


def is_near_edge(quad: Points, size_hw: tuple[int, int], margin_px: float) -> bool:
    """Return whether a quad comes nearer than this to an edge of a frame of this height and width."""
    low, high = quad.min(axis=0), quad.max(axis=0)
    return bool((low < margin_px).any() or (high > np.array(size_hw[::-1]) - 1 - margin_px).any())


def inside(quad: Points, size_hw: tuple[int, int]) -> Points | None:
    """Return a quad cut to a frame of this height and width; None = more than half of it is outside."""
    cut: Points = np.clip(quad, 0, np.array(size_hw[::-1], np.float32) - 1)
    return cut if cv2.contourArea(cut) > cv2.contourArea(quad) / 2 else None
