"""What a calibration is fitted to: labelled crops, and what a bundle's recogniser gives for them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from ..models.training.datasets import open_crops
from ..models.training.labels_tsv import LabelledCrops, read_labels
from ..models.training.samples import Crop, Crops, TrainingDataError
from ..runtime import NUMBERS, Bundle
from ..runtime.alphabets import Alphabet, Prediction, Probabilities, make_alphabet
from ..runtime.errors import DatasetError
from ..runtime.images import cut_quad, whole
from ..runtime.sessions import open_session
from .datasets import held_out_labels, split_name
from .scoring import digits

MEASURED_WITH = frozenset({
    "crops_icdar2015", "crops_iiit5k", "crops_jersey", "crops_sevenseg",
    "scenes_bibs", "scenes_gaspump", "scenes_icdar2015", "scenes_without_numbers",
})  # fmt: skip
"""The sets that the published figures are of: a bundle calibrated on them would make its own calibration look good."""
BATCH = 32
"""Crops that are read at once."""


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


def alphabet_of(bundle: Bundle) -> Alphabet:
    """The alphabet of numbers, as a reader has it by default."""
    prediction: Prediction = "CTC" if bundle.recognizer.stages.endswith("CTC") else "Attn"
    return make_alphabet(bundle.recognizer.charset, prediction, NUMBERS, None)


def read_crops(bundle: Bundle, crops: Iterable[Crop], backend: str, precision: str) -> Iterator[Reading]:
    """Run a bundle's recogniser on labelled crops.

    Raises:
        BundleError, BackendUnavailable, BackendError: It cannot be run.
        DatasetError: An image is missing or broken.
    """
    spec, alphabet = bundle.recognizer, alphabet_of(bundle)
    session = open_session(bundle.file("recognizer", precision), backend)
    _, steps, classes = (size or 0 for size in session.output_shape("log_probs"))
    shapes: dict[str, tuple[int, ...]] = {
        "crops": (BATCH, *spec.image_hw, spec.channels),
        "allowed": (classes,),
        "symbols": (BATCH, steps),
        "log_probs": (BATCH, steps, classes),
    }
    binding = session.bind(shapes, batched=("crops", "symbols", "log_probs"))
    binding.inputs["allowed"][:] = alphabet.allowed()
    remaining = iter(crops)
    try:
        while batch := list(islice(remaining, BATCH)):
            for (image, _), target in zip(batch, binding.inputs["crops"], strict=False):
                cut_quad(image, whole(image), target, keep_ratio=spec.keep_ratio, stretch=spec.stretch)
            binding.run(len(batch))
            for (_, label), row in zip(batch, binding.outputs["log_probs"], strict=False):
                yield Reading(row.copy(), label)
    except TrainingDataError as exc:
        raise DatasetError(str(exc)) from exc
