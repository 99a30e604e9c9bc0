"""What a calibration is fitted to: labelled crops, and what a bundle's recogniser gives for them."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..models.data.datasets import open_crops
from ..models.data.labels_tsv import LabelledCrops, read_labels
from ..models.data.samples import Crop, Crops, Image, TrainingDataError
from ..runtime import NUMBERS, Recognizer
from ..runtime.errors import DatasetError
from ..runtime.text.alphabets import Probabilities
from .datasets import held_out_labels, split_name
from .scoring import digits

MEASURED_WITH = frozenset({
    "crops_icdar2015", "crops_iiit5k", "crops_jersey", "crops_sevenseg",
    "scenes_barcodes", "scenes_bibs", "scenes_gaspump", "scenes_icdar2015", "scenes_without_numbers",
})  # fmt: skip
"""The sets that the published figures are of: a bundle calibrated on them would make its own calibration look good."""


@dataclass(frozen=True)
class Reading:
    """What a recogniser gives for one labelled crop."""

    log_probs: Probabilities
    """(T, classes) float32."""
    label: str
    """The text of the label."""


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
    """Run a recogniser on labelled crops.

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
