"""Digits on wheels that turn: which stand, and what those between two digits say.

The rows of a wheel that show no ink lie between two digits. Where they cross the place in which digits stand, the wheel
is between two: the end of one digit is above them, the beginning of the next one below. Which two is found by the
digits that this meter's wheels showed before. A digit between two is the lower one, unless the wheel to its right has
gone on to 0 (the rule of odometers).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...geometry.images import Frame, Points, cut_quad
from ...text.decoding import Text
from .wheel_digits import LEARNED, Digits
from .wheel_rows import COLUMNS, GROWN, ROWS, Extents, Gap, Grey, deepest_gap, extents_of, ink_of, inked_rows, is_light

WIDE, WIDE_OF_HEIGHT = 0.8, 0.68
"""Share of the way from wheel to wheel that is looked at, and of the text's height: beside the digits there are edges.
"""
STANDS = 0.25
"""A digit from which less than this share of its height is missing is read as it stands."""
SURE = 0.9
"""Digits that are read less surely are not learned."""
STEP = 2
"""Rows by which the place where digits stand may change from frame to frame."""
PITCH = 1.5
"""From one digit of a wheel to the next, of a digit's height, before that is known."""
HELD = 0.75
"""A tenth stays as it was while the wheel is not farther from it than this, in tenths."""
KEPT = 0.3
"""Share of a new frame in where the wheels are."""
ASIDE, MOVED = 0.4, 3
"""The wheels were read elsewhere if it is so many wheels away, and have moved after so many such readings."""
MOST_MISSING = 2
"""Wheels that may be read as no digit at once."""
LEAST_TALL, MOST_TALL = 0.3, 0.75
"""A digit's height as a share of a wheel's picture: other rows are not those of digits."""


@dataclass(frozen=True)
class Said:
    """What the wheels say in one frame."""

    text: str
    confidence: float
    """How likely the digits that stand are right, 0..1."""
    turned: float
    """How far the last wheel is from its digit to the next one, 0..1; below 0, its digit does not quite stand yet."""


class Wheels:
    """The wheels of one meter, which learn what their digits look like.

    Args:
        count: how many there are.
        tenths: whether how far the last one has turned is one more digit of what they say.
    """

    def __init__(self, count: int, *, tenths: bool = False) -> None:
        self._count, self._tenths = count, tenths
        self._digits = Digits()
        self._row: Points | None = None
        """(3, 2) frame pixels: the first wheel's middle, the way to the next, and from a text's top to its bottom."""
        self._elsewhere = 0
        self._light: float | None = None
        """In which share of the frames of late they are light: glare may make dark ones so."""
        self._extents: NDArray[np.float64] | None = None
        """(wheels, 2) from which row to which digits stand."""
        self._pitch = PITCH
        """From one digit of a wheel to the next, of a digit's height."""
        self._said = -1

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
        pictures = self._cells(frame, self._row)
        lighter = float(is_light(pictures))
        self._light = lighter if self._light is None else self._light + LEARNED * (lighter - self._light)
        inked, cells = inked_rows(ink_of(pictures, light=self._light > 0.5))
        extents = extents_of(inked)
        if any(low < 0 or high > ROWS or not LEAST_TALL <= (high - low) / ROWS <= MOST_TALL for low, high in extents):
            return None
        extents = self._steadied(extents)
        digits: list[int] = []
        sure, turned = 1.0, 0.0
        for cell, rows, (low, high), (digit, chance) in zip(
            cells[::-1], inked[::-1], extents[::-1], read[::-1], strict=True
        ):
            gap = deepest_gap(rows, low, high)
            moved = 0 if gap is None else gap.moved(low, high)
            if gap is None or gap.hides(low, high) < STANDS:
                sure *= chance
                turned = turned if digits else moved / (high - low) / self._pitch
                if not digits and not self._digits.is_as_before(digit, cell, low - moved, low, high):
                    return None
                if chance >= SURE:
                    self._digits.learn(digit, cell, low - moved, low, high)
            else:
                lower = self._digits.between(cell, gap, low, high)
                turned = turned if digits else (moved / (high - low) / self._measure(rows, gap, high - low)) % 1
                digit = lower if lower < 0 or not digits or digits[-1] >= 5 else (lower + 1) % 10  # noqa: PLW2901
            digits.append(digit)
        if min(digits) < 0:
            return None
        units = int("".join(map(str, reversed(digits))))
        return Said(self._written(units, turned), sure, turned)

    def _steadied(self, extents: Extents) -> Extents:
        """Return where digits stand, which changes little from frame to frame; of wheels that turn it is not clear."""
        before, now = self._extents, np.array(extents, float)
        self._extents = now if before is None else before + np.clip(now - before, -STEP, STEP)
        return [(low, high) for low, high in self._extents.round().astype(int).tolist()]

    def _measure(self, rows: list[bool], gap: Gap, tall: int) -> float:
        """Return the way from one digit of a wheel to the next, of a digit's height; learn it where both are seen."""
        if any(rows[: gap.top]) and any(rows[gap.bottom :]):
            self._pitch += LEARNED * (1 + (gap.bottom - gap.top) / tall - self._pitch)
        return self._pitch

    def _written(self, units: int, turned: float) -> str:
        """Return what the wheels say; a tenth that is hardly another one than the last stays as it was."""
        if not self._tenths:
            return f"{units:0{self._count}d}"
        tenths = 10 * (units + turned)
        if abs(tenths - self._said) > HELD:
            self._said = round(tenths)
        return f"{self._said % 10 ** (self._count + 1):0{self._count + 1}d}"

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
            self._row, self._elsewhere, self._extents = row, 0, None
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
