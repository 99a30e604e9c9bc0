"""The whole job: frame → readings."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .bundles.bundle import Bundle
from .bundles.manifest import Kind
from .by_arguments import ByArguments, arguments_of
from .detector import Detector, Looking, Sight
from .errors import BundleError
from .geometry.heatmaps import Region
from .geometry.images import Frame, Points, as_bgr
from .geometry.lines import reading_order
from .geometry.quads import SAME_PLACE, overlap
from .geometry.rotation import ambiguous, turned_back, upside_down
from .ink import with_ends
from .joining import apart, join
from .recognizer import Place, Recognizer
from .sessions.base import Session
from .text.alignment import Character, align
from .text.alphabets import NUMBERS, Alphabet, Find
from .text.decoding import Text, decode
from .text.values import Notation

MIN_CONFIDENCE = 0.7
"""Readings below are left out of `Reader.read` by default: texture and words that pass for numbers lie mostly there."""
DISAGREEMENT = 0.95
"""Confidence is multiplied by this where the detector saw another number of characters than were read. It is mild:
right readings disagree too, now and then, because a thin detector's peaks run together."""
LONE_POWER = 1.5
"""The confidence of a lone character is multiplied by the detector's score to this power: single digits of low scores
are most of what is read where there is no text. On 240 photos of ``synth scenes`` (seeds 9001 and 9002) recall was
40.5, 39.7, 38.3 and 37.0 % with 1, 1.5, 2 and 4, and 1 of 54, 48, 37 and 27 lone digits was wrong; on 59 photos of
scenes_plain, scenes_boards and scenes_carts 2 were wrong with 1, and 1 with the others."""
UNREAD_END = 0.5
"""Confidence is multiplied by this at each end of a text where ink too low for a digit was read as one, or not at all,
or a digit was cut off: a symbol is missing."""
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
    value: float | None = None
    """The text as a number, an int where it has no decimals; None where it is none (a date, a time), or where it could
    be two (1.234, unless ``decimal`` or ``thousands`` say which)."""


def select(looked: Iterable[tuple[Region, Text]], min_confidence: float) -> list[Reading]:
    """Return what was asked for in a picture and is confident enough (0..1), each place once, row by row."""
    readings = (
        make_reading(region, text) for region, text in looked if text.accepted and text.confidence >= min_confidence
    )
    kept = without_doubles(reading for reading in readings if reading.confidence >= min_confidence)
    return [kept[at] for at in reading_order([reading.quad for reading in kept])]


def make_reading(region: Region, text: Text) -> Reading:
    """Lay a text on the characters that the detector saw in its region."""
    found = align(text, region.quad, region.characters)
    confidence = text.confidence if found.agrees else text.confidence * DISAGREEMENT
    confidence *= min(region.score, 1.0) ** LONE_POWER if len(text.text) == 1 else 1.0
    confidence *= UNREAD_END ** unread_ends(text, region.open_ends)
    return Reading(text.text, confidence, region.quad, found.characters, found.peaks, found.agrees)


def unread_ends(text: Text, open_ends: tuple[bool, bool]) -> int:
    """Return how many of a text's ends are a digit or a letter where ink of another symbol was seen; letters left out
    there count too.
    """
    if not text.text:
        return 0
    whole = min((*text.positions, *text.dropped)), max((*text.positions, *text.dropped))
    ends = zip(open_ends, (text.text[0], text.text[-1]), (text.positions[0], text.positions[-1]), whole, strict=True)
    return sum(is_open and end.isalnum() and place == outermost for is_open, end, place, outermost in ends)


def without_doubles(readings: Iterable[Reading]) -> list[Reading]:
    """Return, of readings of the same place, the one with the most characters that are likely right; order stays."""
    found = list(readings)
    if len(found) < 2:
        return found
    quads = np.stack([reading.quad for reading in found])
    low, high = quads.min(axis=1), quads.max(axis=1)
    kept: list[int] = []
    for at in sorted(range(len(found)), key=lambda at: -len(found[at].text) * found[at].confidence):
        beside = ((low[kept] <= high[at]) & (high[kept] >= low[at])).all(axis=1)  # all others share nothing
        if all(overlap(quads[at], quads[kept[place]]) < SAME_PLACE for place in np.flatnonzero(beside)):
            kept.append(at)
    return [found[at] for at in sorted(kept)]


class Reader(ByArguments):
    """Reads the numbers in pictures.

    Safe to share between threads: each call has buffers of its own while it runs. A reader that is pickled goes to
    another process by its arguments, and opens its bundle there again, which takes as long as it did here: send it
    once for each process, not with every picture. A forked process may go on with it on the CPU; a GPU does not come
    along, which is an error.
    """

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
        find: Find | None = None,
        decimal: str | None = None,
        thousands: str | None = None,
    ) -> None:
        """Load a bundle's networks.

        Args:
            bundle: name of a shipped bundle, a folder, or an opened bundle; it may hold one network only.
            backend: "cpu", "cuda", "tensorrt", "tensorrt-rtx", "tensorrt-ep" or "triton://HOST:PORT", which then runs
                or is an error; "auto" = the best that works here, which `sessions` tells, and the log of "edgereader"
                with the reason.
            precision: "fp32", …; None = what the bundle prefers on the backend.
            alphabet: which characters a reading may have, for example ``"0123456789"``; ``NUMBERS`` (the default) =
                all that numbers are written with, or with ``find="text"`` all characters, which None stands for too.
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
            find: what is looked for: "numbers" = words are left out, units dropped; "text" = all, made of the
                alphabet's characters whatever it says; None = numbers where the alphabet has digits and no letters.
            decimal: what stands before decimals, "." or ",", for a reading's ``value``; None = either, where it cannot
                group thousands as well.
            thousands: characters that group digits by threes, for example ``" "``, "" = none; None = points, commas
                and apostrophes, where they cannot stand before decimals as well.

        Raises:
            BundleError: no such bundle or precision, or a damaged file.
            BackendUnavailable: the backend cannot run here.
            AlphabetError: alphabet, pattern or check do not fit the recognizer.
        """
        self._arguments = arguments_of(locals())
        self.min_confidence = min_confidence
        self._rotations, self._upright = rotations, upright
        self._arguments["bundle"] = opened = bundle if isinstance(bundle, Bundle) else Bundle.open(bundle)
        notation = Notation(decimal, thousands)
        self._recognizer = Recognizer(
            opened, backend, precision, alphabet, pattern, check, threads, find=find, notation=notation
        )
        has_detector = opened.manifest.detector is not None
        self._detector = Detector(opened, backend, precision, long_side_px, threads) if has_detector else None
        self._ends_as_found = has_detector and opened.detector.as_easyocr and not self.alphabet.numbers

    def __reduce__(self) -> tuple[Any, ...]:
        self._arguments["min_confidence"] = self.min_confidence
        return super().__reduce__()

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
        for frame in frames:
            after = detector.start(frame)
            if before is not None:
                yield self._finished(detector, before)
            before = after
        if before is not None:
            yield self._finished(detector, before)

    def _finished(self, detector: Detector, looking: Looking) -> list[Reading]:
        regions = self._with_ends(looking.frame, detector.finish(looking))
        return self._readings(self._texts(looking.frame, regions))

    def _readings(self, looked: Iterable[tuple[Region, Text]]) -> list[Reading]:
        """Keep what was asked for, with its value, and say what could as well be upside down."""
        value_of = self.alphabet.notation.value_of
        readings = [replace(reading, value=value_of(reading.text)) for reading in select(looked, self.min_confidence)]
        if self._upright:
            return readings
        fits = self._recognizer.alphabet.fits
        flags = ambiguous([reading.text for reading in readings], [reading.quad for reading in readings], fits)
        return [
            replace(reading, ambiguous_rotation=True) if flag else reading
            for reading, flag in zip(readings, flags, strict=True)
        ]

    @property
    def threads(self) -> int | None:
        """How many threads a backend computes with on the CPU; None = one for each core."""
        threads: int | None = self._arguments["threads"]
        return threads

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
        regions = self._with_ends(frame, detector.detect(frame))
        looked = self._texts(frame, regions)
        if not self._rotations:
            return looked
        unsure = [place for place, (_, text) in enumerate(looked) if not text.accepted or text.confidence < UNSURE]
        again = [_upside_down(looked[place][0]) for place in unsure]
        for place, region, text in zip(unsure, again, self._recognizer.recognize(frame, again), strict=True):
            before = looked[place][1]
            better = text.accepted and (not before.accepted or text.confidence > before.confidence)
            if better and len(text.text) > 1:
                looked[place] = region, text
        return looked

    def _with_ends(self, frame: Frame, regions: list[Region]) -> list[Region]:
        """Regions with the ink at their ends, unless they are to be EasyOCR's texts."""
        return regions if self._ends_as_found else with_ends(frame, regions)

    def _texts(self, frame: Frame, regions: list[Region]) -> list[tuple[Region, Text]]:
        """Regions and texts, numbers apart from dates and times; those that a pattern or a check takes joined, too."""
        alphabet = self._recognizer.alphabet
        if not alphabet.chooses:
            looked = zip(regions, self._recognizer.recognize(frame, regions), strict=True)
            return list(apart(looked) if alphabet.numbers else looked)
        places = self._recognizer.read_places((frame, region.quad) for region in regions)
        every = replace(alphabet, pattern=None, check=None)
        pieces = list(apart(zip(regions, (decode(place.log_probs, every) for place in places), strict=True)))
        alone = pieces if len(pieces) > len(regions) else []
        fitting = [(region, text) for region, text in alone if alphabet.fits(text.text)]
        return [*zip(regions, (place.text for place in places), strict=True), *fitting, *join(pieces, alphabet)]

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

        Where the bundle's detector looks several times, text that several looks show is found as often;
        ``coarse=False`` leaves out all but the first, which find large text.
        """
        detector, frame = self._expect_detector(), as_bgr(frame)
        return self._with_ends(frame, detector.detect(frame, coarse=coarse))

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
        """Return how small a text may be so that `read` reads it in a picture of this size, and what reads smaller
        ones.

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


def _upside_down(region: Region) -> Region:
    return replace(region, quad=upside_down(region.quad), open_ends=region.open_ends[::-1])


def _turned_back(region: Region, frame: Frame) -> Region:
    """The same region in the frame, of which a picture turned counter-clockwise was looked at."""
    quad, characters = (turned_back(points, frame.shape[1]) for points in (region.quad, region.characters))
    return replace(region, quad=quad, characters=characters)
