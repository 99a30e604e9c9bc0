"""Does a bundle read what is there, and as its network does? Labelled crops through both.

The parity of an export is with a network of the same size, padding, stretch and contrast, so it cannot see that these
are not what the network was trained with; texts that are known can.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ...models.data.datasets import open_crops
from ...models.data.samples import Crops, TrainingDataError
from ...runtime.bundles.bundle import Bundle
from ...runtime.bundles.manifest import RecognizerSpec
from ...runtime.errors import DatasetError
from ...runtime.geometry.crops import fill_crop, plan_cut
from ...runtime.geometry.images import Frame, whole
from ...runtime.recognizer import Recognizer
from ...runtime.text.decoding import decode
from ..networks import load_recognizer
from ..parity import run_recognizer

MOST_CROPS = 200
"""Most crops that are read, evenly taken from the set."""


@dataclass(frozen=True)
class LabelCheck:
    """What was read of labelled crops."""

    crops: int
    """Crops whose text the charset can write."""
    bundle_right: int
    """Crops that the bundle's fp32 graph reads as they are labelled."""
    network_right: int
    """Crops that the PyTorch network reads as they are labelled, from the same pixels."""
    same: int
    """Crops that both read alike."""


def check_labels(bundle: Bundle, checkpoint: Path, labelled: Crops) -> LabelCheck:
    """Read labelled crops with a bundle's recognizer and with the network in its checkpoint.

    Case does not count where the charset has no capitals, nor spaces where it has none.

    Raises:
        DatasetError: a broken crop, or none with a text that the charset can write.
        BundleError, CheckpointError, BackendError: the bundle or its checkpoint cannot be run.
    """
    spec, crops = bundle.recognizer, readable(labelled, bundle.recognizer.charset)
    reader = Recognizer(bundle, "cpu", "fp32", alphabet=None)
    network = load_recognizer(checkpoint, spec.image_hw, spec.max_length, even_contrast=spec.even_contrast)
    exact, allowed = copy.deepcopy(network).double(), np.zeros(spec.classes, np.float32)
    of_bundle = [reading.text for reading in reader.recognize_crops(frame for frame, _ in crops)]
    of_network = []
    for frame, _ in crops:
        log_probs = run_recognizer(exact, fitted(frame, spec)[None], allowed, None, torch.float64)["log_probs"]
        of_network.append(decode(log_probs[0].astype(np.float32), reader.alphabet).text)
    labels = [label for _, label in crops]
    return LabelCheck(len(crops), equal(of_bundle, labels), equal(of_network, labels), equal(of_bundle, of_network))


def fitted(frame: Frame, spec: RecognizerSpec) -> NDArray[np.uint8]:
    """Return a crop (h, w, 3) as the network's input (H, W, C)."""
    cut = plan_cut(spec, frame, whole(frame))
    crop = np.empty((spec.image_hw[0], cut.width, spec.channels), np.uint8)
    fill_crop(spec, cut, crop)
    return crop


def open_labels(folder: Path) -> Crops:
    """Open labelled crops in any layout of `open_crops`. Raise DatasetError."""
    try:
        return open_crops(folder)
    except TrainingDataError as exc:
        raise DatasetError(str(exc)) from exc


def readable(crops: Crops, charset: str) -> list[tuple[Frame, str]]:
    """Return crops (h, w, 3) uint8 BGR and their texts as the charset writes them, at most `MOST_CROPS`.

    Raises:
        DatasetError: see `check_labels`.
    """
    count = min(len(crops), MOST_CROPS)
    try:
        chosen = [crops[index * len(crops) // count] for index in range(count)]
    except TrainingDataError as exc:
        raise DatasetError(str(exc)) from exc
    written = [(frame, as_written(text, charset)) for frame, text in chosen]
    kept = [(frame, text) for frame, text in written if set(text) <= set(charset)]
    if not kept:
        shown = repr(chosen[0][1]) if chosen else "no crop"
        raise DatasetError(
            f"labels: expected crops with texts of {charset!r}, got none, such as {shown}; give another folder"
        )
    return kept


def as_written(text: str, charset: str) -> str:
    """Return a label as a recognizer of this charset can say it."""
    text = text if any(character.isupper() for character in charset) else text.lower()
    return text if " " in charset else text.replace(" ", "")


def equal(some: list[str], others: list[str]) -> int:
    """Return how many are the same, place by place."""
    return sum(one == other for one, other in zip(some, others, strict=True))
