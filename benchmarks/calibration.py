"""One temperature that makes a bundle's confidences mean how often its readings are right.

A confidence is the product of a reading's characters' probabilities, taken from log probabilities that were divided by
the temperature and normalised again: temperature scaling (Guo et al., "On Calibration of Modern Neural Networks",
ICML 2017, section 4.2). There it is fitted to the likelihood of a label. Here the confidence of the whole reading must
be right, so the temperature is that under which the readings' being right or wrong is most likely: the least mean of
-log c over right readings and -log(1 - c) over wrong ones. The text does not depend on the temperature.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
from msgspec.structs import replace

from ..runtime import Bundle
from ..runtime.bundles.bundle import write_bundle
from ..runtime.errors import DatasetError
from ..runtime.text.alphabets import Alphabet
from ..runtime.text.decoding import decode
from .calibration_data import Reading
from .certainty import Certainty, Judged, certainty, judged, negative_log_likelihood
from .scoring import is_exact

LEAST, MOST = 0.1, 10.0
"""Temperatures that are looked at."""
GRID = 17
"""Temperatures of the first, coarse look, evenly spaced in their logarithms."""
CLOSE = 0.01
"""The best temperature is found to this share of it."""
SHRINK = (math.sqrt(5) - 1) / 2
"""How much each step of a golden-section search leaves."""


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """A calibration, with all that is needed to repeat it."""

    command: str
    """The command line that gave it."""
    date: str
    """ISO 8601, UTC."""
    bundle: str
    """The bundle's name."""
    recognizer: str
    """SHA-256 of the recogniser's file."""
    precision: str
    data: dict[str, int]
    """Data set → the crops of it that were used."""
    temperature: float
    before: Certainty
    """At temperature 1."""
    after: Certainty
    """At `temperature`, on the crops that it was fitted to."""


def at_temperature(readings: Sequence[Reading], alphabet: Alphabet, temperature: float) -> Judged:
    """The readings' confidences at a temperature, and whether their digits are the labels'."""
    texts = [decode(reading.log_probs, alphabet, temperature=temperature) for reading in readings]
    right = [is_exact(reading.label, text.text) for reading, text in zip(readings, texts, strict=True)]
    return judged([text.confidence for text in texts], right)


def best_temperature(loss: Callable[[float], float]) -> float:
    """The temperature of the least loss: the best of a grid, then a golden-section search between its neighbours."""
    grid = np.geomspace(LEAST, MOST, GRID)
    best = int(np.argmin([loss(float(temperature)) for temperature in grid]))
    low, high = math.log(grid[max(best - 1, 0)]), math.log(grid[min(best + 1, GRID - 1)])
    while high - low > CLOSE:
        first, second = high - SHRINK * (high - low), low + SHRINK * (high - low)
        if loss(math.exp(first)) <= loss(math.exp(second)):
            high = second
        else:
            low = first
    return math.exp((low + high) / 2)


def fit(readings: Sequence[Reading], alphabet: Alphabet) -> tuple[float, Certainty, Certainty]:
    """Fit the temperature, to four digits behind the point.

    Returns:
        The temperature, and the figures at temperature 1 and at the fitted one.

    Raises:
        DatasetError: All readings are right, or all wrong: then no temperature is the best.
    """
    before = at_temperature(readings, alphabet, 1.0)
    if before.right.all() or not before.right.any():
        got = f"{int(before.right.sum())} right ones of {len(before.right)}"
        raise DatasetError(f"calibration: expected right and wrong readings, got {got}; give more, or harder, images")
    best = best_temperature(
        lambda temperature: negative_log_likelihood(at_temperature(readings, alphabet, temperature))
    )
    temperature = round(best, 4)
    return temperature, certainty(before), certainty(at_temperature(readings, alphabet, temperature))


def with_temperature(bundle: Bundle, temperature: float) -> Path:
    """Write a temperature into a bundle's manifest, and return the folder.

    Raises:
        BundleError, OSError: It cannot be written.
    """
    recognizer = replace(bundle.recognizer, temperature=temperature)
    write_bundle(bundle.root, replace(bundle.manifest, recognizer=recognizer))
    return bundle.root
