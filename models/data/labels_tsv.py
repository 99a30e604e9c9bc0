"""Folder with `labels.tsv`: one label a line, tab-separated: relative path, text, box, and optionally characters.

The box is JSON in pixels of the image: `[x0, y0, x1, y1]`, or a polygon `[[x, y], …]` of three corners or more, or
empty. The fourth column, which `edgereader synth scenes` writes, is a JSON list of one quad per non-space character.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from .samples import Crop, TrainingDataError, existing, inside, read_image

FILE_NAME = "labels.tsv"
IGNORED = "###"
"""The text of a word that nobody can read, as ICDAR's sets have it: neither to be found nor held against a detector."""
Quad = NDArray[np.float32]


@dataclass(frozen=True)
class Label:
    """One line of a `labels.tsv`."""

    path: Path
    """The image file."""
    text: str
    """The text as labelled; empty where the image is labelled to show none."""
    quad: Quad | None
    """float32 (4, 2), pixels (x, y), clockwise from the top left; None where the line has no box."""
    polygon: Quad | None
    """float32 (n, 2), n ≥ 3: the corners as they are labelled, of which `quad` is the smallest rectangle if they are
    not 4; None where the line has no box."""
    characters: Quad | None
    """float32 (n, 4, 2), one quad per non-space character; None where the line has none."""
    where: str
    """The line, for messages: `labels.tsv:3`."""


def read_labels(root: Path) -> list[Label]:
    """Read all lines of `root/labels.tsv`; no image is opened.

    Raises:
        TrainingDataError: The file is missing or empty, or a line is wrong; the message names the line.
    """
    path = existing(root / FILE_NAME, f"a {FILE_NAME} (relative path, text, box; tab-separated)")
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as exc:
        raise TrainingDataError(f"{path}: expected UTF-8 text, got: {exc.reason}; save it as UTF-8") from exc
    labels = [
        _parse(root, line.rstrip("\r"), f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()
    ]
    if not labels:
        raise TrainingDataError(f"{path}: expected at least one line, got none; add: relative path, tab, text")
    return labels


def _parse(root: Path, line: str, where: str) -> Label:
    columns = line.split("\t")
    if not 2 <= len(columns) <= 4:
        raise TrainingDataError(
            f"{where}: expected 2 to 4 columns (path, text, box, characters), got {len(columns)}; separate them by tabs"
        )
    name, text, box, characters = (*columns, "", "")[:4]
    corners = _corners(_numbers(box, where), where) if box.strip() else None
    quad = None if corners is None else _quad(corners)
    quads = _character_quads(_numbers(characters, where), text, where) if characters.strip() else None
    return Label(inside(root, name, where=where), text, quad, corners, quads, where)


def _numbers(column: str, where: str) -> NDArray[np.float64]:
    try:
        values = np.array(json.loads(column), np.float64)
    except (ValueError, TypeError, RecursionError) as exc:
        raise TrainingDataError(
            f"{where}: expected [x0, y0, x1, y1] or a polygon [[x, y], …] as JSON, got {column[:60]!r}; correct it"
        ) from exc
    if values.size and not (np.isfinite(values).all() and np.abs(values).max() < 1e6):
        raise TrainingDataError(f"{where}: expected pixel coordinates, got {column[:60]!r}; correct it")
    return values


def _quad(corners: Quad) -> Quad:
    if len(corners) == 4:
        return corners
    return _from_top_left(np.asarray(cv2.boxPoints(cv2.minAreaRect(corners)), np.float32))


def _corners(values: NDArray[np.float64], where: str) -> Quad:
    if values.shape == (4,):
        x0, y0, x1, y1 = values
        return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
    if values.ndim == 2 and values.shape[1] == 2 and len(values) >= 3:
        return values.astype(np.float32)
    raise TrainingDataError(
        f"{where}: expected 4 numbers or 3 or more [x, y] corners, got an array of shape {values.shape}; correct it"
    )


def _from_top_left(quad: Quad) -> Quad:
    """Order the corners of a rectangle clockwise, from the one nearest to the image's top left."""
    middle = quad.mean(axis=0)
    turned = quad[np.argsort(np.arctan2(*(quad - middle).T[::-1]))]
    return np.roll(turned, -int(np.argmin(turned.sum(axis=1))), axis=0)


def _character_quads(values: NDArray[np.float64], text: str, where: str) -> Quad:
    expected = len("".join(text.split()))
    if values.shape != (expected, 4, 2):
        raise TrainingDataError(
            f"{where}: expected {expected} character quads of 4 corners for {text!r}, "
            f"got an array of shape {values.shape}; correct it or leave the column empty"
        )
    return values.astype(np.float32)


def is_scene_set(root: Path, labels: Sequence[Label]) -> bool:
    """Tell whole images from word crops.

    A folder named `scenes_…` or `crops_…` is what its name says. Otherwise it is a scene set if any line has a box and
    any image has more than one line, and a set of crops if not.
    """
    name = root.resolve().name
    if name.startswith(("scenes_", "crops_")):
        return name.startswith("scenes_")
    boxed = any(label.quad is not None for label in labels)
    return boxed and len({label.path for label in labels}) < len(labels)


def by_image(labels: Sequence[Label]) -> list[list[Label]]:
    """Group lines by their image, images in the order of their names."""
    ordered = sorted(labels, key=lambda label: label.path)
    return [list(group) for _, group in groupby(ordered, key=lambda label: label.path)]


class LabelledCrops:
    """The images of a `labels.tsv` folder, each one word crop, or nothing where the text is empty; without `###`."""

    def __init__(self, labels: Sequence[Label]) -> None:
        """Take the lines that `read_labels` gave."""
        self.labels = [label for label in labels if label.text != IGNORED]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int, /) -> Crop:
        """Decode one crop."""
        label = self.labels[index]
        return read_image(label.path, where=label.where), label.text

    def photo(self, index: int, /) -> str:
        """Name the photo of a crop."""
        return photo_of(self.labels[index].path)


def photo_of(path: Path) -> str:
    """Name the photo of a crop's file: the file's name without a last part of up to three digits."""
    return re.sub(r"[_-]\d{1,3}$", "", path.stem)
