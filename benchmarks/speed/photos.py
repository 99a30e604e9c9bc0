"""The photos that are read: found, checked, decoded once, and laid in a file that all contenders' processes map."""

import hashlib
import mmap
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path

import click
import numpy as np

from ...runtime.bundles.bundle import shipped
from ...runtime.errors import DatasetError
from ...runtime.geometry.files import find_photos, read_photo
from ...runtime.geometry.images import Frame
from ..accuracy.datasets import open_set, split_name
from .figures import Photos

ALIGNMENT = 64
"""Each photo begins at a multiple of so many bytes, as an array of its own would."""
MOST_BYTES = 1 << 32
"""Decoded photos that are held in memory."""
GOLDEN = 0.6180339887498949
"""Multiples of it, without their whole part, fill 0..1 evenly from the first few on."""


@dataclass(frozen=True)
class Photo:
    """A photo's file, and the numbers in it where that is known."""

    path: Path
    labels: tuple[str, ...] | None = None
    """None where the folder has no labels."""


@dataclass(frozen=True)
class Pixels:
    """Decoded photos in a file, one after the other, each (H, W, 3) uint8 BGR."""

    path: Path
    shapes_hw: list[tuple[int, int]]
    facts: Photos


def find(folders: Sequence[str], limit: int | None = None) -> list[Photo]:
    """The photos of folders, those that ship with the package where none is given.

    They are in an order whose every beginning is spread evenly over the folders and over each folder.

    Args:
        folders: with labels.tsv, or simply with pictures.
        limit: photos of each folder, spread evenly over it; None = all.

    Raises:
        DatasetError: no such folder, or its labels are wrong.
        ImageError: no picture in it.
    """
    found = [spread(_in(folder), limit) for folder in folders or (str(shipped("samples")),)]
    return [photo for photo in chain.from_iterable(zip_longest(*found)) if photo is not None]


def _in(folder: str) -> list[Photo]:
    root, _ = split_name(folder)
    if (root / "labels.tsv").is_file():
        return [Photo(image.path, image.texts) for image in open_set(folder, "scenes").images]
    if not root.is_dir():
        got = "a file" if root.exists() else "nothing there"
        raise DatasetError(f"{folder}: expected a folder with photos, got {got}; check the path")
    return [Photo(path) for path in find_photos(folder)]


def spread(photos: Sequence[Photo], limit: int | None) -> list[Photo]:
    """So many of the photos, evenly taken, and put in an order whose every beginning is evenly taken too."""
    count = min(limit or len(photos), len(photos))
    taken = [photos[place * len(photos) // count] for place in range(count)]
    return [taken[place] for place in sorted(range(count), key=lambda place: place * GOLDEN % 1)]


def decode(photos: Sequence[Photo], folders: Sequence[str], path: Path) -> Pixels:
    """Decode all photos into a new file.

    Raises:
        ImageError: a photo cannot be read.
        DatasetError: they are more than fits in memory.
    """
    digest, shapes, pixels = hashlib.sha256(), [], 0
    with path.open("wb") as file:
        for photo in progress(photos):
            frame = read_photo(photo.path).frame
            digest.update(photo.path.read_bytes())
            file.seek(-file.tell() % ALIGNMENT, 1)
            file.write(frame.tobytes())
            shapes.append((frame.shape[0], frame.shape[1]))
            pixels += frame.shape[0] * frame.shape[1]
            if file.tell() > MOST_BYTES:
                got = f"more than that in {len(shapes)} of {len(photos)}"
                raise DatasetError(f"photos: expected up to {MOST_BYTES} bytes decoded, got {got}; use --limit")
    facts = Photos(
        folders=[Path(folder).resolve().name for folder in folders] or ["samples"],
        count=len(photos),
        megapixels=round(pixels / len(photos) / 1e6, 3),
        sha256=digest.hexdigest(),
    )
    return Pixels(path, shapes, facts)


def progress(photos: Sequence[Photo]) -> Iterator[Photo]:
    """Show how far it is."""
    with click.progressbar(photos, label="decoding photos", file=sys.stderr) as bar:
        yield from bar


def map_photos(path: Path, shapes_hw: Iterable[tuple[int, int]]) -> list[Frame]:
    """The photos of such a file, all in memory, shared with other processes, and not to be written to."""
    with path.open("rb") as file:
        flags = mmap.MAP_SHARED | mmap.MAP_POPULATE
        mapped = mmap.mmap(file.fileno(), 0, flags=flags, prot=mmap.PROT_READ)
    frames, start = [], 0
    for height, width in shapes_hw:
        start += -start % ALIGNMENT
        frames.append(np.frombuffer(mapped, np.uint8, height * width * 3, start).reshape(height, width, 3))
        start += height * width * 3
    return frames
