"""How a drawn line of text comes to lie in a crop: its homography, painting through a mask, and the bends of cloth."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..data.samples import Image
from .glyphs import Line
from .surroundings import Colour, Surroundings


def placement(
    line: Line, rng: np.random.Generator, height: int, hard: float, around: Surroundings
) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """Choose how a mask lies in its crop, beyond which this reaches: stretch, lean, turn, perspective.

    Returns:
        The homography (3, 3) from mask to crop pixels, and the crop's width and height.
    """
    mask_h, mask_w = line.mask.shape
    left, right, top, bottom = around.margins
    stretch = around.narrow * np.exp(rng.normal(0, 0.16 * hard))
    wide = mask_w * stretch + (left + right) * mask_h
    tall = (1 + top + bottom) * mask_h
    corners = np.array([[0, 0], [mask_w, 0], [mask_w, mask_h], [0, mask_h]], np.float64)
    middle = corners.mean(0)
    turn = np.deg2rad(rng.normal(0, 12.0 if rng.random() < 0.22 else around.turn) * hard) * min(
        1.0, 5 * mask_h / mask_w
    )
    lean = rng.normal(around.lean, 0.13) * hard
    cos, sin = np.cos(turn), np.sin(turn)
    quad = (corners - middle) * [stretch, 1] @ np.array([[1, 0], [lean, 1]]) @ np.array([[cos, sin], [-sin, cos]])
    quad += rng.normal(0, 0.035 * hard, (4, 2)) * mask_h
    low, high = quad.min(0), quad.max(0)
    quad -= low
    wide, tall = max(wide, (high - low)[0] * 0.97), max(tall, (high - low)[1] * 0.97)
    spare = np.array([wide, tall]) - (high - low)
    quad += spare * [left / (left + right + 1e-6) if left > 0 else 0, top / (top + bottom + 1e-6) if top > 0 else 0]
    scale = height / tall
    size_wh = (max(3, round(float(wide * scale))), height)
    target = (quad * scale).astype(np.float32)
    return np.asarray(cv2.getPerspectiveTransform(corners.astype(np.float32), target), np.float64), size_wh


def seen(mask: NDArray[np.uint8], transform: NDArray[np.float64], size_wh: tuple[int, int]) -> NDArray[np.float32]:
    """Warp a mask into a crop, smoothed first where it shrinks: opacity float32 (h, w), 0..1."""
    shrink = 1 / max(1e-3, float(np.sqrt(abs(np.linalg.det(transform[:2, :2])))))
    if shrink > 1.4:
        small_wh = max(1, round(mask.shape[1] / shrink)), max(1, round(mask.shape[0] / shrink))
        small = cv2.resize(mask, small_wh, interpolation=cv2.INTER_AREA)
        back = np.diag([mask.shape[1] / small.shape[1], mask.shape[0] / small.shape[0], 1])
        mask, transform = np.asarray(small, np.uint8), transform @ back
    return np.asarray(cv2.warpPerspective(mask, transform, size_wh) / np.float32(255), np.float32)


def blend(canvas: NDArray[np.float32], mask: NDArray[np.float32], colour: Colour, strength: float) -> None:
    """Paint a colour over a canvas (h, w, 3) through an opacity (h, w), in place."""
    opacity = (mask * strength)[..., np.newaxis]
    canvas += opacity * (colour - canvas)


def draped(image: Image, rng: np.random.Generator) -> Image:
    """Bend an image uint8 (H, W, 3) as a shirt is bent, and shade its folds."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    across = 2 * x / max(1, width - 1) - 1
    bow = rng.normal(0, 0.05) * height * (across - rng.uniform(-0.6, 0.6)) ** 2
    round_off = rng.uniform(-0.22, 0.22) * width * (across**2 - 1) / 2
    folds = rng.normal(0, rng.uniform(0, 0.035) * height, (int(rng.integers(3, 6)), int(rng.integers(3, 5)), 2))
    moved = cv2.resize(folds.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    away = (x + round_off + moved[..., 0]).astype(np.float32), (y + bow + moved[..., 1]).astype(np.float32)
    bent = cv2.remap(image, *away, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    light = cv2.resize(rng.normal(1, rng.uniform(0, 0.18), (3, 4)).astype(np.float32), (width, height))
    return np.asarray(np.clip(bent * light[..., np.newaxis], 0, 255), np.uint8)
