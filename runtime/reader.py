"""The whole job: frame → readings."""

import os
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .bundle import Bundle
from .decoding import NUMBERS, Text
from .detector import Detector
from .errors import BundleError
from .images import Frame, Points, as_bgr
from .recognizer import Recognizer

MIN_CONFIDENCE = 0.6
"""Readings below are left out of `Reader.read` by default: texture and words that pass for numbers lie mostly there."""


SAME_PLACE = 0.5
"""Readings that share so much of the smaller one's box are of the same text."""


@dataclass(frozen=True)
class Reading:
    """A number, or a text, that was read somewhere in a frame."""

    text: str
    """The characters."""
    confidence: float
    """Product of the characters' probabilities: how likely all of them are right, 0..1."""
    quad: Points
    """(4, 2) float32 corners x, y, frame pixels, clockwise from the one with the smallest x + y."""
    characters: Points
    """(n, 4, 2) float32, one quad per character that the detector saw, frame pixels, in reading order."""


def without_doubles(readings: Iterable[Reading]) -> list[Reading]:
    """Of readings of the same place, keep the one with the most characters that are likely right; order stays."""
    found = list(readings)
    kept: list[Reading] = []
    for reading in sorted(found, key=lambda each: -len(each.text) * each.confidence):
        if all(overlap(reading.quad, other.quad) < SAME_PLACE for other in kept):
            kept.append(reading)
    return [reading for reading in found if any(reading is each for each in kept)]


def overlap(first: Points, second: Points) -> float:
    """Shared share of the smaller of two quads' (4, 2) upright bounding boxes, 0..1."""
    (low_a, high_a), (low_b, high_b) = ((each.min(0), each.max(0)) for each in (first, second))
    shared = np.clip(np.minimum(high_a, high_b) - np.maximum(low_a, low_b), 0, None).prod()
    return float(shared / max(1e-6, min((high_a - low_a).prod(), (high_b - low_b).prod())))


class Reader:
    """Reads the numbers in pictures."""

    def __init__(
        self,
        bundle: str | os.PathLike[str] | Bundle = "digits-edge",
        backend: str = "auto",
        precision: str | None = None,
        alphabet: str | None = NUMBERS,
        pattern: str | None = None,
        min_confidence: float = MIN_CONFIDENCE,
    ) -> None:
        """Load a bundle's networks.

        Args:
            bundle: name of a shipped bundle, a folder, or an opened bundle; it may hold one network only.
            backend: "cpu", or "auto" = the best that runs here.
            precision: "fp32", …; None = the best that the backend runs.
            alphabet: ``NUMBERS`` (the default) = numbers only: words are left out, units dropped;
                other characters = only these; None = all text.
            pattern: regular expression that a whole reading must match, for example ``"[0-9]{4}"``.
            min_confidence: 0..1; less confident readings are left out of `read`, while `recognize` returns all.

        Raises:
            BundleError: no such bundle or precision, or a damaged file.
            BackendUnavailable: the backend cannot run here.
            AlphabetError: alphabet or pattern do not fit the recogniser.
        """
        self.min_confidence = min_confidence
        opened = bundle if isinstance(bundle, Bundle) else Bundle.open(bundle)
        self._recognizer = Recognizer(opened, backend, precision, alphabet, pattern)
        self._detector = Detector(opened, backend, precision) if opened.manifest.detector else None

    def read(self, frame: Frame) -> list[Reading]:
        """Read the numbers in a picture.

        Args:
            frame: uint8 or uint16 array (H, W, 3) BGR, (H, W) grey or (H, W, 4) BGRA.

        Raises:
            ImageError: not a picture.
            BundleError: the bundle has no detector.
            BackendError: the backend failed.
        """
        if self._detector is None:
            raise BundleError("expected a bundle with a detector, got one without; use recognize, on crops")
        frame = as_bgr(frame)
        regions = self._detector.detect(frame)
        texts = self._recognizer.recognize(frame, regions)
        return without_doubles(
            Reading(text.text, text.confidence, region.quad, region.characters)
            for region, text in zip(regions, texts, strict=True)
            if text.accepted and text.confidence >= self.min_confidence
        )

    def recognize(self, crops: Iterable[Frame]) -> list[Text]:
        """Read pictures that are already cut to one text each: one result per picture, in their order.

        Nothing is left out: where a crop holds no number, the nearest one comes back, not ``accepted``.

        Raises:
            ImageError: one of them is not a picture.
            BackendError: the backend failed.
        """
        return self._recognizer.recognize_crops(crops)
