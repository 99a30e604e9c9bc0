"""Labelled images to measure on: folders with `labels.tsv`, checked as a whole before anything is read.

A data set is named by its folder. `FOLDER:held-out` is the part of a folder of meter digits that training leaves out:
the images of the meters in `HELD_OUT_METERS`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..models.training.crops import HELD_OUT_METERS, meter_of
from ..models.training.labels_tsv import Label, by_image, is_scene_set, read_labels
from ..models.training.samples import TrainingDataError
from ..runtime.errors import DatasetError

Kind = Literal["crops", "scenes"]
KINDS: tuple[Kind, ...] = ("crops", "scenes")
HELD_OUT = ":held-out"
"""Behind a folder's path: only the images that training leaves out."""


@dataclass(frozen=True)
class LabelledImage:
    """One image and what it shows."""

    path: Path
    """The image file."""
    texts: tuple[str, ...]
    """The labels that have a text, in the order of the file; one label for a crop."""
    quads: tuple[NDArray[np.float32] | None, ...]
    """For each text its box, float32 (4, 2), pixels, or None; tells why a number was missed, and is never scored."""


@dataclass(frozen=True)
class LabelledSet:
    """A folder of labelled images."""

    name: str
    """The folder's name, with `:held-out` behind it if it is that part."""
    root: Path
    """The folder."""
    kind: Kind
    """`crops`: an image is one number, cut out; `scenes`: an image is a whole photo."""
    images: tuple[LabelledImage, ...]
    """At least one."""
    part: str | None = None
    """What of the folder this is, in words; None for the whole."""


def open_set(name: str | Path, kind: Kind | None = None) -> LabelledSet:
    """Read a `labels.tsv` folder and see that all its images are there.

    Args:
        name: The folder with `labels.tsv` (relative path, text, box or polygon as JSON or empty; tab-separated); with
            `:held-out` behind it, the images in it that training leaves out.
        kind: None to decide by the rule: a folder named `scenes_…` or `crops_…` is what its name says; any other is a
            set of scenes if a line has a box and an image has more than one line, and a set of crops if not.

    Raises:
        DatasetError: No such folder, no label, a wrong line, or images are missing; nothing in it is held out.
    """
    root, held_out = split_name(name)
    if not root.is_dir():
        got = "a file" if root.exists() else "nothing there"
        raise DatasetError(f"{root}: expected a folder with labels.tsv, got {got}; give the path of the data set")
    try:
        labels = read_labels(root)
    except TrainingDataError as exc:
        raise DatasetError(str(exc)) from exc
    kind = kind or ("scenes" if is_scene_set(root, labels) else "crops")
    kept = held_out_labels(root, labels) if held_out else labels
    images = _scenes(kept) if kind == "scenes" else _crops(kept)
    _check(root, kind, images)
    part = f"only meters kept out of training ({', '.join(sorted(HELD_OUT_METERS))})" if held_out else None
    return LabelledSet(root.resolve().name + HELD_OUT * held_out, root, kind, images, part)


def split_name(name: str | Path) -> tuple[Path, bool]:
    """Tell the folder from `:held-out` behind it."""
    text = str(name)
    return Path(text.removesuffix(HELD_OUT)), text.endswith(HELD_OUT)


def held_out_labels(root: Path, labels: Sequence[Label]) -> list[Label]:
    """Keep the labels of the meters that training leaves out: those in `HELD_OUT_METERS`.

    Raises:
        DatasetError: There is none.
    """
    kept = [label for label in labels if meter_of(label.path) in HELD_OUT_METERS]
    if not kept:
        known = ", ".join(sorted(HELD_OUT_METERS))
        raise DatasetError(
            f"{root}{HELD_OUT}: expected images of the meters {known}, whose names their files begin with, got none; "
            f"leave {HELD_OUT} away"
        )
    return kept


def _crops(labels: Sequence[Label]) -> tuple[LabelledImage, ...]:
    return tuple(LabelledImage(label.path, (label.text,), (None,)) for label in labels if label.text)


def _scenes(labels: Sequence[Label]) -> tuple[LabelledImage, ...]:
    return tuple(
        LabelledImage(
            group[0].path,
            tuple(label.text for label in group if label.text),
            tuple(label.quad for label in group if label.text),
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
