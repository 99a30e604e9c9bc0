"""The photos that are read: found and decoded into a file that all contenders' processes map, or made of samples."""

from __future__ import annotations

import hashlib
import math
import mmap
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np

from ...runtime.bundles.bundle import shipped
from ...runtime.errors import DatasetError
from ...runtime.geometry.files import find_photos, read_photo
from ...runtime.geometry.images import Frame
from ..accuracy.datasets import open_set, split_name
from .results import Photos

ALIGNMENT = 64
"""Each photo begins at a multiple of so many bytes, as an array of its own would."""
MOST_BYTES = 1 << 32
"""Decoded photos that are held in memory."""
GOLDEN = 0.6180339887498949
"""Multiples of it, without their whole part, fill 0..1 evenly from the first few on."""
SAMPLES = ("bib.jpg", "house.jpg", "meter.jpg")
"""Photos that ship with the package."""


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
    """Return the photos of folders, those that ship with the package where none is given.

    They are in an order whose every beginning is spread evenly over the folders and over each folder. A folder may have
    a labels.tsv; `limit` is the number of photos of each folder, None = all.

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
    """Return so many of the photos, evenly taken, and put in an order whose every beginning is evenly taken too."""
    count = min(limit or len(photos), len(photos))
    taken = [photos[place * len(photos) // count] for place in range(count)]
    return [taken[place] for place in sorted(range(count), key=lambda place: place * GOLDEN % 1)]


def decode(photos: Sequence[Photo], folders: Sequence[str], path: Path) -> Pixels:
    """Decode all photos into a new file, and return where each is.

    Raises:
        ImageError: a photo cannot be read.
        DatasetError: they are more than fits in memory.
    """
    digest, shapes, pixels = hashlib.sha256(), [], 0
    progress = click.progressbar(photos, label="decoding photos", file=sys.stderr)
    with path.open("wb") as file, progress as bar:
        for photo in bar:
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


def map_photos(path: Path, shapes_hw: Iterable[tuple[int, int]]) -> list[Frame]:
    """Return the photos of such a file, in memory that is shared with other processes, and not to be written to."""
    with path.open("rb") as file:
        flags = mmap.MAP_SHARED | mmap.MAP_POPULATE
        mapped = mmap.mmap(file.fileno(), 0, flags=flags, prot=mmap.PROT_READ)
    frames, start = [], 0
    for height, width in shapes_hw:
        start += -start % ALIGNMENT
        frames.append(np.frombuffer(mapped, np.uint8, height * width * 3, start).reshape(height, width, 3))
        start += height * width * 3
    return frames


def sample(name: str = SAMPLES[0]) -> Frame:
    """Read a photo that ships with the package."""
    return read_photo(shipped("samples") / name).frame


FRAME_HW = 720, 1280
ZOOMS = (1.0, 1.15, 1.3)
"""How much larger than a frame a photo is made before its middle is cut out."""


def camera_frames() -> list[Frame]:
    """Return frames (720, 1280), always the same: every sample photo at every zoom."""
    return [cut_frame(sample(name), zoom) for zoom in ZOOMS for name in SAMPLES]


def cut_frame(photo: Frame, zoom: float) -> Frame:
    """Return the middle of a photo, scaled until it covers a frame, and then by `zoom`."""
    scale = zoom * max(FRAME_HW[0] / photo.shape[0], FRAME_HW[1] / photo.shape[1])
    height, width = (max(side, round(scale * old)) for side, old in zip(FRAME_HW, photo.shape[:2], strict=True))
    scaled = cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    top, left = (height - FRAME_HW[0]) // 2, (width - FRAME_HW[1]) // 2
    return np.ascontiguousarray(scaled[top : top + FRAME_HW[0], left : left + FRAME_HW[1]]).astype(np.uint8)


MEGAPIXELS = 0.1, 4.0
SIZES = 24
"""Frames of random size in a soak's cycle: one in each of so many equal parts of the logarithm of the megapixels."""
RATIOS = (4 / 3, 16 / 9, 3 / 4, 1.0, 9 / 16, 2.5)
"""Width over height: more canvases than a detector keeps buffers for."""
CONTENTS = ("photo", "page", "photo", "page", "empty")
PIXELS = ("bgr", "bgr", "bgra", "bgr", "grey", "bgr", "bgr")
BROKEN = 2
"""Broken frames in a cycle."""
CYCLE = SIZES + len(SAMPLES) + BROKEN
PAGE_PX = 900


@dataclass(frozen=True)
class Shot:
    """What a soak hands to a reader."""

    frame: Any
    """A picture, or something that is none."""
    broken: bool = False
    """Whether it is none."""
    sample: str = ""
    """Name of the sample photo that it is, unchanged; what is read there must never change."""


class Shots:
    """Makes cycles of frames of changing content and size, a few of them broken, without memory that grows.

    All frames lie in two buffers that are made once, as large as the largest frame, and touched at once, so that the
    process does not grow by them later; a frame is good until the next one is made.
    """

    def __init__(self, seed: int, megapixels: tuple[float, float] = MEGAPIXELS) -> None:
        """Load and allocate all that is ever needed; `megapixels`: smallest and largest frame."""
        self._seed, self._limits = seed, megapixels
        self._photos = {name: sample(name) for name in SAMPLES}
        pixels = round(1.1e6 * megapixels[1])
        self._colour, self._other = np.ones(3 * pixels, np.uint8), np.ones(4 * pixels, np.uint8)
        self._page = np.ones((PAGE_PX, PAGE_PX, 3), np.uint8)

    def cycle(self, number: int) -> Iterator[Shot]:
        """Make the frames of a cycle, always the same ones for the same number and seed.

        Cycles hold the same mix: the same contents and layouts of pixels in the same classes of size, so that their
        costs can be compared. What a photo or page shows, its exact size, and the order are random.
        """
        random = np.random.default_rng((self._seed, number))
        for place in random.permutation(CYCLE).tolist():
            if place < SIZES:
                yield Shot(self._picture(place, random))
            elif place < SIZES + len(SAMPLES):
                name = SAMPLES[place - SIZES]
                yield Shot(self._photos[name], sample=name)
            else:
                yield Shot(_no_picture(random), broken=True)

    def _picture(self, place: int, random: np.random.Generator) -> Frame:
        smallest, largest = self._limits
        pixels = 1e6 * smallest * (largest / smallest) ** ((place + random.random()) / SIZES)
        ratio = RATIOS[place % len(RATIOS)]
        height, width = round((pixels / ratio) ** 0.5), round((pixels * ratio) ** 0.5)
        frame = self._colour[: height * width * 3].reshape(height, width, 3)
        cv2.resize(self._content(place, ratio, random), (width, height), frame, interpolation=cv2.INTER_LINEAR)
        return self._as(PIXELS[place % len(PIXELS)], frame)

    def _content(self, place: int, ratio: float, random: np.random.Generator) -> Frame:
        """Return a part, of this ratio, of something to look at."""
        kind = CONTENTS[place % len(CONTENTS)]
        if kind == "empty":
            return random.integers(0, 256, (4, 6, 3), np.uint8)
        picture = self._photos[SAMPLES[place % len(SAMPLES)]] if kind == "photo" else self._write(random)
        high, wide = picture.shape[:2]
        height = random.uniform(0.6, 1) * min(high, wide / ratio)
        top, left = int(random.uniform(0, high - height)), int(random.uniform(0, wide - height * ratio))
        part: Frame = picture[top : top + int(height), left : left + int(height * ratio)]
        return part

    def _write(self, random: np.random.Generator) -> Frame:
        """Return a page with some numbers."""
        paper, ink = random.integers(150, 256, 3).tolist(), random.integers(0, 100, 3).tolist()
        self._page[:] = paper
        for row in range(random.integers(1, 7)):
            number = str(random.integers(10, 10**6))
            corner = int(random.integers(0, PAGE_PX // 2)), 130 * (row + 1)
            font = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX)[row % 3]
            cv2.putText(self._page, number, corner, font, random.uniform(1.5, 3), ink, 4, cv2.LINE_AA)
        return self._page

    def _as(self, pixels: str, frame: Frame) -> Frame:
        """Return the same picture, grey or with an alpha channel if asked for."""
        if pixels == "bgr":
            return frame
        shape = frame.shape[:2] if pixels == "grey" else (*frame.shape[:2], 4)
        other = self._other[: math.prod(shape)].reshape(shape)
        cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY if pixels == "grey" else cv2.COLOR_BGR2BGRA, other)
        if pixels == "bgra":
            other[: len(other) // 4, :, 3] = 200
        return other


def _no_picture(random: np.random.Generator) -> Any:
    return (
        np.zeros((480, 640, 3), np.float32),
        np.zeros((480, 640, 2), np.uint8),
        np.zeros((0, 640, 3), np.uint8),
        np.zeros((1, 48, 64, 3), np.uint8),
        None,
    )[random.integers(0, 5)]
