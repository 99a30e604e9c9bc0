"""The gate of fewer bits: do they find and read what fp32 does? Through the runtime, as users run it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ...runtime.bundles.bundle import Bundle
from ...runtime.detector import Detector
from ...runtime.errors import ExportError
from ...runtime.geometry.heatmaps import Region
from ...runtime.geometry.images import whole
from ...runtime.geometry.quads import pairs
from ...runtime.reader import MIN_CONFIDENCE
from ...runtime.recognizer import Recognizer
from ...runtime.text.decoding import Text
from .pictures import Found, Picture, Pictures, Quads

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
    """Regions that should be found; 0 for a recogniser."""
    hmean_loss: float | None
    """H-mean of fp32 less that of the other, points of 100; None for a recogniser."""
    less_certain: int = 0
    """Crops below that confidence, which no reader gives out, and which the gate leaves out."""
    less_certain_equal: float | None = None
    """Share of these that read the same, 0..1; for information."""
    pictures: int = 0
    """Pictures that were looked at."""

    def __str__(self) -> str:
        """For tables and messages."""
        if self.hmean_loss is None:
            others = f", {100 * (self.less_certain_equal or 0):.1f} % of {self.less_certain} that fp32 is unsure of"
            sure = f"{100 * (self.strings_equal or 0):.2f} % of {self.strings} strings equal (at least 99)"
            return sure + (others if self.less_certain else "")
        return f"H-mean {-self.hmean_loss:+.2f} points on {self.regions} regions (at least -0.5)"


Gate = Callable[[Bundle], Verdict]
"""Judges a bundle that has the network in fewer bits by what fp32 found or read; may be asked again and again."""


def detector_gate(bundle: Bundle, pictures: Pictures, precision: str, backend: str = "cpu") -> Gate:
    """Judge a detector: with labels, by both H-means; without, fp32's own regions are the truth.

    Raises:
        ExportError: there is nothing to find in the pictures.
    """
    shown, fp32, expected = evenly(pictures.validation), list[Quads](), 0
    for picture, quads in zip(shown, fp32_quads(bundle, shown, pictures.found), strict=True):
        fp32.append(quads)
        expected += len((picture.quads or ()) if pictures.labelled else quads)
        if expected >= ENOUGH:
            break
    shown = shown[: len(fp32)]
    truth = [each.quads or () for each in shown] if pictures.labelled else fp32
    before = hmean(truth, fp32)
    if not expected or before <= 0:
        raise ExportError("expected pictures in which fp32 finds text, got none; give other pictures")

    def judge(candidate: Bundle) -> Verdict:
        loss = 100 * (before - hmean(truth, list(detect(candidate, precision, shown, backend))))
        return Verdict(loss <= HMEAN_LOSS, 0, None, expected, loss, pictures=len(shown))

    return judge


def recognizer_gate(bundle: Bundle, pictures: Pictures, precision: str, backend: str = "cpu") -> Gate:
    """Judge a recogniser by its strings, all symbols allowed, on the crops that fp32 can read.

    What fp32 reads with less than `MIN_CONFIDENCE` is hardly legible: its string changes with any rounding,
    and `Reader.read` does not give it out.

    Raises:
        ExportError: fp32 is sure of no crop in the pictures.
    """
    shown, places, fp32, sure = evenly(pictures.validation), list[Quads](), list[Text](), list[bool]()
    recognizer = Recognizer(bundle, "cpu", "fp32", alphabet=None)
    for picture, quads in zip(shown, crop_places(bundle, shown, pictures.found), strict=True):
        places.append(quads)
        fp32 += recognizer.recognize(picture.read(), regions(quads))
        sure = [text.confidence >= MIN_CONFIDENCE for text in fp32]
        if sum(sure) >= ENOUGH:
            break
    shown, certain = shown[: len(places)], np.array(sure, bool)
    if not certain.any():
        raise ExportError("expected pictures with text that fp32 reads, got none; give other pictures")

    def judge(candidate: Bundle) -> Verdict:
        texts = read(candidate, precision, shown, places, backend)
        equal = np.array([one.text == other.text for one, other in zip(fp32, texts, strict=True)], bool)
        share, unsure = float(equal[certain].mean()), int((~certain).sum())
        others = float(equal[~certain].mean()) if unsure else None
        return Verdict(share >= STRINGS_EQUAL, int(certain.sum()), share, 0, None, unsure, others, pictures=len(shown))

    return judge


def evenly(pictures: Sequence[Picture]) -> list[Picture]:
    """The pictures in an order whose every beginning is spread over all of them."""
    return [pictures[place] for place in sorted(range(len(pictures)), key=lambda place: place * GOLDEN % 1)]


def crop_places(bundle: Bundle, pictures: Sequence[Picture], found: Found | None = None) -> Iterator[Quads]:
    """Where the crops of each picture are: as labelled, or as the bundle's detector says, or the whole picture.

    `found`: what is known already, to be added to; see `fp32_quads`.
    """
    detects = bundle.manifest.detector is not None
    unlabelled = [picture for picture in pictures if picture.quads is None] if detects else []
    looked = fp32_quads(bundle, unlabelled, {} if found is None else found)
    for picture in pictures:
        if picture.quads is not None:
            yield picture.quads
        elif detects:
            yield next(looked)
        else:
            yield [whole(picture.read())]


def fp32_quads(bundle: Bundle, pictures: Iterable[Picture], found: Found) -> Iterator[Quads]:
    """The quads that fp32 finds in each picture; one whose quads are in `found` is not looked at again."""
    graph = bundle.detector.files["fp32"].sha256
    detector: Detector | None = None
    for picture in pictures:
        if (graph, picture.path) not in found:
            detector = detector or Detector(bundle, "cpu", "fp32")
            found[graph, picture.path] = [region.quad for region in detector.detect(picture.read())]
        yield found[graph, picture.path]


def detect(bundle: Bundle, precision: str, pictures: Iterable[Picture], backend: str = "cpu") -> Iterator[Quads]:
    """The quads found in each picture."""
    detector = Detector(bundle, backend, precision)
    for picture in pictures:
        yield [region.quad for region in detector.detect(picture.read())]


def read(
    bundle: Bundle, precision: str, pictures: Iterable[Picture], places: Iterable[Quads], backend: str = "cpu"
) -> list[Text]:
    """The texts of all crops, one after the other."""
    recognizer = Recognizer(bundle, backend, precision, alphabet=None)
    texts: list[Text] = []
    for picture, quads in zip(pictures, places, strict=True):
        texts += recognizer.recognize(picture.read(), regions(quads))
    return texts


def regions(quads: Quads) -> list[Region]:
    """Quads as the recogniser takes them."""
    return [Region(quad, np.zeros((0, 4, 2), np.float32), 1.0) for quad in quads]


def hmean(truth: Sequence[Quads], found: Sequence[Quads]) -> float:
    """Harmonic mean of precision and recall over all pictures, 0..1: twice the matches by all quads of both."""
    matches = sum(matched(*pair) for pair in zip(truth, found, strict=True))
    return 2 * matches / max(1, sum(map(len, truth)) + sum(map(len, found)))


def matched(truth: Quads, found: Quads) -> int:
    """How many quads of one picture match, each one once, the best overlaps first."""
    return len(pairs(truth, found, SAME_QUAD))
