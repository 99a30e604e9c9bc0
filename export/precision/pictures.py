"""The pictures that fewer bits are calibrated on, and the others that they are judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...models.data.labels_tsv import FILE_NAME, IGNORED, by_image, read_labels
from ...models.data.samples import TrainingDataError
from ...runtime.errors import DatasetError, ImageError
from ...runtime.geometry.files import LARGEST_FRAME_PIXELS, find_photos, read_photo
from ...runtime.geometry.images import Frame

Quads = Sequence[NDArray[np.float32]]
Found = dict[tuple[str, Path], Quads]
"""What a detector finds in fp32, by its graph's checksum and the picture's file."""

CALIBRATED_ON, VALIDATED_ON = 16, 64
"""Most pictures for each of the two; more make it slower, and hardly better."""


@dataclass(frozen=True)
class Picture:
    """A picture file, read when it is needed, so that the memory for a folder is that for one picture."""

    path: Path
    """The file."""
    quads: tuple[NDArray[np.float32], ...] | None
    """Boxes of its words, float32 (4, 2), pixels of the file; None where the folder has no labels."""

    def read(self) -> Frame:
        """The picture, uint8 (H, W, 3) BGR. Raises ImageError, which names the file."""
        photo = read_photo(self.path)
        if photo.shrunk > 1 and self.quads is not None:
            raise ImageError(
                f"{self.path}: expected up to {LARGEST_FRAME_PIXELS} pixels with labels, got more; leave it out"
            )
        return photo.frame


@dataclass(frozen=True)
class Pictures:
    """The pictures of a folder in two parts that share none."""

    calibration: tuple[Picture, ...]
    """Set the ranges of the activations."""
    validation: tuple[Picture, ...]
    """Are compared."""
    found: Found = field(default_factory=dict)
    """Filled as they are looked at: the recogniser is judged on what the detector's gate has found."""

    @property
    def labelled(self) -> bool:
        """Whether the folder says where the words are."""
        return self.validation[0].quads is not None


def open_pictures(folder: Path) -> Pictures:
    """Split the pictures of a folder: every other one, in the order of their names, is for validation.

    With a `labels.tsv` in it that has boxes, these are the truth, and only the pictures that it names count.

    Raises:
        DatasetError: no folder, fewer than two pictures, or wrong labels.
        ImageError: no picture in it.
    """
    if not folder.is_dir():
        got = "a file" if folder.exists() else "nothing there"
        raise DatasetError(f"{folder}: expected a folder of pictures, got {got}; give its path")
    found = labelled(folder) or [Picture(path, None) for path in find_photos(str(folder))]
    if len(found) < 2:
        raise DatasetError(f"{folder}: expected at least 2 pictures, got {len(found)}; add more, best 100")
    return Pictures(spread(found[::2], CALIBRATED_ON), spread(found[1::2], VALIDATED_ON))


def labelled(folder: Path) -> list[Picture]:
    """The pictures that a folder's labels name, with boxes; none where it has no boxes."""
    if not (folder / FILE_NAME).is_file():
        return []
    try:
        groups = by_image(read_labels(folder))
    except TrainingDataError as exc:
        raise DatasetError(str(exc)) from exc
    found = [
        Picture(lines[0].path, tuple(line.quad for line in lines if line.quad is not None and line.text != IGNORED))
        for lines in groups
    ]
    return sorted(found, key=lambda each: each.path) if any(each.quads for each in found) else []


def spread(found: list[Picture], most: int) -> tuple[Picture, ...]:
    """At most so many of them, evenly taken."""
    return tuple(found[index * len(found) // most] for index in range(most)) if len(found) > most else tuple(found)
