"""What every reader of a data set shares: its error, its sample types, and how an image is found and decoded."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from .pixels import decode_pixels

Image = NDArray[np.uint8]
"""uint8 (H, W, 3), BGR."""
Crop = tuple[Image, str]
"""A word crop and the text it shows."""


HELD_OUT = 5
"""One photo of a data set in so many is kept out of training, to validate on."""


class TrainingDataError(ValueError):
    """A data set is missing, or a line or an image of it is wrong."""


@dataclass(frozen=True)
class Word:
    """A word in a scene, between blanks."""

    text: str
    """Its characters, without blanks."""
    quad: NDArray[np.float32]
    """(4, 2): pixels (x, y), clockwise from the word's top left."""
    char_quads: NDArray[np.float32]
    """(n, 4, 2): a quad for every character, likewise; all of a word's are as high as the word."""
    ignored: bool = False
    """Whether the detector neither need find it nor must not."""


@dataclass(frozen=True)
class Scene:
    """A photo and the words in it."""

    image: Image
    """uint8 (H, W, 3), BGR."""
    words: list[Word]
    """All words, in no order."""
    taught: NDArray[np.uint8] | None = None
    """(H/2, W/2, 2): region and affinity, 255 for 1, as a teacher sees the photo where no word is labelled; None = all
    words are labelled."""


class Crops(Protocol):
    """Word crops by index; an image is decoded when it is asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Crop:
        """Decode one crop. Raise TrainingDataError if its line or its image is wrong."""

    def photo(self, index: int, /) -> str:
        """Name the photo that a crop was cut from, so that a photo is held out whole."""


class Scenes(Protocol):
    """Whole images by index, each with its words; an image is decoded when it is asked for."""

    def __len__(self) -> int: ...

    def photo(self, index: int, /) -> str:
        """Name an image."""

    def __getitem__(self, index: int, /) -> Scene:
        """Decode one image. Raise TrainingDataError if its line or its image is wrong."""


Set = TypeVar("Set", "Crops", "Scenes")


def held_out(photo: str) -> bool:
    """Return whether a photo of this name is kept out of training: one in `HELD_OUT`, always the same ones."""
    return zlib.crc32(photo.encode()) % HELD_OUT == 0


def parted(samples: Crops | Scenes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Part a data set by photo: places to train on, and places of the held-out photos.

    A hash of the photo's name decides, so that a later run holds out the same. A set that would be held out whole is
    trained on.
    """
    kept = np.array([held_out(samples.photo(index)) for index in range(len(samples))])
    return (np.arange(len(samples)), np.arange(0)) if kept.all() else (np.flatnonzero(~kept), np.flatnonzero(kept))


def held_out_samples(data: Sequence[Set], count: int, rng: np.random.Generator) -> list[tuple[Set, int]]:
    """Choose at most so many of the samples that are held out of these data sets: each set and the place in it."""
    kept = [(samples, int(index)) for samples in data for index in parted(samples)[1]]
    return [kept[place] for place in rng.permutation(len(kept))[:count]]


def iterate(crops: Crops) -> Iterator[Crop]:
    """Yield every crop once, in order."""
    return (crops[index] for index in range(len(crops)))


def inside(root: Path, name: str, *, where: str) -> Path:
    """Join a relative path from an annotation to its root; one that leads out of the root is refused.

    `where` names the place of the annotation for the message, such as `labels.tsv:3`.

    Raises:
        TrainingDataError: The name is empty, absolute, or climbs with `..`.
    """
    relative = PurePosixPath(name)
    if not name or "\0" in name or relative.is_absolute() or ".." in relative.parts:
        raise TrainingDataError(f"{where}: expected an image path below {root}, got {name!r}; correct this line")
    return root / relative


def read_image(path: Path, *, where: str) -> Image:
    """Read an image file as uint8 (H, W, 3), BGR. Raise TrainingDataError if the file is missing or is no image."""
    try:
        contents = path.read_bytes()
    except OSError as exc:
        reason = exc.strerror or type(exc).__name__
        raise TrainingDataError(
            f"{where}: expected an image at {path}, got: {reason}; restore the file or drop the line"
        ) from exc
    return decode_image(contents, where=f"{where}: {path}")


def decode_image(contents: bytes, *, where: str) -> Image:
    """Decode the bytes of an image file to uint8 (H, W, 3), BGR, as a viewer shows it.

    Raises:
        TrainingDataError: The bytes are no image.
    """
    try:
        return decode_pixels(contents)
    except ValueError as exc:
        raise TrainingDataError(
            f"{where}: expected a JPEG, PNG or other image that OpenCV or Pillow reads, got {len(contents)} bytes, "
            f"{exc}; restore it or drop the line"
        ) from exc


def existing(path: Path, what: str) -> Path:
    """Return the path of a file that must be there.

    Raises:
        TrainingDataError: There is no such file; `what` says what it would have been.
    """
    if not path.is_file():
        got = "a folder" if path.is_dir() else "nothing"
        raise TrainingDataError(f"{path}: expected {what}, got {got} there; give the folder that holds it")
    return path


def cut(image: Image, quad: NDArray[np.float32]) -> Image:
    """Cut a word upright out of an image uint8 (H, W, 3); return uint8 (h, w, 3).

    `quad`: float32 (4, 2), pixels (x, y), clockwise from the word's top left; h and w are the mean lengths of its
    opposite sides, at least 1 and at most the image's diagonal.
    """
    top, right, bottom, left = np.linalg.norm(np.roll(quad, -1, axis=0) - quad, axis=1)
    longest = float(np.hypot(*image.shape[:2]))
    width, height = (int(np.clip(round(float(side)), 1, longest)) for side in ((top + bottom) / 2, (left + right) / 2))
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
    transform = cv2.getPerspectiveTransform(quad.astype(np.float32) - 0.5, corners)
    return np.asarray(cv2.warpPerspective(image, transform, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)
