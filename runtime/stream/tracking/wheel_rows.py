"""Pictures of wheels: which rows show ink, where digits stand, and the gaps between two digits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

ROWS, COLUMNS = 96, 24
"""Pixels of the picture of a wheel, which is higher than the text."""
GROWN = 0.3
"""It is so much higher at either side, of the text's height."""
MARGIN = round(ROWS * GROWN / (1 + 2 * GROWN))
"""Rows of it above and below the text."""
PLAIN = 0.15
"""Rows are of one colour whose standard deviation is less than this share of the contrast."""
BOLD = 0.12
"""Digits are bold that leave so little more or less than a half of the text to the ground."""
STROKE, EMPTY = 3, 0.45
"""A row shows no ink if its so many darkest pixels have less than this on average, of what strokes have."""
LEAST_GAP = 0.06
"""Rows without ink are a gap from this share of a digit's height on."""
LEAST_TILTED = 4
"""The tilt of fewer wheels is not told from one that turns."""

Grey = NDArray[np.float32]
Extents = list[tuple[int, int]]
"""For each wheel the row in which digits begin where they stand, and the one after their last."""


@dataclass(frozen=True)
class Gap:
    """Rows without ink between two digits of a wheel."""

    top: int
    bottom: int

    def hides(self, low: int, high: int) -> float:
        """Return which share of a digit is missing where digits stand, from row ``low`` to ``high``."""
        return min(high - self.top, self.bottom - low) / (high - low)

    def moved(self, low: int, high: int) -> int:
        """Return by how many rows the digit of which most is where digits stand has moved up; below 0 = down."""
        return high - self.top if high - self.top < self.bottom - low else low - self.bottom


def is_light(cells: Grey) -> bool:
    """Return whether wheels are light: most of what they show, or, where digits are bold, rows of one colour."""
    text, plain = _plain(cells)
    dark, bright = np.percentile(text, (5, 95)).tolist()
    share = float((text > (dark + bright) / 2).mean())
    if abs(share - 0.5) > BOLD or not plain.any():
        return share > 0.5
    return bool(np.median(text.mean(axis=2)[plain]) > math.sqrt(max(dark, 1.0) * bright))


def ink_of(cells: Grey, *, light: bool) -> Grey:
    """Return the ink of wheels (wheels, ROWS, COLUMNS), 0..1: what differs from the ground.

    The ground of dark wheels is what rows between two digits show, as far as they are of one colour. Light wheels are
    shaded towards their edges: their ink is what is darker than the lightest part of a row.
    """
    if light:
        lightest = np.maximum(np.percentile(cells, 90, axis=(0, 2)), 1).astype(np.float32)
        ink = 1 - cells / lightest[:, None]
    else:
        text, plain = _plain(cells)
        levels = text.mean(axis=2)
        usual = levels[plain] if plain.any() else np.percentile(text, (5,))
        own = [level[rows] if rows.any() else usual for rows, level in zip(plain, levels, strict=True)]
        ink = cells - np.array([np.median(level) for level in own], np.float32)[:, None, None]
    clipped: Grey = np.clip(ink / max(float(np.percentile(ink[:, MARGIN:-MARGIN], 95)), 1e-3), 0, 1)
    return clipped


def _plain(cells: Grey) -> tuple[Grey, NDArray[np.bool_]]:
    """Return the rows of the text, and which of them are of one colour (wheels, rows)."""
    text = cells[:, MARGIN:-MARGIN]
    dark, bright = np.percentile(text, (5, 95)).tolist()
    return text, text.std(axis=2) < PLAIN * (bright - dark)


def inked_rows(ink: Grey) -> tuple[list[list[bool]], Grey]:
    """Return for each wheel which of its rows show ink, and the ink with strokes that are alike in all rows.

    A stroke may be thin. Rows far from the middle are darker, as a wheel turns away from the light there.
    """
    strokes = np.sort(ink, axis=2)[..., -STROKE:].mean(axis=2)
    return (strokes > EMPTY).tolist(), ink / np.maximum(strokes, EMPTY)[..., None]


def _runs(rows: list[bool], *, inked: bool) -> list[tuple[int, int]]:
    """Return where rows begin and end that show ink, or that show none."""
    found, at = [], 0
    for shows, run in groupby(rows):
        length = len(list(run))
        if shows is inked:
            found.append((at, at + length))
        at += length
    return found


def extents_of(inked: list[list[bool]]) -> Extents:
    """Return from which to which row digits stand, of each wheel: as most wheels do, in a row that may be tilted.

    The tilt is the median over the wheels of the median of those to all others (Siegel, "Robust Regression Using
    Repeated Medians", Biometrika 1982), so that wheels which turn have no part in it, as long as most stand.
    """
    middle, count = ROWS // 2, len(inked)
    around = np.array(
        [max(_runs(rows, inked=True), default=(0, 0), key=lambda run: _nearness(run, middle)) for rows in inked], float
    )
    middles, at = around.mean(axis=1), np.arange(count)
    tilts = [np.median((middles - middles[one])[at != one] / (at - one)[at != one]) for one in at]
    lean = at * (float(np.median(tilts)) if count >= LEAST_TILTED else 0.0)
    low, high = np.median(around - lean[:, None], axis=0)
    return [(round(low + by), round(high + by)) for by in lean.tolist()]


def _nearness(run: tuple[int, int], middle: int) -> tuple[bool, int]:
    return run[0] <= middle < run[1], run[1] - run[0]


def deepest_gap(rows: list[bool], low: int, high: int) -> Gap | None:
    """Return the gap that lies deepest in the place in which digits stand, if one does."""
    gaps = [Gap(*run) for run in _runs(rows, inked=False) if run[1] - run[0] >= LEAST_GAP * (high - low)]
    inside = [gap for gap in gaps if gap.top < high and gap.bottom > low]
    return max(inside, key=lambda gap: gap.hides(low, high), default=None)
