"""Run a bundle and other readers over labelled images: accuracy, confidence and latency of each set."""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import click
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from ...runtime import NUMBERS, Bundle, Reader
from ...runtime.geometry.heatmaps import Region
from ...runtime.reader import Reading, select
from ...runtime.text.decoding import Text
from ..contenders import Contender, Found
from ..record import files_of, where
from .crops import all_crops, score_crops
from .datasets import LabelledSet
from .results import Latency, Outcome, Run
from .scenes import score_readings, score_scenes
from .sheets import write_sheets

Image = NDArray[np.uint8]
Read = TypeVar("Read")
WARM_UP = 3
"""Images read before the clock starts; they are read again, and scored, after it."""


def measure(
    bundle: Bundle,
    sets: Sequence[LabelledSet],
    backend: str,
    precision: str | None,
    sheets_folder: Path | None,
    alphabet: str | None = NUMBERS,
) -> tuple[str, Run]:
    """Read all sets in one precision, showing progress; draw the mistakes if a folder for them is given.

    Args:
        precision: None = what the bundle prefers, which may differ between its models.
        alphabet: None = all text.

    Returns:
        The backend that ran, and the run.
    """
    reader = Reader(bundle, backend=backend, precision=precision, alphabet=alphabet)
    plain = uncalibrated_reader(bundle, backend, precision, alphabet)
    run = _run(sets, lambda data: evaluate_set(reader, data, plain), sheets_folder)
    backend, precision = where(reader)
    return backend, replace(run, precision=precision, files=files_of(bundle, reader))


def measure_contender(name: str, contender: Contender, sets: Sequence[LabelledSet], sheets_folder: Path | None) -> Run:
    """Let another reader read all sets, as `measure` does with a bundle."""
    run = _run(sets, lambda data: evaluate_contender(contender, data, name), sheets_folder)
    return replace(run, contender=name, versions=contender.versions)


def _run(sets: Sequence[LabelledSet], evaluate: Callable[[LabelledSet], Outcome], sheets_folder: Path | None) -> Run:
    outcomes = []
    for data in sets:
        outcomes.append(outcome := evaluate(data))
        if sheets_folder:
            for path in write_sheets(sheets_folder, data.name, data.kind, outcome.mistakes, data.load):
                click.echo(f"mistakes: {path}", err=True)
    results = [outcome.result for outcome in outcomes]
    return Run(precision=None, files={}, sets=results, all_crops=all_crops(outcomes))


def uncalibrated_reader(bundle: Bundle, backend: str, precision: str | None, alphabet: str | None) -> Reader | None:
    """Return a reader of crops at temperature 1; None if that is the bundle's."""
    if bundle.recognizer.temperature == 1:
        return None
    recognizer = replace(bundle.recognizer, temperature=1.0)
    plain = Bundle(bundle.root, replace(bundle.manifest, detector=None, recognizer=recognizer))
    return Reader(plain, backend=backend, precision=precision, alphabet=alphabet)


def evaluate_set(reader: Reader, data: LabelledSet, uncalibrated: Reader | None = None) -> Outcome:
    """Read every image of a set once, timed, and score it as `scoring.py` says.

    Args:
        reader: What is measured.
        data: The labelled images; to load them is not timed.
        uncalibrated: The same reader at temperature 1: it reads crops a second time, untimed.
    """
    if data.kind == "crops":
        before: list[Text] = []

        def again(crop: Image) -> None:
            if uncalibrated:
                before.extend(uncalibrated.recognize([crop]))

        texts, latency, ratios = timed(lambda crop: reader.recognize([crop])[0], data, data.name, again)
        return score_crops(data, texts, ratios, latency, before or None)

    def look(photo: Image) -> list[tuple[Region, Text]]:
        looked = reader.look(photo)
        select(looked, reader.min_confidence)  # belongs to a reading, and to its time
        return looked

    looks, latency, _ = timed(look, data, data.name)
    return score_scenes(data, looks, reader.min_confidence, latency)


def evaluate_contender(contender: Contender, data: LabelledSet, name: str = "contender") -> Outcome:
    """Let another reader read every image of a set once, timed, and score it in the same way.

    Its texts count as they are: it has left out what it is unsure of.
    """
    if data.kind == "crops":
        found, latency, ratios = timed(contender.recognize, data, f"{name}: {data.name}")
        return score_crops(data, [Text(text.text, text.confidence, ()) for text in found], ratios, latency)
    readings, latency, _ = timed(contender.read, data, f"{name}: {data.name}")
    return score_readings(data, [[_reading(found) for found in texts] for texts in readings], latency)


def _reading(found: Found) -> Reading:
    """Return a contender's text; one without a place is nowhere. Of its characters nothing is known."""
    quad = np.zeros((4, 2), np.float32) if found.quad is None else found.quad
    return Reading(found.text, found.confidence, quad, characters=(), peaks=0, agrees=False)


def timed(
    read: Callable[[Image], Read], data: LabelledSet, label: str, also: Callable[[Image], None] | None = None
) -> tuple[list[Read], Latency, list[float]]:
    """Read each image after a warm-up, showing on stderr how far it is; ``also`` sees it afterwards, untimed.

    Returns:
        What was read, how fast, and the width of each image in heights.
    """
    for image in data.images[:WARM_UP]:
        read(data.load(image.path))
    found, times, ratios = [], [], []
    with click.progressbar(data.images, label=label, file=sys.stderr) as bar:
        for image in bar:
            pixels = data.load(image.path)
            start = time.perf_counter()
            found.append(read(pixels))
            times.append(1000 * (time.perf_counter() - start))
            ratios.append(pixels.shape[1] / pixels.shape[0])
            if also:
                also(pixels)
    return found, latency_of(times, data), ratios


def latency_of(milliseconds: Sequence[float], data: LabelledSet) -> Latency:
    """Return the percentiles of the times of a set, rounded to 0.01 ms."""
    p50, p90, p99 = (round(float(value), 2) for value in np.percentile(milliseconds, [50, 90, 99]))
    warm_up = min(WARM_UP, len(data.images))
    return Latency(p50_ms=p50, p90_ms=p90, p99_ms=p99, images=len(milliseconds), warm_up=warm_up)
