"""Is a reading as often right as its confidence says? Calibration error, and how right the sure readings are.

The expected calibration error is that of Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 2
(after Naeini et al., AAAI 2015): readings are sorted into bins by their confidence, and the gaps between a bin's mean
confidence and its share of right readings are averaged, weighted by the bins' sizes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from .scoring import ratio

BINS = 15
"""As in Guo et al."""
SURE = 0.9
"""From this confidence on a reading is sure."""
LEAST = 1e-6
"""Confidences are kept so far from 0 and 1 in the likelihood, which is infinite there."""


class Certainty(msgspec.Struct, frozen=True, kw_only=True):
    """How much the confidences of readings are worth."""

    readings: int
    ece: float
    """Expected calibration error over 15 bins of equal width, 0..1."""
    adaptive_ece: float
    """The same over 15 bins of equally many readings, which few crowded bins cannot hide behind."""
    nll: float
    """Mean negative log likelihood, nats, of being right or wrong under the confidence."""
    sure: int
    """Readings with a confidence of at least 0.9."""
    sure_right: int
    """Those of them that are right."""
    sure_share: float
    """`sure / readings`."""
    sure_precision: float | None
    """`sure_right / sure`; None without any."""


@dataclass(frozen=True)
class Judged:
    """The confidences of some readings, and whether each was right."""

    confidences: NDArray[np.float64]
    """(n,), 0..1."""
    right: NDArray[np.bool_]
    """(n,)."""


def judged(confidences: Sequence[float], right: Sequence[bool]) -> Judged:
    """Make the arrays."""
    return Judged(np.asarray(confidences, np.float64), np.asarray(right, np.bool_))


def joined(parts: Sequence[Judged]) -> Judged:
    """Put the readings of several sets together."""
    return Judged(np.concatenate([part.confidences for part in parts]), np.concatenate([part.right for part in parts]))


def certainty(readings: Judged) -> Certainty:
    """Compute all figures of at least one reading."""
    count = len(readings.right)
    sure = readings.confidences >= SURE
    sure_right = int((sure & readings.right).sum())
    return Certainty(
        readings=count,
        ece=expected_calibration_error(readings, equal_width_bins(readings.confidences)),
        adaptive_ece=expected_calibration_error(readings, equal_mass_bins(readings.confidences)),
        nll=negative_log_likelihood(readings),
        sure=int(sure.sum()),
        sure_right=sure_right,
        sure_share=int(sure.sum()) / count,
        sure_precision=ratio(sure_right, int(sure.sum())),
    )


def equal_width_bins(confidences: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bin of each confidence, (n,): (0, 1/15], (1/15, 2/15], …; 0 belongs to the first."""
    return np.clip(np.ceil(confidences * BINS).astype(np.int64) - 1, 0, BINS - 1)


def equal_mass_bins(confidences: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bin of each confidence, (n,): bins hold equally many by rank, and may part equal confidences."""
    ranks = np.empty(len(confidences), np.int64)
    ranks[np.argsort(confidences, kind="stable")] = np.arange(len(confidences))
    return ranks * BINS // len(confidences)


def expected_calibration_error(readings: Judged, bins: NDArray[np.int64]) -> float:
    """Return the average gap, 0..1, of confidence and share of right readings over bins (n,), numbers from 0."""
    gaps = np.bincount(bins, readings.confidences - readings.right)
    return float(np.abs(gaps).sum() / len(bins))


def negative_log_likelihood(readings: Judged) -> float:
    """Return the mean of -log c over right readings and of -log(1 - c) over wrong ones, nats."""
    certain = np.clip(readings.confidences, LEAST, 1 - LEAST)
    return float(-np.log(np.where(readings.right, certain, 1 - certain)).mean())
