"""An LMDB of crops, laid out as by the deep-text-recognition-benchmark, as a data set."""

from functools import partial
from pathlib import Path

from ..models.data import labels_tsv, lmdb_crops
from ..models.data.labels_tsv import IGNORED
from ..models.data.lmdb_crops import LmdbCrops
from ..models.data.samples import iterate
from ..runtime.errors import DatasetError
from ..runtime.geometry.images import Frame
from .labelled import LabelledImage, LabelledSet

KEY = "image-"
"""Before the number of an LMDB's crop, which counts from 1."""


def is_lmdb(root: Path) -> bool:
    """Whether a folder is an LMDB; one that has a `labels.tsv` too is not."""
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
