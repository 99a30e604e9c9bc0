"""Run a reader over labelled images: accuracy, confidence and latency of each set."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..runtime.geometry.heatmaps import Region
from ..runtime.reader import Reading, select
from ..runtime.text.decoding import Text
from .contenders import Contender, Found
from .crop_scores import score_crops
from .figures import Latency
from .labelled import LabelledImage, LabelledSet
from .outcome import Outcome
from .scene_scores import score_readings, score_scenes

Image = NDArray[np.uint8]
Progress = Callable[[Iterable[LabelledImage]], Iterable[LabelledImage]]
Read = TypeVar("Read")
WARM_UP = 3
"""Images read before the clock starts; they are read again, and scored, after it."""


class Reads(Protocol):
    """What is measured: `edgereader.runtime.Reader`, or anything with these members."""

    @property
    def min_confidence(self) -> float:
        """The confidence from which a text in a photo is a reading."""
        ...

    def look(self, frame: Image, /) -> list[tuple[Region, Text]]:
        """Find and read all text in a photo."""
        ...

    def recognize(self, crops: Sequence[Image], /) -> Sequence[Text]:
        """Read images already cut."""
        ...


def evaluate_set(
    reader: Reads, data: LabelledSet, progress: Progress = iter, uncalibrated: Reads | None = None
) -> Outcome:
    """Read every image of a set once, timed, and score it as `scoring.py` says.

    Args:
        reader: What is measured.
        data: The labelled images; to load them is not timed.
        progress: Wraps the images, to show how far it is.
        uncalibrated: The same reader at temperature 1: it reads crops a second time, untimed.
    """
    if data.kind == "scenes":
        return _evaluate_scenes(reader, data, progress)
    return _evaluate_crops(lambda image: reader.recognize([image])[0], data, progress, uncalibrated)


def _evaluate_scenes(reader: Reads, data: LabelledSet, progress: Progress) -> Outcome:
    def read(image: Image) -> list[tuple[Region, Text]]:
        looked = reader.look(image)
        select(looked, reader.min_confidence)  # belongs to a reading, and to its time
        return looked

    looks, times = [], []
    for _, looked, milliseconds in _timed(read, data, progress):
        looks.append(looked)
        times.append(milliseconds)
    return score_scenes(data, looks, reader.min_confidence, latency_of(times, data))


def _evaluate_crops(
    read: Callable[[Image], Text], data: LabelledSet, progress: Progress, uncalibrated: Reads | None = None
) -> Outcome:
    texts, ratios, times = [], [], []
    before: list[Text] = []
    for image, text, milliseconds in _timed(read, data, progress):
        texts.append(text)
        times.append(milliseconds)
        ratios.append(image.shape[1] / image.shape[0])
        if uncalibrated:
            before += uncalibrated.recognize([image])
    return score_crops(data, texts, ratios, latency_of(times, data), before or None)


def evaluate_contender(contender: Contender, data: LabelledSet, progress: Progress = iter) -> Outcome:
    """Let another reader read every image of a set once, timed, and score it in the same way.

    Its texts count as they are: it has left out what it is unsure of.
    """
    if data.kind == "crops":

        def read(image: Image) -> Text:
            found = contender.recognize(image)
            return Text(found.text, found.confidence, ())

        return _evaluate_crops(read, data, progress)
    readings, times = [], []
    for _, texts, milliseconds in _timed(contender.read, data, progress):
        readings.append([_reading(each) for each in texts])
        times.append(milliseconds)
    return score_readings(data, readings, latency_of(times, data))


def _reading(found: Found) -> Reading:
    """A contender's text; one without a place is nowhere. Of its characters nothing is known."""
    quad = np.zeros((4, 2), np.float32) if found.quad is None else found.quad
    return Reading(found.text, found.confidence, quad, characters=(), peaks=0, agrees=False)


def _timed(read: Callable[[Image], Read], data: LabelledSet, progress: Progress) -> Iterator[tuple[Image, Read, float]]:
    """Each image, what was read in it, and the milliseconds that took, after a warm-up."""
    for image in data.images[:WARM_UP]:
        read(data.load(image.path))
    for image in progress(data.images):
        pixels = data.load(image.path)
        start = time.perf_counter()
        found = read(pixels)
        yield pixels, found, 1000 * (time.perf_counter() - start)


def latency_of(milliseconds: Sequence[float], data: LabelledSet) -> Latency:
    """Give the percentiles of the times of a set, rounded to 0.01 ms."""
    p50, p90, p99 = (round(float(value), 2) for value in np.percentile(milliseconds, [50, 90, 99]))
    warm_up = min(WARM_UP, len(data.images))
    return Latency(p50_ms=p50, p90_ms=p90, p99_ms=p99, images=len(milliseconds), warm_up=warm_up)
