"""Digits on wheels that turn: which stand, and what those between two digits say.

The rows of a wheel that show no ink lie between two digits. Where they cross the place in which digits stand, the wheel
is between two: the end of one digit is above them, the beginning of the next one below. Which two is found by the
digits that this meter's wheels showed before. A digit between two is the lower one, unless the wheel to its right has
gone on to 0 (the rule of odometers).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby

import cv2
import numpy as np
from numpy.typing import NDArray

from ...geometry.images import Frame, Points, cut_quad
from ...text.decoding import Text

ROWS, COLUMNS = 96, 24
"""Pixels of the picture of a wheel, which is higher than the text."""
GROWN = 0.3
"""It is so much higher at either side, of the text's height."""
WIDE, WIDE_OF_HEIGHT = 0.8, 0.68
"""Share of the way from wheel to wheel that is looked at, and of the text's height: beside the digits there are edges.
"""
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
STANDS = 0.25
"""A digit from which less than this share of its height is missing is read as it stands."""
STILL = 0.1
"""The same for those that are learned."""
SURE = 0.9
"""Digits that are read less surely are not learned."""
LEAST_TALL, MOST_TALL = 0.3, 0.75
"""A digit's height as a share of a wheel's picture: other rows are not those of digits."""
LEAST_TILTED = 4
"""The tilt of fewer wheels is not told from one that turns."""
OVER = 0.1
"""Of a digit's height: so much more than where digits stand is seen of a wheel, at least."""
ALIKE, ALIKE_OF_FEW, CLEAR = 0.7, 0.85, 0.1
"""Least correlation with two digits, the same while not all digits are known, and with all other pairs less by this."""
SHIFT, LEAST_ROWS = 3, 12
"""Pixels by which a wheel may stand aside; and rows of which fewer say nothing."""
LEARNED = 0.2
"""Share of a new picture in what a digit looks like."""
KEPT = 0.3
"""Share of a new frame in where the wheels are."""
ASIDE, MOVED = 0.4, 3
"""The wheels were read elsewhere if it is so many wheels away, and have moved after so many such readings."""
MOST_MISSING = 2
"""Wheels that may be read as no digit at once."""

Grey = NDArray[np.float32]


@dataclass(frozen=True)
class Said:
    """What the wheels say in one frame."""

    text: str
    confidence: float
    """How likely the digits that stand are right, 0..1."""
    turned: float
    """How far the last wheel is from its digit to the next one, 0..1."""


@dataclass(frozen=True)
class Gap:
    """Rows without ink between two digits of a wheel."""

    top: int
    bottom: int

    def hides(self, low: int, high: int) -> float:
        """Return which share of a digit is missing where digits stand, from row ``low`` to ``high``."""
        return min(high - self.top, self.bottom - low) / (high - low)

    def passed(self, low: int, high: int) -> float:
        """Return how far the wheel is from the digit above to the one below, 0..1."""
        return (high - self.top) / (high - low + self.bottom - self.top)


class Wheels:
    """The wheels of one meter, which learn what their digits look like."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._digits: dict[int, Grey] = {}
        self._row: Points | None = None
        """(3, 2) frame pixels: the first wheel's middle, the way to the next, and from a text's top to its bottom."""
        self._elsewhere = 0

    def read(self, frame: Frame, quad: Points, text: Text) -> Said | None:
        """Return what the wheels say, or None where that cannot be told.

        Args:
            frame: (H, W, 3) uint8 BGR.
            quad: (4, 2) around the text.
            text: what the recognizer reads there.
        """
        read = self._by_wheel(quad, text)
        if read is None or self._row is None:
            return None
        cells = _ink(self._cells(frame, self._row))
        inked = _inked(cells)
        extents = _extents(inked)
        if any(low < 0 or high > ROWS or not LEAST_TALL <= (high - low) / ROWS <= MOST_TALL for low, high in extents):
            return None
        digits: list[int] = []
        sure, turned = 1.0, 0.0
        for cell, rows, (low, high), (digit, chance) in zip(
            cells[::-1], inked[::-1], extents[::-1], read[::-1], strict=True
        ):
            gap = _gap(rows, low, high)
            if gap is None or gap.hides(low, high) < STANDS:
                sure *= chance
                if chance >= SURE and (gap is None or gap.hides(low, high) < STILL):
                    self._learn(digit, cell[low:high])
            else:
                lower = self._between(cell, gap, low, high)
                turned = turned if digits else gap.passed(low, high)
                digit = lower if lower < 0 or not digits or digits[-1] >= 5 else (lower + 1) % 10  # noqa: PLW2901
            digits.append(digit)
        return None if min(digits) < 0 else Said("".join(map(str, reversed(digits))), sure, turned)

    def _by_wheel(self, quad: Points, text: Text) -> list[tuple[int, float]] | None:
        """Return each wheel's digit and how likely it is, -1 and 0 where none is read; None = it is not known where."""
        symbols = zip(text.positions, text.text, text.confidences, strict=False)
        found = [(at, int(symbol), chance) for at, symbol, chance in symbols if symbol.isdecimal()]
        left, right = quad[[0, 3]].mean(axis=0), quad[[1, 2]].mean(axis=0)
        if len(found) == self._count:
            (step, first) = np.polyfit(np.arange(self._count), [at for at, *_ in found], 1).tolist()
            row = np.stack(
                [left + first * (right - left), step * (right - left), quad[[3, 2]].mean(0) - quad[:2].mean(0)]
            )
            if not self._settle(row.astype(np.float32)):
                return None
            return [(digit, chance) for _, digit, chance in found]
        if self._row is None or len(found) < self._count - MOST_MISSING:
            return None
        read = [(-1, 0.0)] * self._count
        for at, digit, chance in found:
            along = float((left + at * (right - left) - self._row[0]) @ self._row[1]) / float(
                self._row[1] @ self._row[1]
            )
            if 0 <= round(along) < self._count and chance > read[round(along)][1]:
                read[round(along)] = digit, chance
        return read

    def _settle(self, row: Points) -> bool:
        """Take where all wheels were read; return False where that is elsewhere: after a few such, they have moved."""
        if self._row is None or np.linalg.norm(row[0] - self._row[0]) < ASIDE * np.linalg.norm(self._row[1]):
            self._row, self._elsewhere = row if self._row is None else self._row + KEPT * (row - self._row), 0
            return True
        self._elsewhere += 1
        if self._elsewhere >= MOVED:
            self._row, self._elsewhere = row, 0
        return False

    def _cells(self, frame: Frame, row: Points) -> Grey:
        """Return each wheel's picture (wheels, ROWS, COLUMNS)."""
        first, step, down = row
        share = min(WIDE, WIDE_OF_HEIGHT * float(np.linalg.norm(down) / np.linalg.norm(step)))
        size = np.array([frame.shape[1] - 1, frame.shape[0] - 1], np.float32)
        cells = np.empty((self._count, ROWS, COLUMNS, 1), np.uint8)
        side, half = step * share / 2, (0.5 + GROWN) * down
        for wheel, cell in enumerate(cells):
            middle = first + wheel * step
            corners = [middle - side - half, middle + side - half, middle + side + half, middle - side + half]
            cut_quad(frame, np.clip(np.stack(corners), 0, size).astype(np.float32), cell, keep_ratio=False)
        return cells[..., 0].astype(np.float32)

    def _learn(self, digit: int, picture: Grey) -> None:
        new: Grey = cv2.resize(picture, (COLUMNS, ROWS // 2))  # type: ignore[assignment]
        before = self._digits.get(digit)
        self._digits[digit] = new if before is None else before + LEARNED * (new - before)

    def _between(self, cell: Grey, gap: Gap, low: int, high: int) -> int:
        """Return the lower of the two digits between which a wheel stands; -1 where that is not clear."""
        tall, over = high - low, round(OVER * (high - low))
        above = np.arange(max(low - over, gap.top - tall, 0), gap.top)
        below = np.arange(gap.bottom, max(min(high + over, gap.bottom + tall, ROWS), gap.bottom))
        rows = np.concatenate((above, below))
        shapes: dict[int, Grey] = {
            digit: cv2.resize(shape, (COLUMNS, tall)).astype(np.float32) for digit, shape in self._digits.items()
        }
        lowers = [digit for digit in shapes if (digit + 1) % 10 in shapes]
        wanted = [
            np.vstack((shapes[digit][tall - len(above) :], shapes[(digit + 1) % 10][: len(below)])) for digit in lowers
        ]
        seen = [
            cell[np.clip(rows + down, 0, ROWS - 1), SHIFT + aside : COLUMNS - SHIFT + aside]
            for down in (-1, 0, 1)
            for aside in range(-SHIFT, SHIFT + 1)
        ]
        if not lowers or len(rows) < LEAST_ROWS:
            return -1
        alike = _flat([shape[:, SHIFT:-SHIFT] for shape in wanted]) @ _flat(seen).T
        scores = alike.max(axis=1)
        best = int(scores.argmax())
        clear = scores[best] - np.delete(scores, best).max(initial=-1.0) >= CLEAR
        return lowers[best] if clear and scores[best] >= (ALIKE if len(lowers) == 10 else ALIKE_OF_FEW) else -1


def _flat(pictures: list[Grey]) -> Grey:
    """Return pictures as rows of mean 0 and length 1."""
    rows = np.stack([picture.ravel() for picture in pictures])
    rows -= rows.mean(axis=1, keepdims=True)
    flat: Grey = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    return flat


def _ink(cells: Grey) -> Grey:
    """Return the ink of wheels (wheels, ROWS, COLUMNS), 0..1: what differs from the ground, which is the larger part.

    The ground of dark wheels is what rows between two digits show, as far as they are of one colour. Light wheels are
    shaded towards their edges: their ink is what is darker than the lightest part of a row.
    """
    text = cells[:, MARGIN:-MARGIN]
    dark, bright = np.percentile(text, (5, 95)).tolist()
    plain = text.std(axis=2) < PLAIN * (bright - dark)
    levels = text.mean(axis=2)
    if _is_light(text, levels[plain], dark, bright):
        lightest = np.maximum(np.percentile(cells, 90, axis=(0, 2)), 1).astype(np.float32)
        ink = 1 - cells / lightest[:, None]
    else:
        usual = levels[plain] if plain.any() else np.array([dark])
        own = [level[rows] if rows.any() else usual for rows, level in zip(plain, levels, strict=True)]
        ink = cells - np.array([np.median(level) for level in own], np.float32)[:, None, None]
    clipped: Grey = np.clip(ink / max(float(np.percentile(ink[:, MARGIN:-MARGIN], 95)), 1e-3), 0, 1)
    return clipped


def _is_light(text: Grey, plain: Grey, dark: float, bright: float) -> bool:
    """Return whether wheels are light: most of what they show, or, where digits are bold, rows of one colour."""
    share = float((text > (dark + bright) / 2).mean())
    if abs(share - 0.5) > BOLD or not len(plain):
        return share > 0.5
    return bool(np.median(plain) > math.sqrt(max(dark, 1.0) * bright))


def _inked(ink: Grey) -> list[list[bool]]:
    """Return for each wheel which of its rows show ink: a stroke may be thin."""
    strokes = np.sort(ink, axis=2)[..., -STROKE:].mean(axis=2)
    return (strokes > EMPTY).tolist()  # type: ignore[no-any-return]


def _runs(rows: list[bool], *, inked: bool) -> list[tuple[int, int]]:
    """Return where rows begin and end that show ink, or that show none."""
    found, at = [], 0
    for shows, run in groupby(rows):
        length = len(list(run))
        if shows is inked:
            found.append((at, at + length))
        at += length
    return found


def _extents(inked: list[list[bool]]) -> list[tuple[int, int]]:
    """Return from which to which row digits stand, of each wheel: as most wheels do, in a row that may be tilted.

    The tilt is the median of those between any two wheels (Theil and Sen), so that a wheel which turns has no part in
    it: a quad around the text may follow that one.
    """
    middle, count = ROWS // 2, len(inked)
    around = np.array(
        [max(_runs(rows, inked=True), default=(0, 0), key=lambda run: _nearness(run, middle)) for rows in inked], float
    )
    pairs = [(one, other) for other in range(count) for one in range(other)]
    tilts = [(around[other].mean() - around[one].mean()) / (other - one) for one, other in pairs]
    lean = np.arange(count) * (float(np.median(tilts)) if count >= LEAST_TILTED else 0.0)
    low, high = np.median(around - lean[:, None], axis=0)
    return [(round(low + by), round(high + by)) for by in lean.tolist()]


def _nearness(run: tuple[int, int], middle: int) -> tuple[bool, int]:
    return run[0] <= middle < run[1], run[1] - run[0]


def _gap(rows: list[bool], low: int, high: int) -> Gap | None:
    """Return the gap that lies deepest in the place in which digits stand, if one does."""
    gaps = [Gap(*run) for run in _runs(rows, inked=False) if run[1] - run[0] >= LEAST_GAP * (high - low)]
    inside = [gap for gap in gaps if gap.top < high and gap.bottom > low]
    return max(inside, key=lambda gap: gap.hides(low, high), default=None)
