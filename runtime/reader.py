"""The whole job: frame → readings."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from .alignment import Character, align
from .alphabets import NUMBERS, Alphabet
from .bundle import Bundle
from .decoding import Text
from .detector import Detector, Looking, Sight
from .errors import BundleError
from .heatmaps import Region
from .images import Frame, Points, as_bgr
from .manifest import Kind
from .recognizer import Place, Recognizer
from .rotation import ambiguous, turned_back, upside_down
from .sessions import Session

MIN_CONFIDENCE = 0.7
"""Readings below are left out of `Reader.read` by default: texture and words that pass for numbers lie mostly there."""
SAME_PLACE = 0.5
"""Readings that share so much of the smaller one's box are of the same text."""
DISAGREEMENT = 0.95
"""Confidence is multiplied by this where the detector saw another number of characters than were read. It is mild:
right readings disagree too, now and then, because a thin detector's peaks run together."""
LONE_POWER = 4
"""The confidence of a lone character is multiplied by the detector's score to this power. On generated photos nearly
all that was read where there is no text were single digits of low scores; from a score of 0.9, 9 of 10 were right."""
UNSURE = 0.9
"""With rotations, texts that are less confident are tried upside down too."""


@dataclass(frozen=True)
class Reading:
    """A number, or a text, that was read somewhere in a frame."""

    text: str
    """The characters."""
    confidence: float
    """How likely all characters are right, 0..1: that of the text, times ``DISAGREEMENT`` unless ``agrees``, and for a
    lone character times a power of the detector's score."""
    quad: Points
    """(4, 2) float32 corners x, y, frame pixels, clockwise from the text's top left: the corner with the smallest
    x + y, unless the text was read turned."""
    characters: tuple[Character, ...]
    """One per character of the text, points included, in its order."""
    peaks: int
    """Characters that the detector saw here, without letters that were dropped as a number's unit."""
    agrees: bool
    """Whether the detector saw the characters that were read, neither more nor less; points need not be seen."""
    ambiguous_rotation: bool = False
    """Whether this could as well be a number upside down (6, 69, 88, 1961), and nothing tells which way up it is."""


def select(looked: Iterable[tuple[Region, Text]], min_confidence: float) -> list[Reading]:
    """Of all text in a picture, keep what was asked for and is confident enough (0..1), each place once."""
    readings = (
        make_reading(region, text) for region, text in looked if text.accepted and text.confidence >= min_confidence
    )
    return without_doubles(each for each in readings if each.confidence >= min_confidence)


def make_reading(region: Region, text: Text) -> Reading:
    """Lay a text on the characters that the detector saw in its region."""
    found = align(text, region.quad, region.characters)
    confidence = text.confidence if found.agrees else text.confidence * DISAGREEMENT
    confidence *= region.score**LONE_POWER if len(text.text) == 1 else 1.0
    return Reading(text.text, confidence, region.quad, found.characters, found.peaks, found.agrees)


def without_doubles(readings: Iterable[Reading]) -> list[Reading]:
    """Of readings of the same place, keep the one with the most characters that are likely right; order stays."""
    found = list(readings)
    if len(found) < 2:
        return found
    quads = np.stack([each.quad for each in found])
    low, high = quads.min(axis=1), quads.max(axis=1)
    areas = (high - low).prod(axis=1)
    kept = np.zeros(len(found), bool)
    for at in sorted(range(len(found)), key=lambda at: -len(found[at].text) * found[at].confidence):
        shared = np.clip(np.minimum(high[at], high[kept]) - np.maximum(low[at], low[kept]), 0, None).prod(axis=1)
        kept[at] = (shared < SAME_PLACE * np.maximum(np.minimum(areas[at], areas[kept]), 1e-6)).all()
    return [found[at] for at in np.flatnonzero(kept)]


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
        check: str | None = None,
        *,
        rotations: bool = False,
        upright: bool = False,
        long_side_px: int | None = None,
        threads: int | None = None,
    ) -> None:
        """Load a bundle's networks.

        Args:
            bundle: name of a shipped bundle, a folder, or an opened bundle; it may hold one network only.
            backend: "cpu", "cuda", "tensorrt", "tensorrt-rtx" or "tensorrt-ep", which then runs or is an error;
                "auto" = the best that works here, which `sessions` tells, and the log of "edgereader" with the reason.
            precision: "fp32", …; None = what the bundle prefers on the backend.
            alphabet: ``NUMBERS`` (the default) = numbers only: words are left out, units dropped;
                other characters = only these; None = all text.
            pattern: regular expression that a whole reading must match, for example ``"[0-9]{5}[.][0-9]"``: of a
                text's likeliest readings the first that does is taken, with its own probability.
            min_confidence: 0..1; less confident readings are left out of `read`, while `recognize` returns all.
            check: "luhn", "ean13" or "iso6346": a reading must pass this check, in the same way. ISO 6346 has
                letters: with it, the default alphabet is letters and digits.
            rotations: True: try text that is less certain than ``UNSURE`` upside down, and look at the picture turned
                by 90° as well, the same way. More than twice as slow, and more can be misread; a text that is not
                upright is taken from two characters on.
            upright: True: camera and text are the right way up, so no reading is ``ambiguous_rotation``.
            long_side_px: longest side of what the detector sees of a picture, 64 to 8192; None = as the bundle says.
                Smaller is faster and misses small text.
            threads: how many a backend computes with on the CPU; None = one for each core.

        Raises:
            BundleError: no such bundle or precision, or a damaged file.
            BackendUnavailable: the backend cannot run here.
            AlphabetError: alphabet, pattern or check do not fit the recogniser.
        """
        self.min_confidence = min_confidence
        self._rotations, self._upright = rotations, upright
        opened = bundle if isinstance(bundle, Bundle) else Bundle.open(bundle)
        self._recognizer = Recognizer(opened, backend, precision, alphabet, pattern, check, threads)
        has_detector = opened.manifest.detector is not None
        self._detector = Detector(opened, backend, precision, long_side_px, threads) if has_detector else None

    def read(self, frame: Frame) -> list[Reading]:
        """Read the numbers in a picture; none may also mean that they are too small, which `sight` tells.

        Args:
            frame: uint8 or uint16 array (H, W, 3) BGR, (H, W) grey or (H, W, 4) BGRA.

        Raises:
            ImageError: not a picture.
            BundleError: the bundle has no detector.
            BackendError: the backend failed.
        """
        return self._readings(self.look(frame))

    def read_many(self, frames: Iterable[Frame]) -> Iterator[list[Reading]]:
        """Read picture after picture: what `read` gives for each, in their order; arguments and errors are its.

        On a GPU this is faster than `read`: while one picture is in the detector, the next is fitted and copied there,
        and the boxes and texts of the one before are found. It takes one picture more than it has given back.
        """
        if self._rotations:
            yield from map(self.read, frames)
            return
        detector, before = self._expect_detector(), None
        for number, frame in enumerate(frames):
            after = detector.start(frame, slot=number % 2)
            if before is not None:
                yield self._finished(detector, before)
            before = after
        if before is not None:
            yield self._finished(detector, before)

    def _finished(self, detector: Detector, looking: Looking) -> list[Reading]:
        regions = detector.finish(looking)
        texts = self._recognizer.recognize(looking.frame, regions)
        return self._readings(zip(regions, texts, strict=True))

    def _readings(self, looked: Iterable[tuple[Region, Text]]) -> list[Reading]:
        """Keep what was asked for, and say what could as well be upside down."""
        readings = select(looked, self.min_confidence)
        if self._upright:
            return readings
        fits = self._recognizer.alphabet.fits
        flags = ambiguous([each.text for each in readings], [each.quad for each in readings], fits)
        return [
            replace(each, ambiguous_rotation=True) if flag else each for each, flag in zip(readings, flags, strict=True)
        ]

    @property
    def sessions(self) -> dict[Kind, Session]:
        """The networks that run: their ``backend`` and ``precision`` say where and in what."""
        found: dict[Kind, Session] = {"recognizer": self._recognizer.session}
        return found if self._detector is None else {"detector": self._detector.session, **found}

    def look(self, frame: Frame) -> list[tuple[Region, Text]]:
        """Find all text in a picture, also what `read` leaves out; arguments and errors are those of `read`."""
        detector, frame = self._expect_detector(), as_bgr(frame)
        looked = self._look(detector, frame)
        if self._rotations:
            aside = self._look(detector, np.ascontiguousarray(np.rot90(frame)))
            looked += [(_turned_back(region, frame), text) for region, text in aside if len(text.text) > 1]
        return looked

    def _expect_detector(self) -> Detector:
        if self._detector is None:
            raise BundleError("expected a bundle with a detector, got one without; use recognize, on crops")
        return self._detector

    def _look(self, detector: Detector, frame: Frame) -> list[tuple[Region, Text]]:
        """Regions and texts; with rotations, what is unsure is tried upside down, and the better one stays."""
        regions = detector.detect(frame)
        looked = list(zip(regions, self._recognizer.recognize(frame, regions), strict=True))
        if not self._rotations:
            return looked
        unsure = [place for place, (_, text) in enumerate(looked) if not text.accepted or text.confidence < UNSURE]
        again = [replace(regions[place], quad=upside_down(regions[place].quad)) for place in unsure]
        for place, region, text in zip(unsure, again, self._recognizer.recognize(frame, again), strict=True):
            before = looked[place][1]
            better = text.accepted and (not before.accepted or text.confidence > before.confidence)
            if better and len(text.text) > 1:
                looked[place] = region, text
        return looked

    def recognize(self, crops: Iterable[Frame]) -> list[Text]:
        """Read pictures that are already cut to one text each: one result per picture, in their order.

        Nothing is left out: where a crop holds no number, the nearest one comes back, not ``accepted``.

        Raises:
            ImageError: one of them is not a picture.
            BackendError: the backend failed.
        """
        return self._recognizer.recognize_crops(crops)

    def detect(self, frame: Frame, *, coarse: bool = True) -> list[Region]:
        """Find all text in a picture without reading it; arguments and errors are those of `read`.

        Where the bundle's detector looks twice, text that both looks show is found twice; ``coarse=False`` leaves the
        second look out, which finds large text.
        """
        return self._expect_detector().detect(frame, coarse=coarse)

    def read_places(self, places: Iterable[tuple[Frame, Points]]) -> list[Place]:
        """Read quads (4, 2) of frames, known from `detect` or from earlier frames: one result each, in their order.

        Quads of several frames are read in one batch. Nothing is left out, as with `recognize`. For cameras.

        Args:
            places: frames (H, W, 3) uint8 BGR and quads (4, 2) in their pixels, which must overlap them.

        Raises:
            ImageError: not a picture.
            BackendError: the backend failed.
        """
        return self._recognizer.read_places(places)

    def sight(self, frame: Frame) -> Sight:
        """How small a text may be so that `read` reads it in a picture of this size, and what reads smaller ones.

        A picture in which nothing was read may hold lower text: `read` looks at large pictures made smaller.

        Raises:
            ImageError: not a picture.
            BundleError: the bundle has no detector.
        """
        return self._expect_detector().sight(*as_bgr(frame).shape[:2])

    @property
    def alphabet(self) -> Alphabet:
        """What a reading may consist of."""
        return self._recognizer.alphabet


def _turned_back(region: Region, frame: Frame) -> Region:
    """The same region in the frame, of which a picture turned counter-clockwise was looked at."""
    quad, characters = (turned_back(each, frame.shape[1]) for each in (region.quad, region.characters))
    return replace(region, quad=quad, characters=characters)
