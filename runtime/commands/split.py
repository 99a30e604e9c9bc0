"""The digits of photos as pictures of their own: what ``edgereader split`` does, for example for a training set."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import click
import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from ..bundles.writing import append_whole, write_whole
from ..errors import ImageError
from ..geometry.files import Photo
from ..geometry.images import Frame, Points, cut_quad, with_margin
from ..reader import Reader, Reading
from .batch import Outcome, first_column, for_each, nothing, shown, sight_of

MARGIN = 0.08
"""A digit is cut with so much around it on each side, in heights of the digit."""
LABELS, DETAILS = "labels.tsv", "digits.jsonl"


class DigitFolder:
    """A set of digits that is being written: pictures by label, ``labels.tsv`` and ``digits.jsonl``.

    A line of labels.tsv is a picture's path in the folder, its label and an empty box, which the data sets of
    training and of measuring read. A line of digits.jsonl has its path, label and confidence, its quad in the photo
    (the file's pixels), the photo, the reading's text and confidence, its place in it (from 1), and ``agrees``.
    """

    def __init__(self, folder: Path, *, size: int | None = None, all_characters: bool = False) -> None:
        """Begin a set.

        Args:
            folder: made when needed; no set may be in it.
            size: None = pictures of the digits' own pixels, in colour; else grey and square, as `as_mnist` says.
            all_characters: True: letters, points and signs too.

        Raises:
            FileExistsError: a set is in the folder.
        """
        for name in (LABELS, DETAILS):
            if (folder / name).exists():
                raise FileExistsError(f"{folder}: expected a folder without {name}, got one; name a new folder")
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._size, self._all = folder, size, all_characters
        self._stems: set[str] = set()

    def add(self, source: str, photo: Photo, readings: Sequence[Reading]) -> list[int]:
        """Write the digits of a photo's readings; return how many each had.

        Args:
            source: the photo's path; pictures are named after it, with plain characters only.
            photo: the photo.
            readings: what was read in it.
        """
        stem = self._stem("stdin" if source == "-" else Path(source).stem)
        counts, digits = [], []
        for number, reading in enumerate(readings, 1):
            found = list(self._write(photo, reading, f"{stem}-{number}"))
            counts.append(len(found))
            digits += found
        labels = "".join(f"{digit['path']}\t{digit['label']}\t\n" for digit in digits)
        append_whole(self._folder / LABELS, labels.encode())
        lines = (msgspec.json.encode({**digit, "photo": shown(source)}) + b"\n" for digit in digits)
        append_whole(self._folder / DETAILS, b"".join(lines))
        return counts

    def _write(self, photo: Photo, reading: Reading, name: str) -> Iterator[dict[str, Any]]:
        for place, character in enumerate(reading.characters, 1):
            if not (character.text in "0123456789" or (self._all and not character.text.isspace())):
                continue
            picture: NDArray[np.uint8] = cut_character(photo.frame, character.quad)
            if self._size is not None:
                picture = as_mnist(picture, self._size)
            path = PurePosixPath(folder_name(character.text), f"{name}-{place}.png")
            write_whole(self._folder / path, cv2.imencode(".png", picture)[1].tobytes(), sync=False)
            yield {
                "path": str(path),
                "label": character.text,
                "confidence": character.confidence,
                "quad": (character.quad * photo.shrunk).tolist(),
                "reading": reading.text,
                "reading_confidence": reading.confidence,
                "place": place,
                "agrees": reading.agrees,
            }

    def _stem(self, name: str) -> str:
        """Return a photo's name in plain characters, with a number when another photo had it."""
        plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("._")[:80] or "photo"
        stem, count = plain, 1
        while stem in self._stems:
            count += 1
            stem = f"{plain}_{count}"
        self._stems.add(stem)
        return stem


def folder_name(label: str) -> str:
    """Return a character's folder: itself for digits and lower-case letters, else its code point, as U+002E."""
    return label if re.fullmatch("[0-9a-z]", label) else f"U+{ord(label):04X}"


def cut_character(frame: Frame, quad: Points) -> Frame:
    """Return a character of a frame (H, W, 3) uint8 BGR, straightened, in its own pixels, with ``MARGIN`` around it.

    Args:
        frame: the photo.
        quad: (4, 2) float32 x, y, clockwise from the character's top left.
    """
    grown, _ = with_margin(quad, frame, MARGIN)
    sides = np.hypot(*(np.roll(grown, -1, axis=0) - grown).T)
    crop = np.empty((max(round(sides[1::2].max()), 1), max(round(sides[::2].max()), 1), 3), np.uint8)
    cut_quad(frame, grown, crop, keep_ratio=False)
    return crop


def as_mnist(crop: Frame, size: int) -> NDArray[np.uint8]:
    """Return a digit (h, w, 3) uint8 BGR as a square (size, size) uint8 like those of MNIST.

    Light on black whatever it was, its contrast stretched, its longer side ``size``, and its centre of mass in the
    middle (LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998, section III.A).
    """
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY).astype(np.float32)
    ground = float(np.median(np.concatenate((grey[0], grey[-1], grey[:, 0], grey[:, -1]))))
    dark, light = np.percentile(grey, (2, 98)).tolist()
    ink = light if light - ground >= ground - dark else dark
    digit = np.clip((grey - ground) / (ink - ground or 1), 0, 1) * 255
    scale = size / max(digit.shape)
    shape = max(round(digit.shape[1] * scale), 1), max(round(digit.shape[0] * scale), 1)
    digit = cv2.resize(digit, shape, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    mass = cv2.moments(digit)
    centre = [
        mass[moment] / mass["m00"] if mass["m00"] else (side - 1) / 2
        for moment, side in zip(("m10", "m01"), shape, strict=True)
    ]
    shift = np.array([[1, 0, (size - 1) / 2 - centre[0]], [0, 1, (size - 1) / 2 - centre[1]]])
    return cv2.warpAffine(digit, shift, (size, size)).round().astype(np.uint8)


def split_all(reader: Reader, sources: Sequence[str | ImageError], digits: DigitFolder) -> Iterator[Outcome]:
    """Read picture after picture and write their digits; one that fails becomes an outcome with an error."""

    def work(source: str, photo: Photo) -> Outcome:
        readings = reader.read(photo.frame)
        counts = digits.add(source, photo, readings)
        found = [
            {"text": reading.text, "confidence": reading.confidence, "digits": count}
            for reading, count in zip(readings, counts, strict=True)
        ]
        return Outcome(source, found, sight=sight_of(reader, photo))

    return for_each(sources, work)


def write_counts(sources: Sequence[str | ImageError]) -> Callable[[Outcome], None]:
    """Print the head of a table; return what prints a picture's row: digits written, and the readings."""
    width = first_column(sources)
    click.echo(f"{'picture':{width}}  digits  readings")

    def write(outcome: Outcome) -> None:
        texts = " ".join(reading["text"] for reading in outcome.readings) or nothing(outcome)
        count = sum(reading["digits"] for reading in outcome.readings)
        click.echo(f"{shown(outcome.path):{width}}  {count:>6}  {texts}")

    return write
