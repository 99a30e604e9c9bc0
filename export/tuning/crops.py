"""The crops that a bundle is tuned on: a person's, a part of them held out by photo, and generated ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...models.data.datasets import Sturdy, open_crops
from ...models.data.labels_tsv import FILE_NAME
from ...models.data.samples import Crop, Crops, TrainingDataError, parted
from ...models.synthesis.crops import CropMaker
from ...runtime.errors import DatasetError
from ..checks.labels import as_written

EVIDENCE = "readings.jsonl"
"""The file that makes a folder the evidence of a stream; its corrections are in a `labels.tsv`."""
FEWEST_PHOTOS = 5
"""With fewer photos, by their names, crops are held out one by one: a folder of `crop_01.png` and so on is of one."""
MOST = 500
"""Most crops of each part that are looked at before the training, evenly taken."""
TRIES = 10
"""A generated crop whose text the charset cannot write is drawn anew, on average so often at most."""


class Singly:
    """Crops, each of a photo of its own."""

    def __init__(self, crops: Crops) -> None:
        """Wrap crops."""
        self.crops = crops

    def __len__(self) -> int:
        return len(self.crops)

    def __getitem__(self, index: int, /) -> Crop:
        """Decode one crop."""
        return self.crops[index]

    def photo(self, index: int, /) -> str:
        """Name a crop by its place."""
        return f"crop {index}"


@dataclass(frozen=True)
class Labelled:
    """A person's crops."""

    crops: Crops
    """All of them; the trainer leaves the held-out ones out, as `parted` does."""
    learnt: Sequence[Crop]
    """Those to learn, of many only some."""
    held_out: Sequence[Crop]
    """Those to measure on, of other photos; of many only some."""


def open_labelled(folder: Path, charset: str, say: Callable[[str], None]) -> Labelled:
    """Open labelled crops, or the corrected evidence of a stream; texts that the charset cannot write are left out.

    Raises:
        DatasetError: no labelled crops, or too few to hold any out.
    """
    if (folder / EVIDENCE).is_file() and not (folder / FILE_NAME).is_file():
        raise DatasetError(
            f"{folder}: expected evidence in which a person has corrected readings, got none; open the stream's live "
            "page and say what some pictures show, of right readings too"
        )
    try:
        crops: Crops = Sturdy(open_crops(folder), str(folder), say)
        if len({crops.photo(index) for index in range(len(crops))}) < FEWEST_PHOTOS:
            crops = Singly(crops)
        parts = [[crops[index] for index in spread(part.tolist())] for part in parted(crops)]
    except TrainingDataError as exc:
        raise DatasetError(str(exc)) from exc
    kept = [[crop for crop in part if writes(charset, crop[1])] for part in parts]
    if left_out := sum(map(len, parts)) - sum(map(len, kept)):
        say(f"left out: {left_out} of {sum(map(len, parts))} crops, whose texts {charset!r} cannot write")
    if not all(kept):
        raise DatasetError(
            f"{folder}: expected labelled crops of {FEWEST_PHOTOS} photos or more, so that some can be held out, got "
            f"{len(kept[0])} to learn and {len(kept[1])} to hold out; label more, best 50"
        )
    return Labelled(crops, *kept)


def spread(indices: Sequence[int]) -> Sequence[int]:
    """Return at most `MOST` of them, evenly taken."""
    return [indices[at * len(indices) // MOST] for at in range(MOST)] if len(indices) > MOST else indices


def writes(charset: str, text: str) -> bool:
    """Return whether a text can be written with a charset."""
    return set(as_written(text, charset)) <= set(charset)


def generated_crops(count: int, charset: str, seed: int) -> list[Crop]:
    """Draw crops whose texts a charset can write: so many, or none if nearly no text is like that.

    Raises:
        DatasetError: no font is installed.
    """
    try:
        maker = CropMaker()
    except TrainingDataError as exc:
        raise DatasetError(str(exc)) from exc
    found: list[Crop] = []
    told = 0
    for number in range(TRIES * count):
        image, text = maker.make(np.random.default_rng([seed, number]))
        found += [(image, text)] * writes(charset, text)
        if len(found) == count:
            return found
        told += bool(text) and writes(charset, text)
        if number >= 50 and told * TRIES < number:
            break
    return []
