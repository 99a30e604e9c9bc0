"""Labelled images to measure on: folders with `labels.tsv`, checked as a whole before anything is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..models.training.labels_tsv import Label, by_image, is_scene_set, read_labels
from ..models.training.samples import TrainingDataError
from ..runtime.errors import DatasetError

Kind = Literal["crops", "scenes"]
KINDS: tuple[Kind, ...] = ("crops", "scenes")


@dataclass(frozen=True)
class LabelledImage:
    """One image and what it shows."""

    path: Path
    """The image file."""
    texts: tuple[str, ...]
    """The labels that have a text, in the order of the file; one label for a crop."""
    quads: tuple[NDArray[np.float32], ...]
    """float32 (4, 2), pixels, for the labels that have a box; only drawn, never scored."""


@dataclass(frozen=True)
class LabelledSet:
    """A folder of labelled images."""

    name: str
    """The folder's name."""
    root: Path
    """The folder."""
    kind: Kind
    """`crops`: an image is one number, cut out; `scenes`: an image is a whole photo."""
    images: tuple[LabelledImage, ...]
    """At least one."""


def open_set(root: Path, kind: Kind | None = None) -> LabelledSet:
    """Read a `labels.tsv` folder and see that all its images are there.

    Args:
        root: The folder with `labels.tsv` (relative path, text, box or polygon as JSON or empty; tab-separated).
        kind: None to decide by the rule: a folder named `scenes_…` or `crops_…` is what its name says; any other is a
            set of scenes if a line has a box and an image has more than one line, and a set of crops if not.

    Raises:
        DatasetError: No such folder, no label, a wrong line, or images are missing.
    """
    if not root.is_dir():
        got = "a file" if root.exists() else "nothing there"
        raise DatasetError(f"{root}: expected a folder with labels.tsv, got {got}; give the path of the data set")
    try:
        labels = read_labels(root)
    except TrainingDataError as exc:
        raise DatasetError(str(exc)) from exc
    kind = kind or ("scenes" if is_scene_set(root, labels) else "crops")
    images = _scenes(labels) if kind == "scenes" else _crops(labels)
    _check(root, kind, images)
    return LabelledSet(root.resolve().name, root, kind, images)


def _crops(labels: Sequence[Label]) -> tuple[LabelledImage, ...]:
    return tuple(LabelledImage(label.path, (label.text,), ()) for label in labels if label.text)


def _scenes(labels: Sequence[Label]) -> tuple[LabelledImage, ...]:
    return tuple(
        LabelledImage(
            group[0].path,
            tuple(label.text for label in group if label.text),
            tuple(label.quad for label in group if label.quad is not None),
        )
        for group in by_image(labels)
    )


def _check(root: Path, kind: Kind, images: Sequence[LabelledImage]) -> None:
    if not images:
        raise DatasetError(f"{root}: expected {kind} with a text, got none; label the images, or try another --kind")
    missing = [image.path for image in images if not image.path.is_file()]
    if missing:
        raise DatasetError(
            f"{root}: expected an image for every label, got {len(missing)} of {len(images)} without one, such as "
            f"{missing[0]}; restore the files or drop the lines"
        )
