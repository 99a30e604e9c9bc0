"""What the digits of a meter's wheels look like, learned while they stand; which two a wheel stands between."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .wheel_rows import COLUMNS, ROWS, Gap, Grey

OVER = 0.1
"""Of a digit's height: so much more than where digits stand is seen of a wheel, at least."""
ALIKE, ALIKE_OF_FEW, CLEAR = 0.8, 0.92, 0.1
"""Least correlation with two digits, the same while of two others nothing is known, and with all others less by this.
"""
SHIFT, LEAST_ROWS = 3, 12
"""Pixels by which a wheel may stand aside; and rows of which fewer say nothing."""
SHIFTS = [(up, up + more) for up in (-2, -1, 0, 1, 2) for more in (-1, 0, 1)]
"""Rows by which the digits above and below a gap may be nearer to it, or farther: they begin round, flat or pointed."""
ODD = 50
"""A digit that looked otherwise so many times in a row is learned anew: the light is another, or it was misread before.
"""
LEARNED = 0.2
"""Share of a new picture in what a digit looks like."""

Rows = NDArray[np.intp]
NO_ROWS: Rows = np.zeros(0, np.intp)


class Digits:
    """The digits of one meter's wheels, which are cut out of pictures of wheels (ROWS, COLUMNS).

    ``low`` and ``high`` say where digits stand: in which row they begin, and the one after their last.
    """

    def __init__(self) -> None:
        self._looks: dict[int, Grey] = {}
        """What they look like; NaN in rows that were not seen yet."""
        self._odd: dict[int, int] = {}
        """How often in a row each did not look as before."""

    def is_as_before(self, digit: int, cell: Grey, begin: int, low: int, high: int) -> bool:
        """Return whether a digit that begins in a row looks as before, as far as both are seen; True = not known.

        Of one that never does any more, how it looked is forgotten.
        """
        same = self._is_alike(digit, cell, begin, low, high)
        self._odd[digit] = 0 if same else self._odd.get(digit, 0) + 1
        if self._odd[digit] >= ODD:
            del self._looks[digit], self._odd[digit]
        return same

    def _is_alike(self, digit: int, cell: Grey, begin: int, low: int, high: int) -> bool:
        before = self._looks.get(digit)
        if before is None:
            return True
        tall = high - low
        shape, rows = _resized(before, tall), np.arange(begin, begin + tall)
        both = ~np.isnan(shape).any(axis=1) & (rows >= low) & (rows < high)
        if both.sum() < LEAST_ROWS:
            return True
        return bool(_alike(shape[both, SHIFT:-SHIFT][None], _around(cell, rows[both])).max() >= ALIKE)

    def learn(self, digit: int, cell: Grey, begin: int, low: int, high: int) -> None:
        """Learn what a digit looks like that begins in a row, as far as it shows where digits stand."""
        rows, over = np.arange(begin, begin + high - low), round(OVER * (high - low))
        picture = cell[rows.clip(0, ROWS - 1)]
        picture[(rows < low - over) | (rows >= high + over)] = np.nan
        new = _resized(picture, ROWS // 2)
        before = self._looks.get(digit, new)
        both = before + LEARNED * (new - before)
        self._looks[digit] = np.where(np.isnan(both), np.where(np.isnan(before), new, before), both)

    def between(self, cell: Grey, gap: Gap, low: int, high: int) -> int:
        """Return the lower of the two digits between which a wheel stands; -1 where that is not clear."""
        tall, over = high - low, round(OVER * (high - low))
        above = np.arange(max(low - over, gap.top - tall, 0), gap.top)
        below = np.arange(gap.bottom, max(min(high + over, gap.bottom + tall, ROWS), gap.bottom))
        if len(above) + len(below) < LEAST_ROWS:
            return -1
        seen = _around(cell, above, below)
        unknown = np.full((ROWS // 2, COLUMNS), np.nan, np.float32)
        shapes = [_resized(self._looks.get(digit, unknown), tall) for digit in range(10)]
        ends, begins = [shape[tall - len(above) :] for shape in shapes], [shape[: len(below)] for shape in shapes]
        pairs: Grey = np.stack([np.vstack((ends[lower], begins[lower - 9]))[:, SHIFT:-SHIFT] for lower in range(10)])
        known: NDArray[np.bool_] = np.array([~np.isnan(pair).any(axis=1) for pair in pairs])
        scores, whole = np.full(10, -1.0), known.sum(axis=1) == len(above) + len(below)
        scores[whole] = _alike(pairs[whole], seen)
        for lower in np.flatnonzero(~whole & (known.sum(axis=1) >= LEAST_ROWS)).tolist():
            rows = known[lower]
            scores[lower] = _alike(pairs[lower][rows][None], seen[:, rows])[0]
        best = int(scores.argmax())
        clear = scores[best] - np.delete(scores, best).max() >= CLEAR
        least = ALIKE if scores.min() > -1 else ALIKE_OF_FEW
        return best if whole[best] and clear and scores[best] >= least else -1


def _resized(look: Grey, tall: int) -> Grey:
    return cv2.resize(look, (COLUMNS, tall)).astype(np.float32)


def _around(cell: Grey, above: Rows, below: Rows = NO_ROWS) -> Grey:
    """Return a wheel's rows (cuts, rows, columns), cut at many places that are a little aside, higher or lower."""
    return np.stack(
        [
            cell[np.concatenate((above + up, below + down)).clip(0, ROWS - 1), SHIFT + by : COLUMNS - SHIFT + by]
            for up, down in SHIFTS
            for by in range(-SHIFT, SHIFT + 1)
        ]
    )


def _alike(wanted: Grey, seen: Grey) -> Grey:
    """Return for each picture (pictures, rows, columns) its largest correlation with any of others."""
    alike: Grey = (_flat(wanted) @ _flat(seen).T).max(axis=1)
    return alike


def _flat(pictures: Grey) -> Grey:
    """Return pictures as rows of mean 0 and length 1."""
    rows = pictures.reshape(len(pictures), pictures.shape[1] * pictures.shape[2])
    rows = rows - rows.mean(axis=1, keepdims=True)
    flat: Grey = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    return flat
