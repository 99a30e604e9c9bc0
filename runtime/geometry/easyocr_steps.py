"""EasyOCR's steps from a text's quad to a crop, which its networks are used to; pure functions.

They are those of EasyOCR 1.7.2 (``group_text_box``, ``get_image_list``, ``AlignCollate``), in whole pixels.
"""

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .images import Frame, Points, box

MOST_SLOPE = 0.1
"""Text whose upper and lower sides both rise by less, of their width, is taken as an upright box."""
LEAST_PX = 10
"""Lengths that slopes and angles are taken from count as at least so many pixels."""
TILTED = 1.44
"""Tilted text has a margin so much larger."""
TURNED_PX = 2
"""A quad whose first corner's x + y is larger than the least by more is of text that was turned."""
UNSURE = 0.1
"""Text of less confidence, EasyOCR's, is looked at again with more contrast."""
FAINT = 0.5
"""What has more contrast than this is left as it is."""
CUBIC = -0.5
"""Parameter of the cubic that is as Pillow's (Keys, "Cubic Convolution Interpolation for Digital Image Processing",
IEEE TASSP 1981)."""


def is_unturned(quad: Points) -> bool:
    """Return whether a quad (4, 2) begins at the top left of the picture, and not of text that was turned."""
    sums = quad.sum(axis=1)
    return bool(sums[0] <= sums.min() + TURNED_PX)


def outer_quad(quad: Points, frame: Frame, margin: float) -> tuple[Points, float]:
    """Return an unturned quad (4, 2) with a share of its lesser side around it: an upright box within the frame, or
    tilted.

    Returns:
        The larger quad, and the margin at each end as a share of the text's width.
    """
    corners = quad.astype(int)
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = corners.tolist()
    slopes = abs(by - ay) / max(bx - ax, LEAST_PX), abs(cy - dy) / max(cx - dx, LEAST_PX)
    if max(slopes) < MOST_SLOPE:
        (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        around = int(margin * min(right - left, bottom - top))
        share = around / max(right - left, 1)
        left, top = max(left - around, 0), max(top - around, 0)
        right, bottom = min(right + around, frame.shape[1]), min(bottom + around, frame.shape[0])
        return box(left, top, max(right - left, 1), max(bottom - top, 1)), share
    wide, high = math.hypot(bx - ax, by - ay), math.hypot(dx - ax, dy - ay)
    around = int(TILTED * margin * min(wide, high))
    falling, rising = (
        math.atan(abs((ay - cy) / max(ax - cx, LEAST_PX))),
        math.atan(abs((by - dy) / max(bx - dx, LEAST_PX))),
    )
    (fx, fy), (rx, ry) = ((around * math.cos(angle), around * math.sin(angle)) for angle in (falling, rising))
    grown = (ax - fx, ay - fy), (bx + rx, by - ry), (cx + fx, cy + fy), (dx - rx, dy + ry)
    return np.array(grown, np.float32), around / max(wide, 1.0)


def pixels_of(quad: Points) -> tuple[int, int]:
    """Return the width and height of a quad (4, 2) in whole pixels, at least 1."""
    a, b, c, d = quad.tolist()
    return max(int(math.dist(c, d)), int(math.dist(b, a)), 1), max(int(math.dist(b, c)), int(math.dist(a, d)), 1)


def padded_columns(quad: Points, height: int) -> int:
    """Return the columns that a crop of this height has with its padding: a multiple of the height."""
    wide, high = pixels_of(quad)
    return height * math.ceil(max(wide / high, high / wide))


def cut_line(frame: Frame, quad: Points, crop: Frame, *, again: bool = False) -> int:
    """Cut a quad out of the frame into a crop, in place, and repeat its last column to the right.

    Args:
        frame: (H, W, 3) uint8 BGR.
        quad: (4, 2) x, y, as `outer_quad` gives it.
        crop: (h, w, 1) grey or (h, w, 3) BGR uint8 array to write.
        again: for the second look: where there is little contrast, with more.

    Returns:
        How many of the crop's columns show the quad, 1..w.
    """
    text = _taken(frame, quad, grey=crop.shape[2] == 1)
    height, width = crop.shape[:2]
    high, wide = text.shape[:2]
    used: int
    line: NDArray[Any]
    if wide >= high:
        used = min(max(int(height * wide / high), 1), width)
        line = cv2.resize(text, (used, height), interpolation=cv2.INTER_LINEAR)
        line = _stronger(line) if again else line
    else:
        wider = cv2.resize(text, (height, min(int(height * high / wide), width)), interpolation=cv2.INTER_LINEAR)
        wider = _stronger(wider) if again else wider
        used = min(math.ceil(height * height / wider.shape[0]), width)
        line = _cubic(_cubic(wider, used, axis=1), height, axis=0)
    crop[:, :used] = line.reshape(height, used, -1)
    crop[:, used:] = crop[:, used - 1 : used]
    return used


def confidence(log_probs: NDArray[np.float32]) -> float:
    """Return EasyOCR's confidence, 0..1, of CTC's log-probabilities (T, classes).

    It is the product of the n steps without a blank, to the power 2 / √n.
    """
    steps = log_probs.max(axis=1)[log_probs.argmax(axis=1) != 0]
    return math.exp(2 * float(steps.sum()) / math.sqrt(len(steps))) if len(steps) else 0.0


def _stronger(line: NDArray[Any]) -> NDArray[Any]:
    """A picture of little contrast between its 10th and its 90th percentile, with more."""
    low, high = np.percentile(line, (10, 90)).tolist()
    if (high - low) / max(high + low, 10) >= FAINT:
        return line
    stronger: NDArray[Any] = np.clip((line - low + 25) * (200 / max(high - low, 10)), 0, 255)
    return stronger.astype(np.uint8)


def _taken(frame: Frame, quad: Points, *, grey: bool) -> NDArray[Any]:
    """The text in a quad in its own pixels: as it is in an upright box, else straightened, black beyond the frame."""
    left, top = (max(math.floor(low) - 1, 0) for low in quad.min(axis=0).tolist())
    right, bottom = (max(math.ceil(high) + 2, 1) for high in quad.max(axis=0).tolist())
    patch: NDArray[Any] = frame[top:bottom, left:right]
    if grey:
        patch = cv2.cvtColor(patch, cv2.COLOR_BGR2GRAY)
    inside = quad - np.array((left, top), np.float32)
    (x, y), (wide, high) = inside[0].tolist(), pixels_of(quad)
    if np.array_equal(inside, box(int(x), int(y), wide, high)):
        return patch[int(y) : int(y) + high, int(x) : int(x) + wide]
    corners = np.array(((0, 0), (wide - 1, 0), (wide - 1, high - 1), (0, high - 1)), np.float32)
    return cv2.warpPerspective(patch, cv2.getPerspectiveTransform(inside, corners), (wide, high))


def _cubic(picture: NDArray[Any], size: int, axis: int) -> NDArray[Any]:
    """Resize one axis of a picture by a cubic that is as much wider as the picture shrinks, which keeps it smooth."""
    length = picture.shape[axis]
    scale = length / size
    spread = max(scale, 1.0)
    away = np.abs((np.arange(length) + 0.5 - (np.arange(size)[:, None] + 0.5) * scale) / spread)
    near = ((CUBIC + 2) * away - (CUBIC + 3)) * away**2 + 1
    far = CUBIC * (((away - 5) * away + 8) * away - 4)
    weights = np.where(away < 1, near, np.where(away < 2, far, 0))
    weights /= weights.sum(axis=1, keepdims=True)
    mixed = np.moveaxis(np.tensordot(weights, picture, (1, axis)), 0, axis)
    return np.clip(np.floor(mixed + 0.5), 0, 255).astype(np.uint8)
