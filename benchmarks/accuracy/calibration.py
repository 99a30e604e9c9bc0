"""One temperature that makes a bundle's confidences mean how often its readings are right.

A confidence is the product of a reading's characters' probabilities, taken from log probabilities that were divided by
the temperature and normalised again: temperature scaling (Guo et al., "On Calibration of Modern Neural Networks",
ICML 2017, section 4.2). There it is fitted to the likelihood of a label. Here the confidence of the whole reading must
be right, so the temperature is that under which the readings' being right or wrong is most likely: the least mean of
-log c over right readings and -log(1 - c) over wrong ones. The text does not depend on the temperature.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from msgspec.structs import replace

from ...models.data.datasets import open_crops
from ...models.data.labels_tsv import LabelledCrops, read_labels
from ...models.data.samples import Crop, Crops, Image, TrainingDataError
from ...runtime import NUMBERS, Bundle, Recognizer
from ...runtime.bundles.bundle import write_bundle
from ...runtime.errors import DatasetError
from ...runtime.text.alphabets import Alphabet, Probabilities
from ...runtime.text.decoding import decode
from .certainty import Certainty, Judged, certainty, judged, negative_log_likelihood
from .datasets import held_out_labels, split_name
from .scoring import digits, is_exact

LEAST, MOST = 0.1, 10.0
"""Temperatures that are looked at."""
GRID = 17
"""Temperatures of the first, coarse look, evenly spaced in their logarithms."""
CLOSE = 0.01
"""The best temperature is found to this share of it."""
SHRINK = (math.sqrt(5) - 1) / 2
"""How much each step of a golden-section search leaves."""
MEASURED_WITH = frozenset({
    "crops_icdar2015", "crops_iiit5k", "crops_jersey", "crops_sevenseg",
    "scenes_barcodes", "scenes_bibs", "scenes_gaspump", "scenes_icdar2015", "scenes_without_numbers",
})  # fmt: skip
"""The sets that the published figures are of: a bundle calibrated on them would make its own calibration look good."""


@dataclass(frozen=True)
class Reading:
    """What a recognizer gives for one labelled crop."""

    log_probs: Probabilities
    """(T, classes) float32."""
    label: str
    """The text of the label."""


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """A calibration, with all that is needed to repeat it."""

    command: str
    """The command line that gave it."""
    date: str
    """ISO 8601, UTC."""
    bundle: str
    """The bundle's name."""
    recognizer: str
    """SHA-256 of the recognizer's file."""
    precision: str
    data: dict[str, int]
    """Data set → the crops of it that were used."""
    temperature: float
    before: Certainty
    """At temperature 1."""
    after: Certainty
    """At `temperature`, on the crops that it was fitted to."""


def open_calibration_set(name: str) -> Crops:
    """Open a data set of crops, in any layout that training takes; `FOLDER:held-out` as in `datasets.py`.

    Raises:
        DatasetError: It is a set that figures are measured with, or no data set.
    """
    root, held_out = split_name(name)
    if root.resolve().name in MEASURED_WITH:
        raise DatasetError(
            f"{root}: expected images to calibrate on, got a set that figures are measured with; take others, such as "
            "those of `edgereader synth crops`"
        )
    try:
        return LabelledCrops(held_out_labels(root, read_labels(root))) if held_out else open_crops(root)
    except TrainingDataError as exc:
        raise DatasetError(str(exc)) from exc


def numbers(crops: Iterable[Crop]) -> Iterator[Crop]:
    """Keep the crops that show a number and nothing else."""
    return (crop for crop in crops if digits(crop[1]) and set(crop[1]) <= set(NUMBERS))


def read_crops(recognizer: Recognizer, crops: Iterable[Crop]) -> Iterator[Reading]:
    """Run a recognizer on labelled crops.

    Raises:
        BackendError: It cannot be run.
        DatasetError: An image is missing or broken.
    """
    labels: deque[str] = deque()

    def images() -> Iterator[Image]:
        for image, label in crops:
            labels.append(label)
            yield image

    try:
        for log_probs in recognizer.log_probs(images()):
            yield Reading(log_probs, labels.popleft())
    except TrainingDataError as exc:
        raise DatasetError(str(exc)) from exc


def at_temperature(readings: Sequence[Reading], alphabet: Alphabet, temperature: float) -> Judged:
    """Return the readings' confidences at a temperature, and whether their digits are the labels'."""
    texts = [decode(reading.log_probs, alphabet, temperature=temperature) for reading in readings]
    right = [is_exact(reading.label, text.text) for reading, text in zip(readings, texts, strict=True)]
    return judged([text.confidence for text in texts], right)


def best_temperature(loss: Callable[[float], float]) -> float:
    """Return the temperature of the least loss: the best of a grid, then golden-section search around it."""
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
