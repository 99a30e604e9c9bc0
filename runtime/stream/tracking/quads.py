"""Places of text: where they moved, what of them lies in the frame; pure functions on quads (4, 2), frame pixels."""

from __future__ import annotations

import math

import cv2
import numpy as np

from ...geometry.images import Frame, Points, cut_quad

STILL = 0.25
"""A text whose found place moved less than this, of its height, has not moved."""
EDGE = 0.25
"""A plate so near the picture's edge, of its height, may be cut off, and is not read."""
BEST_PX = 512
"""Longest side of a track's best picture."""


def straightened(frame: Frame, quad: Points) -> Frame:
    """A quad of a frame as an upright picture (H, W, 3) of about its own size, at most ``BEST_PX`` wide or high."""
    wide = max(math.dist(quad[0], quad[1]), math.dist(quad[3], quad[2]), 1.0)
    high = max(math.dist(quad[0], quad[3]), math.dist(quad[1], quad[2]), 1.0)
    scale = min(BEST_PX / max(wide, high), 1.0)
    picture = np.empty((max(round(high * scale), 1), max(round(wide * scale), 1), 3), np.uint8)
    cut_quad(frame, quad, picture, keep_ratio=False)
    return picture


def height(quad: Points) -> float:
    """Length of a quad's left and right sides, the mean."""
    return (math.dist(quad[0], quad[3]) + math.dist(quad[1], quad[2])) / 2


def shift(before: Points, after: Points, least: float = STILL) -> Points:
    """How far a text moved, (2,) x, y; 0 where it did not, though a detector cut off or added an end.

    Along the text it has moved as far as both its ends have. Less than ``least`` of its height is nothing.
    """
    along = before[1] + before[2] - before[0] - before[3]
    along = along / max(float(np.linalg.norm(along)), 1e-6)
    across = np.array((-along[1], along[0]), np.float32)
    tolerance = least * height(before)
    ends = (after - before) @ along
    left, right = float(ends[[0, 3]].mean()), float(ends[[1, 2]].mean())
    aside = float(((after - before) @ across).mean())
    ahead = min(left, right, key=abs) if left * right > 0 else 0.0
    moved = np.array((ahead if abs(ahead) > tolerance else 0.0, aside if abs(aside) > tolerance else 0.0), np.float32)
    shifted: Points = moved[0] * along + moved[1] * across
    return shifted.astype(np.float32)


def is_cut(quad: Points, frame: Frame) -> bool:
    """Whether a quad touches the frame's edge, so that a part of a passing text may be outside."""
    return is_near_edge(quad, (frame.shape[0], frame.shape[1]), EDGE * height(quad))


def is_near_edge(quad: Points, size_hw: tuple[int, int], margin_px: float) -> bool:
    """Whether a quad comes nearer than this to an edge of a frame of this height and width."""
    low, high = quad.min(axis=0), quad.max(axis=0)
    return bool((low < margin_px).any() or (high > np.array(size_hw[::-1]) - 1 - margin_px).any())


def inside(quad: Points, frame: Frame) -> Points | None:
    """A quad cut to the frame, (4, 2); None = more than half of it is outside."""
    limits = np.array((frame.shape[1] - 1, frame.shape[0] - 1), np.float32)
    cut: Points = np.clip(quad, 0, limits)
    return cut if cv2.contourArea(cut) > cv2.contourArea(quad) / 2 else None
