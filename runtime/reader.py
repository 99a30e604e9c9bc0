"""The whole job: frame → readings."""

import os
from collections.abc import Iterable
from dataclasses import dataclass

from .bundle import Bundle
from .decoding import NUMBERS, Text
from .detector import Detector
from .errors import BundleError
from .images import Frame, Points, as_bgr
from .recognizer import Recognizer


MIN_CONFIDENCE = 0.3
"""Readings below are left out of `Reader.read` by default: texture and words that pass for numbers lie mostly there."""


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
        return [
            Reading(text.text, text.confidence, region.quad, region.characters)
            for region, text in zip(regions, texts, strict=True)
            if text.accepted and text.confidence >= self.min_confidence
        ]

    def recognize(self, crops: Iterable[Frame]) -> list[Text]:
        """Read pictures that are already cut to one text each: one result per picture, in their order.

        Nothing is left out: where a crop holds no number, the nearest one comes back, not ``accepted``.

        Raises:
            ImageError: one of them is not a picture.
            BackendError: the backend failed.
        """
        return self._recognizer.recognize_crops(crops)
