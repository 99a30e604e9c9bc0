"""Frames: to BGR, made smaller, quads cut out; pure functions.

A frame is an array (H, W, 3) uint8 BGR. Points are x, y in pixels.
"""

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError
from .pixels import by_bands, flattened

Frame = NDArray[np.uint8]
Points = NDArray[np.float32]

MAX_SUPERSAMPLING = 8
"""A quad is straightened at no more than this many times the crop's size."""
SLACK = 1e-3
"""So much less than a whole column is one: what corners of a turned quad are rounded by."""
TIE = 1e-3
"""Two corners of a box are as near to the top left when they differ by less than this share of its longer side."""


def as_bgr(image: Any) -> Frame:
    """Turn any picture into a frame (H, W, 3) uint8 BGR; what is one already is returned as it is.

    Args:
        image: uint8 or uint16 array (H, W), (H, W, 1), (H, W, 3) BGR or (H, W, 4) BGRA; alpha is laid over white.

    Raises:
        ImageError: anything else.
    """
    if not isinstance(image, np.ndarray) or image.dtype not in {np.dtype(np.uint8), np.dtype(np.uint16)}:
        got = f"{image.dtype} array" if isinstance(image, np.ndarray) else type(image).__name__
        raise ImageError(f"expected a uint8 or uint16 array, got {got}; convert the picture first")
    channels = image.shape[2] if image.ndim == 3 else 1 if image.ndim == 2 else 0
    if channels not in {1, 3, 4} or image.size == 0:
        raise ImageError(f"expected shape (H, W), (H, W, 3) or (H, W, 4), got {image.shape}; check what made it")
    return by_bands(np.ascontiguousarray(image), flattened)


def halved(source: NDArray[Any], target: NDArray[Any], least: int) -> NDArray[Any]:
    """Halve a picture as long as both its sides are at least so many times those of the target."""
    while source.shape[0] >= least * target.shape[0] and source.shape[1] >= least * target.shape[1]:
        height, width = source.shape[0] // 2, source.shape[1] // 2
        source = cv2.resize(source[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
    return source


def whole(frame: Frame) -> Points:
    """Return the quad (4, 2) of a whole frame, for pictures that are already cut."""
    height, width = frame.shape[:2]
    return box(0, 0, width, height)


def box(x: float, y: float, width: float, height: float) -> Points:
    """Return the quad (4, 2) float32 of an upright rectangle, clockwise from its top left."""
    return np.array(((x, y), (x + width, y), (x + width, y + height), (x, y + height)), np.float32)


def smallest_box(points: NDArray[Any]) -> Points:
    """Return the smallest rectangle (4, 2) around points (n, 2), clockwise from the corner with the smallest x + y.

    Of two corners with the same, which a rectangle turned by 45° has, it is the one from which the longer side follows.
    Only the corners of OpenCV's rectangle are used: its angle and their order differ between versions.
    """
    corners: list[list[float]] = cv2.boxPoints(cv2.minAreaRect(points)).tolist()  # of four points, lists are faster
    x, y = (sum(values) / 4 for values in zip(*corners, strict=True))
    clockwise = sorted(corners, key=lambda corner: math.atan2(corner[1] - y, corner[0] - x))
    sides = [math.dist(*pair) for pair in zip(clockwise, clockwise[1:] + clockwise[:1], strict=True)]
    sums = [sum(corner) for corner in clockwise]
    most = min(sums) + TIE * max(sides)
    start = max(range(4), key=lambda at: sides[at] if sums[at] <= most else -1)
    return np.array(clockwise[start:] + clockwise[:start], np.float32)


def with_margin(quad: Points, frame: Frame, margin: float) -> tuple[Points, float]:
    """Put a share of its height around a text's quad (4, 2), clockwise from its top left, within the frame.

    Returns:
        The larger quad, and the margin at each end as a share of the text's width.
    """
    right, down = (quad[1] + quad[2] - quad[0] - quad[3]) / 2, (quad[2] + quad[3] - quad[0] - quad[1]) / 2
    width, height = (max(math.hypot(*side.tolist()), 1.0) for side in (right, down))
    share = margin * height / width
    right, down = right * share, down * margin
    grown = quad + np.stack((-right - down, right - down, right + down, down - right))
    limits = np.array((frame.shape[1] - 1, frame.shape[0] - 1), np.float32)
    return np.clip(grown, 0, limits).astype(np.float32), share


def crop_columns(quad: Points, height: int, stretch: float) -> int:
    """Return how many whole columns a crop of this height gives a quad (4, 2), at least 1: as many as its ratio says,
    ``stretch`` times, but no more than twice the height on top, which keeps long texts, whose characters are many, from
    growing. With a stretch of 1 they are EasyOCR's.
    """
    wide, high = _sides(quad.tolist())
    natural = height * wide / high
    return max(1, int(natural + min(natural * (stretch - 1), 2 * height) + SLACK))


def _sides(corners: list[list[float]]) -> tuple[float, float]:
    """The longer of a quad's horizontal and of its vertical sides, at least 1."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = corners
    wide = max(math.hypot(bx - ax, by - ay), math.hypot(dx - cx, dy - cy), 1.0)
    return wide, max(math.hypot(cx - bx, cy - by), math.hypot(ax - dx, ay - dy), 1.0)


def cut_quad(frame: Frame, quad: Points, crop: Frame, *, keep_ratio: bool, stretch: float = 1.0) -> int:
    """Straighten a quad of the frame into a crop, in place.

    Args:
        frame: (H, W, 3) uint8 BGR.
        quad: (4, 2) x, y, clockwise from the text's top left.
        crop: (h, w, 1) grey or (h, w, 3) BGR uint8 array to write.
        keep_ratio: True: height h, as wide as the ratio makes it but at most w, the rest repeats the last
            column (the recognizer's ``--PAD``); False: stretched to h × w.
        stretch: with keep_ratio, see `crop_columns`.

    Returns:
        How many of the crop's columns show the quad, 1..w.
    """
    height, width = crop.shape[:2]
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = corners = quad.tolist()
    wide, high = _sides(corners)
    used: int = min(width, crop_columns(quad, height, stretch)) if keep_ratio else width
    left, top = max(math.floor(min(ax, bx, cx, dx)) - 1, 0), max(math.floor(min(ay, by, cy, dy)) - 1, 0)
    right, bottom = math.ceil(max(ax, bx, cx, dx)) + 2, math.ceil(max(ay, by, cy, dy)) + 2
    patch: NDArray[Any] = frame[top:bottom, left:right]
    if crop.shape[2] == 1:
        patch = cv2.cvtColor(patch, cv2.COLOR_BGR2GRAY)
    target = crop[:, :used]
    slant = max(abs(ay - by), abs(cy - dy), abs(ax - dx), abs(bx - cx))
    if slant < 0.5 and ax < bx and ay < dy:
        x0, y0, x1, y1 = round(ax - left), round(ay - top), round(cx - left), round(cy - top)
        _resize(patch[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)], target)
    else:
        inside = np.array([(x - left, y - top) for x, y in corners], np.float32)
        _warp(patch, inside, target, (wide / used, high / height))
    crop[:, used:] = crop[:, used - 1 : used]
    return used


def _resize(patch: NDArray[Any], target: Frame) -> None:
    patch = halved(patch, target, 4)
    resized = cv2.resize(patch, (target.shape[1], target.shape[0]), interpolation=_method(patch, target))
    target[:] = resized.reshape(target.shape)


def _method(source: NDArray[Any], target: NDArray[Any]) -> int:
    """Averaging where a side shrinks to a half or less, which keeps lines from aliasing; else linear, which is fast."""
    shrink = max(source.shape[0] / target.shape[0], source.shape[1] / target.shape[1])
    return cv2.INTER_AREA if shrink >= 2 else cv2.INTER_LINEAR


def _warp(patch: NDArray[Any], quad: Points, target: Frame, shrink_xy: tuple[float, float]) -> None:
    """Perspective warp; what shrinks is warped at about its own size and averaged down, so that nothing aliases."""
    finer = [min(max(round(shrink), 1), MAX_SUPERSAMPLING) for shrink in shrink_xy]
    width, height = target.shape[1] * finer[0], target.shape[0] * finer[1]
    corners = np.array(((0, 0), (width, 0), (width, height), (0, height)), np.float32)
    matrix = cv2.getPerspectiveTransform(quad, corners)
    warped = cv2.warpPerspective(patch, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    if max(finer) > 1:
        warped = cv2.resize(warped, (target.shape[1], target.shape[0]), interpolation=cv2.INTER_AREA)
    target[:] = warped.reshape(target.shape)
