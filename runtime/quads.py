"""Quads (4, 2) float32 x, y, clockwise from their text's top left: sides, and how much two share; pure functions."""

from typing import Literal

import cv2
import numpy as np

from .images import Points

SAME_PLACE = 0.5
"""Two quads that share so much of the smaller one's area are of the same text."""


def sides(quad: Points) -> tuple[Points, Points]:
    """Vectors (2,) along a quad's text and down across it: the mean of its two sides each."""
    right, down = (quad[1] + quad[2] - quad[0] - quad[3]) / 2, (quad[2] + quad[3] - quad[0] - quad[1]) / 2
    return right, down


def overlap(first: Points, second: Points, of: Literal["smaller", "union", "first"] = "smaller") -> float:
    """Shared area of two quads, or of the convex hulls of polygons (n, 2): as a share, 0..1, of an area.

    Args:
        first: (n, 2) x, y, in any direction.
        second: the same.
        of: the smaller one's area, the area of both together (intersection over union), or the first one's.
    """
    one, other = (np.asarray(cv2.convexHull(np.asarray(each, np.float32)), np.float32) for each in (first, second))
    shared = float(cv2.intersectConvexConvex(one, other)[0])
    areas = cv2.contourArea(one), cv2.contourArea(other)
    whole = {"smaller": min(areas), "union": sum(areas) - shared, "first": areas[0]}[of]
    return shared / max(whole, 1e-6)
