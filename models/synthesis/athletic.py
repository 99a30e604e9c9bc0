"""Block digits as sports shirts carry them: strokes of one width with cut corners, often with feet."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .fonts import SIZE_PX
from .glyphs import Line, trimmed

Stroke = list[tuple[float, float]]


def block_line(text: str, rng: np.random.Generator) -> Line:
    """Draw digits `SIZE_PX` high in one hand: width, weight, cut of the corners, feet, spacing.

    Args:
        text: Digits alone.
        rng: The source of chance.
    """
    width = SIZE_PX * rng.uniform(0.42, 0.78)
    thick = width * rng.uniform(0.2, 0.33)
    cut = rng.uniform(0.04, 0.34)
    feet = rng.random() < 0.5
    gap = SIZE_PX * rng.uniform(-0.02, 0.22)
    mask = np.zeros((3 * SIZE_PX, int(len(text) * (width + gap)) + 3 * SIZE_PX), np.uint8)
    boxes, x = [], float(SIZE_PX)
    for digit in text:
        wide = width * (0.55 if digit == "1" and not feet else 1.0)
        span = np.array([max(1.0, wide - thick), SIZE_PX - thick])
        for stroke in strokes(digit, cut, feet=feet):
            points = np.array(stroke) * span + [x + thick / 2, SIZE_PX + thick / 2]
            _draw(mask, points, thick)
        boxes.append((x, SIZE_PX, x + wide, 2 * SIZE_PX))
        x += wide + gap
    return trimmed(mask, np.array(boxes, np.float32), text)


def _draw(mask: NDArray[np.uint8], points: NDArray[np.float64], thick: float) -> None:
    cv2.polylines(mask, [np.round(points * 16).astype(np.int32)], False, 255, max(2, round(thick)), cv2.LINE_AA, 4)


def strokes(digit: str, cut: float, *, feet: bool) -> list[Stroke]:
    """Give the strokes of a digit, points (x, y) in 0..1 of its cell, y downwards.

    Args:
        digit: One of 0 to 9.
        cut: How much of a corner is cut off, 0..0.45.
        feet: Whether 1 and 4 stand on a foot, and 1, 2, 3, 5 and 7 carry serifs.
    """
    c, d = cut, cut * 0.6
    left_end, right_end = (0.0, 0.26), (1.0, 0.26)
    bowl: Stroke = [(1, 0.44 + d), (1, 1 - d), (1 - c, 1), (c, 1), (0, 1 - d), (0, 0.74)]
    six: Stroke = [
        right_end, (1, d), (1 - c, 0), (c, 0), (0, d), (0, 1 - d), (c, 1), (1 - c, 1), (1, 1 - d), (1, 0.44 + d),
        (1 - c, 0.44), (0, 0.44),
    ]  # fmt: skip
    upper: Stroke = [(c, 0), (1 - c, 0), (1, d), (1, 0.47 - d), (1 - c, 0.47), (c, 0.47), (0, 0.47 - d), (0, d), (c, 0)]
    arch: Stroke = [left_end, (0, d), (c, 0), (1 - c, 0), (1, d)]
    serifs: dict[str, Stroke] = {
        "1": [(0.08, 1), (0.92, 1)], "2": [(1, 1), (1, 0.82)], "4": [(0.45, 1), (0.95, 1)], "5": [(1, 0), (1, 0.12)],
    }  # fmt: skip
    shapes: dict[str, list[Stroke]] = {
        "0": [[(c, 0), (1 - c, 0), (1, d), (1, 1 - d), (1 - c, 1), (c, 1), (0, 1 - d), (0, d), (c, 0)]],
        "1": [[(0.5, 1), (0.5, 0), (0.08, 0)] if feet else [(0.8, 1), (0.8, 0), (0, 0.16)]],
        "2": [[*arch, (1, 0.36), (0, 0.86), (0, 1), (1, 1)]],
        "3": [[*arch, (1, 0.47 - d), (1 - c / 2, 0.47), (0.4, 0.47)], [(1 - c / 2, 0.47), *bowl]],
        "4": [[(0.7, 1), (0.7, 0), (0, 0.58), (0, 0.7), (1, 0.7)]],
        "5": [[(1, 0), (0.04, 0), (0, 0.46), (c, 0.4), (1 - c, 0.4), *bowl]],
        "6": [six],
        "7": [[(0, 0.2 if feet else 0.0), (0, 0), (1, 0), (1, 0.14), (0.38, 0.62), (0.38, 1)]],
        "8": [upper, [(x, 0.47 + y * 0.53 / 0.47) for x, y in upper]],
        "9": [[(1 - x, 1 - y) for x, y in six]],
    }
    return [*shapes[digit], serifs[digit]] if feet and digit in serifs else shapes[digit]
