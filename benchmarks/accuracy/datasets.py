"""Labelled images to measure on: a folder with `labels.tsv` or an LMDB, checked as a whole before anything is measured.

A data set is named by its folder. `FOLDER:held-out` is the part of a `labels.tsv` folder that training leaves out: of
meter digits, the meters in `HELD_OUT_METERS`; of all others, the photos that `models/data/samples.py` holds out.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ...models.data import labels_tsv, lmdb_crops
from ...models.data.labels_tsv import IGNORED, Label, by_image, is_scene_set, photo_of, read_labels
from ...models.data.lmdb_crops import LmdbCrops
from ...models.data.samples import TrainingDataError, held_out, iterate
from ...models.synthesis.crops import HELD_OUT_METERS, meter_of
from ...runtime.bundles.bundle import MANIFEST_NAME, shipped
from ...runtime.errors import DatasetError
from ...runtime.geometry.files import read_photo
from ...runtime.geometry.images import Frame

Kind = Literal["crops", "scenes"]
KINDS: tuple[Kind, ...] = ("crops", "scenes")
HELD_OUT = ":held-out"
"""Behind a folder's path: only the images that training leaves out."""
DEFAULT_BUNDLE = "digits-edge"
KEY = "image-"
"""Before the number of an LMDB's crop, which counts from 1."""


@dataclass(frozen=True)
class LabelledImage:
    """One image and what it shows."""

    path: Path
    """The image file; in an LMDB, its folder and the crop's key."""
    texts: tuple[str, ...]
    """The labels that have a text, in the order of the file; one label for a crop."""
    quads: tuple[NDArray[np.float32] | None, ...]
    """For each text its box or polygon, float32 (n, 2), n ≥ 3, pixels, or None: tells why a number was missed, and is
    what the boxes of readings are compared with."""


def load_photo(path: Path) -> Frame:
    """Read a picture as `edgereader read` does."""
    return read_photo(path).frame


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
    load: Callable[[Path], Frame] = load_photo
    """Decodes an image of the set by its path: uint8 (H, W, 3), BGR."""


def open_sets(names: Sequence[str], kind: Kind | None = None) -> list[LabelledSet]:
    """Open several sets, whose names must differ: a report tells them apart by these.

    Raises:
        DatasetError: Two have the same name, or as `open_set` says.
    """
    sets = [open_set(name, kind) for name in names]
    found = [data.name for data in sets]
    if twice := sorted({name for name in found if found.count(name) > 1}):
        raise DatasetError(f"data sets: expected different names, got {', '.join(twice)} more than once; rename one")
    return sets


def open_set(name: str | Path, kind: Kind | None = None) -> LabelledSet:
    """Read the labels of a data set and see that all its images are there.

    Args:
        name: A folder with `labels.tsv` (relative path, text, box or polygon as JSON or empty; tab-separated), or an
            LMDB of crops (`data.mdb`, laid out as by the deep-text-recognition-benchmark). With `:held-out` behind it,
            the images of a `labels.tsv` folder that training leaves out.
        kind: None to decide by the rule: a folder named `scenes_…` or `crops_…` is what its name says; any other is a
            set of scenes if a line has a box and an image has more than one line, and a set of crops if not. An LMDB
            is a set of crops.

    Raises:
        DatasetError: No such folder, no label, a wrong line, or images are missing; nothing in it is held out.
    """
    root, held_out_only = split_name(name)
    if not root.is_dir():
        got = "a file" if root.exists() else "nothing there"
        raise DatasetError(f"{root}: expected a folder with labels.tsv, got {got}; give the path of the data set")
    try:
        if is_lmdb(root):
            _refuse_part(root, kind, held_out=held_out_only)
            return open_lmdb(root)
        labels = read_labels(root)
    except TrainingDataError as exc:
        raise DatasetError(str(exc)) from exc
    kind = kind or ("scenes" if is_scene_set(root, labels) else "crops")
    kept = held_out_labels(root, labels) if held_out_only else labels
    images = _scenes(kept) if kind == "scenes" else _crops(kept)
    _check(root, kind, images)
    part = "only what training leaves out" if held_out_only else None
    return LabelledSet(root.resolve().name + HELD_OUT * held_out_only, root, kind, images, part)


def is_lmdb(root: Path) -> bool:
    """Return whether a folder is an LMDB; one that has a `labels.tsv` too is not."""
    return (root / lmdb_crops.FILE_NAME).is_file() and not (root / labels_tsv.FILE_NAME).is_file()


def open_lmdb(root: Path) -> LabelledSet:
    """Decode every crop once, so that a broken one is found before anything is measured.

    Raises:
        DatasetError: It has no crop with a text.
        TrainingDataError: It is no LMDB, or an image or a label is missing or broken.
    """
    crops = LmdbCrops(root)
    images = tuple(
        LabelledImage(root / f"{KEY}{number:09d}", (text,), (None,))
        for number, (_, text) in enumerate(iterate(crops), 1)
        if text not in {"", IGNORED}
    )
    if not images:
        raise DatasetError(f"{root}: expected crops with a text, got none; give another LMDB")
    return LabelledSet(root.resolve().name, root, "crops", images, load=partial(_load, crops))


def _load(crops: LmdbCrops, path: Path) -> Frame:
    image, _ = crops[int(path.name.removeprefix(KEY)) - 1]
    return image


def _refuse_part(root: Path, kind: Kind | None, *, held_out: bool) -> None:
    if kind == "scenes" or held_out:
        got = HELD_OUT if held_out else "--kind scenes"
        raise DatasetError(f"{root}: expected all of this LMDB, as crops, got {got}; leave that away")


def split_name(name: str | Path) -> tuple[Path, bool]:
    """Tell the folder from `:held-out` behind it."""
    text = str(name)
    return Path(text.removesuffix(HELD_OUT)), text.endswith(HELD_OUT)


def held_out_labels(root: Path, labels: Sequence[Label]) -> list[Label]:
    """Keep the labels that training leaves out: those of `HELD_OUT_METERS` if there are any, else of held-out photos.

    Raises:
        DatasetError: There is none.
    """
    scenes = is_scene_set(root, labels)
    kept = [label for label in labels if meter_of(label.path) in HELD_OUT_METERS] or [
        label for label in labels if held_out(label.path.name if scenes else photo_of(label.path))
    ]
    if not kept:
        raise DatasetError(f"{root}{HELD_OUT}: expected photos that are held out, got none; leave {HELD_OUT} away")
    return kept


def _crops(labels: Sequence[Label]) -> tuple[LabelledImage, ...]:
    return tuple(
        LabelledImage(label.path, (label.text,), (None,)) for label in labels if label.text not in {"", IGNORED}
    )


def _scenes(labels: Sequence[Label]) -> tuple[LabelledImage, ...]:
    return tuple(
        LabelledImage(
            group[0].path,
            tuple(label.text for label in group if label.text),
            tuple(_place(label) for label in group if label.text),
        )
        for group in by_image(labels)
    )


def _place(label: Label) -> NDArray[np.float32] | None:
    if label.polygon is not None and cv2.contourArea(cv2.convexHull(label.polygon)) == 0:
        raise DatasetError(f"{label.where}: expected a box or polygon with an area, got one without; correct it")
    return label.polygon


def _check(root: Path, kind: Kind, images: Sequence[LabelledImage]) -> None:
    if not images:
        raise DatasetError(f"{root}: expected {kind} with a text, got none; label the images, or try another --kind")
    missing = [image.path for image in images if not image.path.is_file()]
    if missing:
        raise DatasetError(
            f"{root}: expected an image for every label, got {len(missing)} of {len(images)} without one, such as "
            f"{missing[0]}; restore the files or drop the lines"
        )


def bundle_and_sets(names: Sequence[str]) -> tuple[str, list[str]]:
    """Tell a bundle, which may be left out, from the data sets that follow it.

    Args:
        names: At least one. The first is a data set if it is a folder with `labels.tsv` or `data.mdb`.

    Raises:
        DatasetError: The first name is neither a bundle nor a data set, or both; or there is no data set.
    """
    first, *others = names
    bundle, data = is_bundle(first), is_data_set(first)
    if bundle and data:
        raise DatasetError(
            f"{first}: expected a bundle or a data set, got both: a bundle, and a folder with labels; rename the "
            f"folder, or name a bundle before it"
        )
    if data:
        return DEFAULT_BUNDLE, list(names)
    if not bundle:
        got = "nothing there" if not split_name(first)[0].exists() else "something that is neither"
        raise DatasetError(
            f"{first}: expected a bundle (a shipped name, or a folder with {MANIFEST_NAME}) or a data set (a folder "
            f"with labels.tsv or an LMDB), got {got}; give the path of one"
        )
    if not others:
        raise DatasetError(f"expected a data set behind the bundle {first}, got none; give a folder with labels.tsv")
    return first, others


def is_bundle(name: str) -> bool:
    """Return whether a bundle ships under this name, or lies in this folder."""
    folders = [Path(name)] if {"/", os.sep} & set(name) else [shipped(name), Path(name)]
    return any((folder / MANIFEST_NAME).is_file() for folder in folders)


def is_data_set(name: str) -> bool:
    """Return whether this is a folder with labels or an LMDB, also with `:held-out` behind it."""
    root, _ = split_name(name)
    return any((root / file).is_file() for file in (labels_tsv.FILE_NAME, lmdb_crops.FILE_NAME))
