"""Run a reader over labelled images: accuracy and latency of each set."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from .datasets import LabelledImage, LabelledSet
from .scoring import Match, is_exact, match, ratio

Image = NDArray[np.uint8]
WARM_UP = 3
"""Images read before the clock starts; they are read again, and scored, after it."""


class HasText(Protocol):
    """A text that was read."""

    @property
    def text(self) -> str:
        """What it says; empty if nothing was read."""
        ...


class HasQuad(HasText, Protocol):
    """A text that was found in a photo."""

    @property
    def quad(self) -> NDArray[np.float32]:
        """Where it is: float32 (4, 2), pixels."""
        ...


class Reads(Protocol):
    """What is measured: `edgereader.runtime.Reader`, or anything with these two methods."""

    def read(self, frame: Image, /) -> Sequence[HasQuad]:
        """Find and read the numbers of a photo."""
        ...

    def recognize(self, crops: Sequence[Image], /) -> Sequence[HasText]:
        """Read images already cut."""
        ...


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds from a decoded image to its readings, one image at a time."""

    p50_ms: float
    p90_ms: float
    p99_ms: float
    images: int
    """How many were timed."""
    warm_up: int
    """How many were read before, untimed."""


class CropsResult(msgspec.Struct, frozen=True, kw_only=True, tag="crops", tag_field="kind"):
    """What a set of crops gave."""

    name: str
    images: int
    exact: int
    """Crops whose digits were all read, and no other."""
    accuracy: float
    """`exact / images`."""
    latency: Latency


class ScenesResult(msgspec.Struct, frozen=True, kw_only=True, tag="scenes", tag_field="kind"):
    """What a set of whole photos gave."""

    name: str
    images: int
    labels: int
    """Labels with a digit."""
    matched: int
    """Labels that were read."""
    recall: float | None
    """`matched / labels`; None without labels."""
    readings: int
    """Readings of two digits or more."""
    precision: float | None
    """Matched readings of two digits or more, of all such; None without any."""
    false_numbers: int
    """Readings with a digit, also a lone one, that match no label."""
    false_numbers_per_image: float
    latency: Latency


Result = CropsResult | ScenesResult


@dataclass(frozen=True)
class Mistake:
    """One image that was not read as labelled."""

    image: LabelledImage
    """The image and its labels."""
    readings: tuple[str, ...]
    """What was read."""
    quads: tuple[NDArray[np.float32], ...]
    """Where, for scenes: float32 (4, 2), pixels."""
    match: Match | None
    """What was missed and what was read wrongly, for scenes."""


def evaluate_set(
    reader: Reads,
    data: LabelledSet,
    load: Callable[[Path], Image],
    progress: Callable[[Iterable[LabelledImage]], Iterable[LabelledImage]] = iter,
) -> tuple[Result, list[Mistake]]:
    """Read every image of a set once, timed, and score it as `scoring.py` says.

    Args:
        reader: What is measured.
        data: The labelled images.
        load: Decodes an image file to uint8 (H, W, 3), BGR; not timed.
        progress: Wraps the images, to show how far it is.
    """
    for image in data.images[:WARM_UP]:
        _read(reader, data, load(image.path))
    readings, milliseconds = [], []
    for image in progress(data.images):
        pixels = load(image.path)
        start = time.perf_counter()
        readings.append(_read(reader, data, pixels))
        milliseconds.append(1000 * (time.perf_counter() - start))
    score = _score_crops if data.kind == "crops" else _score_scenes
    return score(data, readings, latency_of(milliseconds, warm_up=min(WARM_UP, len(data.images))))


def _read(reader: Reads, data: LabelledSet, image: Image) -> list[tuple[str, NDArray[np.float32] | None]]:
    if data.kind == "crops":
        return [(text.text, None) for text in reader.recognize([image])]
    return [(reading.text, reading.quad) for reading in reader.read(image)]


def latency_of(milliseconds: Sequence[float], *, warm_up: int) -> Latency:
    """Give the percentiles of the times, rounded to 0.01 ms."""
    p50, p90, p99 = (round(float(value), 2) for value in np.percentile(milliseconds, [50, 90, 99]))
    return Latency(p50_ms=p50, p90_ms=p90, p99_ms=p99, images=len(milliseconds), warm_up=warm_up)


Readings = Sequence[Sequence[tuple[str, NDArray[np.float32] | None]]]


def _score_crops(data: LabelledSet, readings: Readings, latency: Latency) -> tuple[Result, list[Mistake]]:
    mistakes = [
        Mistake(image, tuple(text for text, _ in found), (), None)
        for image, found in zip(data.images, readings, strict=True)
        if not is_exact(image.texts[0], "".join(text for text, _ in found))
    ]
    count = len(data.images)
    exact = count - len(mistakes)
    result = CropsResult(name=data.name, images=count, exact=exact, accuracy=exact / count, latency=latency)
    return result, mistakes


def _score_scenes(data: LabelledSet, readings: Readings, latency: Latency) -> tuple[Result, list[Mistake]]:
    mistakes, matches = [], []
    for image, found in zip(data.images, readings, strict=True):
        texts = tuple(text for text, _ in found)
        matches.append(match(image.texts, texts))
        if matches[-1].missed or matches[-1].false:
            mistakes.append(Mistake(image, texts, tuple(q for _, q in found if q is not None), matches[-1]))
    return _sum_up(data, matches, latency), mistakes


def _sum_up(data: LabelledSet, matches: Sequence[Match], latency: Latency) -> ScenesResult:
    labels = sum(one.labels for one in matches)
    matched = sum(len(one.matched) for one in matches)
    numbers = sum(one.numbers for one in matches)
    false = sum(len(one.false) for one in matches)
    return ScenesResult(
        name=data.name,
        images=len(matches),
        labels=labels,
        matched=matched,
        recall=ratio(matched, labels),
        readings=numbers,
        precision=ratio(sum(one.true_numbers for one in matches), numbers),
        false_numbers=false,
        false_numbers_per_image=false / len(matches),
        latency=latency,
    )
