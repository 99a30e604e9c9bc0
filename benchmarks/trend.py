"""The straight line through samples, with an interval that holds where one sample is like the one before."""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

BLOCKS = 10
"""The samples' means in so many blocks are nearly independent of one another, as the samples are not."""
FEWEST_LEFT = 3
"""Degrees of freedom below which there is no interval to speak of."""
METHOD = (
    f"least squares of the means of {BLOCKS} blocks of samples, a level for each segment, 95 % interval by Student's t"
)
Values = NDArray[np.float64]


class Trend(NamedTuple):
    """How much y grows with x, and the 95 % confidence interval of that."""

    slope: float
    low: float
    high: float


def trend(x: Sequence[float], y: Sequence[float], segments: Sequence[int] | None = None) -> Trend | None:
    """Return the line through samples that depend on their neighbours.

    Their means in consecutive blocks are fitted, not they themselves (batch means: Law and Carson, "A Sequential
    Procedure for Determining the Length of a Steady-State Simulation", Operations Research 27, 1979): the mean of a
    long block depends little on that of the next, and so the interval is not narrower than it should be. Samples of
    different segments share the slope, but each segment has a level of its own.

    Returns:
        None for too few samples: `BLOCKS` or more are needed.
    """
    groups = np.zeros(len(x), int) if segments is None else np.array(segments, int)
    if len(x) < BLOCKS:
        return None
    parts = [np.flatnonzero(groups == segment) for segment in np.unique(groups)]
    per_block = max(len(x) / (BLOCKS + len(parts) - 1), 1.0)
    blocks = [np.array_split(part, round(len(part) / per_block)) for part in parts if len(part) > per_block / 2]
    owners = [place for place, part in enumerate(blocks) for _ in part]
    means = [[np.array(values)[block].mean() for block in chain(*blocks)] for values in (x, y)]
    return line(means[0], means[1], owners)


def line(x: Sequence[float], y: Sequence[float], groups: Sequence[int] | None = None) -> Trend | None:
    """Return the line through points that do not depend on one another, with a level for each group.

    Returns:
        None where too few points are left beside what is fitted.
    """
    of = np.zeros(len(x), int) if groups is None else np.array(groups, int)
    across, up = (_centred(np.array(values, np.float64), of) for values in (x, y))
    left, spread = len(x) - len(np.unique(of)) - 1, float((across * across).sum())
    if left < FEWEST_LEFT or spread == 0:
        return None
    slope = float((across * up).sum()) / spread
    rest = up - slope * across
    reach = float(stdtrit(left, 0.975)) * float(np.sqrt((rest * rest).sum() / left / spread))
    return Trend(slope, slope - reach, slope + reach)


def _centred(values: Values, groups: NDArray[np.int_]) -> Values:
    means = np.bincount(groups, values) / np.maximum(np.bincount(groups), 1)
    return values - means[groups]
