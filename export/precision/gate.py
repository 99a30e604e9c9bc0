"""The gate of fewer bits: do they find and read what fp32 does? Through the runtime, as users run it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ...runtime.bundles.bundle import Bundle
from ...runtime.bundles.manifest import Kind
from ...runtime.detector import Detector
from ...runtime.errors import ExportError
from ...runtime.geometry.heatmaps import Region
from ...runtime.geometry.quads import pairs
from ...runtime.reader import MIN_CONFIDENCE
from ...runtime.recognizer import Recognizer
from ...runtime.text.decoding import Text
from .pictures import Picture, Pictures, Quads, crop_places, fp32_quads, judged_side_px

GOLDEN = 0.6180339887498949
"""Multiples of it, without their whole part, fill 0..1 evenly from the first few on."""
STRINGS_EQUAL = 0.99
"""Share of the crops that must read the same as in fp32."""
HMEAN_LOSS = 0.5
"""Points of 100 by which the H-mean may fall."""
SAME_QUAD = 0.5
"""Intersection over union from which on two quads are the same region."""
ENOUGH = 200
"""Regions or sure strings from which on no more pictures are looked at: one of them is half a point, or half a percent,
and a large network takes seconds for each picture."""

Found = TypeVar("Found")


@dataclass(frozen=True)
class Verdict:
    """What a graph in fewer bits does otherwise than the one in fp32."""

    passed: bool
    """Whether it is within the gate."""
    strings: int
    """Crops that fp32 reads with `MIN_CONFIDENCE` or more; 0 for a detector."""
    strings_equal: float | None
    """Share of them that read the same in both, 0..1; None for a detector."""
    regions: int
    """Regions that should be found; 0 for a recognizer."""
    hmean_loss: float | None
    """H-mean of fp32 less that of the other, points of 100; None for a recognizer."""
    less_certain: int = 0
    """Crops below that confidence, which no reader gives out, and which the gate leaves out."""
    less_certain_equal: float | None = None
    """Share of these that read the same, 0..1; for information."""
    pictures: int = 0
    """Pictures that were looked at."""

    def __str__(self) -> str:
        """Return it for tables and messages."""
        if self.hmean_loss is None:
            others = f", {100 * (self.less_certain_equal or 0):.1f} % of {self.less_certain} that fp32 is unsure of"
            sure = f"{100 * (self.strings_equal or 0):.2f} % of {self.strings} strings equal (at least 99)"
            return sure + (others if self.less_certain else "")
        return f"H-mean {-self.hmean_loss:+.2f} points on {self.regions} regions (at least -0.5)"


Gate = Callable[[Bundle], Verdict]
"""Judges a bundle that has the network in fewer bits by what fp32 found or read; may be asked again and again."""


def open_gate(bundle: Bundle, kind: Kind, pictures: Pictures, precision: str, backend: str = "cpu") -> Gate:
    """Return the gate of a model, which judges by what fp32 makes of the pictures on ``cpu``.

    Raises:
        ExportError: there is nothing to find, or fp32 is sure of no crop in the pictures.
    """
    return (detector_gate if kind == "detector" else recognizer_gate)(bundle, pictures, precision, backend)


def detector_gate(bundle: Bundle, pictures: Pictures, precision: str, backend: str) -> Gate:
    """Return the gate of a detector: with labels, both H-means; without, fp32's own regions are the truth."""

    def wanted(picture: Picture, quads: Quads) -> Quads:
        return (picture.quads or ()) if pictures.labelled else quads

    shown = evenly(pictures.validation)
    shown, fp32 = until_enough(
        shown, fp32_quads(bundle, shown, pictures.found), lambda picture, quads: len(wanted(picture, quads))
    )
    truth = list(map(wanted, shown, fp32))
    expected, before = sum(map(len, truth)), hmean(truth, fp32)
    if not expected or before <= 0:
        raise ExportError("expected pictures in which fp32 finds text, got none; give other pictures")

    def judge(candidate: Bundle) -> Verdict:
        detector = Detector(candidate, backend, precision, judged_side_px(candidate))
        found = [[region.quad for region in detector.detect(picture.read())] for picture in shown]
        loss = 100 * (before - hmean(truth, found))
        return Verdict(loss <= HMEAN_LOSS, 0, None, expected, loss, pictures=len(shown))

    return judge


def recognizer_gate(bundle: Bundle, pictures: Pictures, precision: str, backend: str) -> Gate:
    """Return the gate of a recognizer: its strings, all symbols allowed, on the crops that fp32 can read.

    What fp32 reads with less than `MIN_CONFIDENCE` is hardly legible: its string changes with any rounding,
    and `Reader.read` does not give it out.
    """
    shown = evenly(pictures.validation)
    texts_in_fp32 = read(bundle, "fp32", shown, crop_places(bundle, shown, pictures.found))
    shown, found = until_enough(shown, texts_in_fp32, lambda _, texts: sum(map(is_sure, texts)))
    places = list(crop_places(bundle, shown, pictures.found))
    fp32 = [text for texts in found for text in texts]
    certain = np.array([is_sure(text) for text in fp32], bool)
    if not certain.any():
        raise ExportError("expected pictures with text that fp32 reads, got none; give other pictures")

    def judge(candidate: Bundle) -> Verdict:
        texts = (text for texts in read(candidate, precision, shown, places, backend) for text in texts)
        equal = np.array([one.text == other.text for one, other in zip(fp32, texts, strict=True)], bool)
        share, unsure = float(equal[certain].mean()), int((~certain).sum())
        others = float(equal[~certain].mean()) if unsure else None
        return Verdict(share >= STRINGS_EQUAL, int(certain.sum()), share, 0, None, unsure, others, pictures=len(shown))

    return judge


def evenly(pictures: Sequence[Picture]) -> list[Picture]:
    """Return the pictures in an order whose every beginning is spread over all of them."""
    return [pictures[place] for place in sorted(range(len(pictures)), key=lambda place: place * GOLDEN % 1)]


def until_enough(
    pictures: Iterable[Picture], found: Iterable[Found], count: Callable[[Picture, Found], int]
) -> tuple[list[Picture], list[Found]]:
    """Return the pictures, and what is found in each, up to the one with which `ENOUGH` are counted."""
    shown, kept, total = list[Picture](), list[Found](), 0
    for picture, item in zip(pictures, found, strict=True):
        shown.append(picture)
        kept.append(item)
        total += count(picture, item)
        if total >= ENOUGH:
            break
    return shown, kept


def is_sure(text: Text) -> bool:
    """Return whether a reader gives out a text."""
    return text.confidence >= MIN_CONFIDENCE


def read(
    bundle: Bundle, precision: str, pictures: Iterable[Picture], places: Iterable[Quads], backend: str = "cpu"
) -> Iterator[list[Text]]:
    """Yield the texts of each picture's crops."""
    recognizer = Recognizer(bundle, backend, precision, alphabet=None)
    for picture, quads in zip(pictures, places, strict=True):
        regions = [Region(quad, np.zeros((0, 4, 2), np.float32), 1.0) for quad in quads]
        yield recognizer.recognize(picture.read(), regions)


def hmean(truth: Sequence[Quads], found: Sequence[Quads]) -> float:
    """Return the harmonic mean of precision and recall over all pictures, 0..1: 2 · matches / all quads of both."""
    matches = sum(len(pairs(*quads, SAME_QUAD)) for quads in zip(truth, found, strict=True))
    return 2 * matches / max(1, sum(map(len, truth)) + sum(map(len, found)))
