"""Frames → what is read in them: detect rarely, recognise often."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from ...errors import BundleError
from ...geometry.heatmaps import Region
from ...geometry.images import Frame, Points
from ...geometry.quads import SAME_PLACE, overlap
from ...reader import Reader, make_reading, without_doubles
from ...recognizer import Place
from ...text.alphabets import Alphabet
from ..settings import Looking, Number, Polygon
from ..sources.frames import Shot
from .letters import Letters
from .quads import height, inside, is_cut
from .regions import Regions
from .schedule import Pace
from .tracks import Followed, Found, Track, match

COARSE_FRAMES = 5
"""The detector's second look, at a smaller picture, is left out when there was one less than so many frames ago."""
WORD_FRAMES, SAME_WORD = 10, 0.7
"""What is found where a word was read less than so many frames ago is not read again; that is what shares so much of
both boxes."""
MOST_TRACKS = 32
"""Texts that are followed at once."""
IN_REGION = 0.5
"""In a number's own region a text is followed from this share of the least confidence on; its frames are fused."""
GROWN = 0.25
"""Motion is not looked for in a text and so much around it, of its height: digits change."""


@dataclass(frozen=True)
class Seen:
    """What was seen in one frame."""

    shot: Shot
    """The frame."""
    tracks: tuple[Track, ...]
    """All texts that are followed, by their ids."""
    ended: tuple[Track, ...]
    """Those that were lost for good with this frame, as they were last."""
    detected: bool
    """Whether the detector looked at it."""
    recognised: int
    """Crops of it that the recogniser read."""


class Watcher:
    """Watches the frames of one camera."""

    def __init__(
        self, reader: Reader, looking: Looking, numbers: Sequence[Number], masks: Sequence[Polygon] = ()
    ) -> None:
        """Begin to watch.

        Args:
            reader: what finds and reads.
            looking: when the detector looks.
            numbers: what to read; at least one.
            masks: parts of the picture, shares of its width and height, that are never looked at.

        Raises:
            AlphabetError: a number's pattern is none.
            BundleError: the reader has no detector.
        """
        if "detector" not in reader.sessions:
            raise BundleError("expected a bundle with a detector, got one without; a camera needs both networks")
        self._reader = reader
        self._regions, self._pace = Regions(numbers, masks), Pace(looking)
        self._alphabets = {each.name: alphabet_of(reader.alphabet, each) for each in numbers}
        self._letters = {name: Letters(alphabet) for name, alphabet in self._alphabets.items()}
        self._followed: list[Followed] = []
        self._last_id = 0
        self._size_hw: tuple[int, int] | None = None
        self._coarse_at = -COARSE_FRAMES
        self._words: list[tuple[Points, int]] = []

    def look(self, shots: Sequence[Shot]) -> list[Seen]:
        """Look at frames, in their order: one result each. Known places of all of them are read in one batch.

        Raises:
            BackendError: the backend failed.
        """
        seen: list[Seen] = []
        waiting: list[Shot] = []
        for shot in shots:
            if self._is_due(shot.frame):
                seen += self._read(waiting)
                waiting = []
                seen.append(self._detect(shot))
            else:
                waiting.append(shot)
        return seen + self._read(waiting)

    def _is_due(self, frame: Frame) -> bool:
        view = self._regions.part(frame)
        places = [_grown(each.shown) - view.offset_xy for each in self._followed if each.read and each.stands]
        due = self._pace.is_due(view.picture, [*places, *view.masks])
        return due or self._size_hw != frame.shape[:2]

    def _resize(self, frame: Frame) -> None:
        if self._size_hw not in {None, frame.shape[:2]}:
            scale_xy = (np.array(frame.shape[1::-1]) / self._size_hw[::-1]).astype(np.float32)
            for each in self._followed:
                each.resize(scale_xy)
        self._size_hw = frame.shape[0], frame.shape[1]

    def _read(self, shots: Sequence[Shot]) -> list[Seen]:
        """Read what is followed in all of these frames, in one batch."""
        known = [self._foretold(shot) for shot in shots]
        batch = [(shot.frame, quad) for shot, places in zip(shots, known, strict=True) for quad in places.values()]
        read = iter(self._reader.read_places(batch) if batch else ())
        return [
            self._seen(shot, dict(zip(places, islice(read, len(places)), strict=True)), places)
            for shot, places in zip(shots, known, strict=True)
        ]

    def _foretold(self, shot: Shot) -> dict[Followed, Points]:
        places = ((each, inside(each.foretold(shot.number), shot.frame)) for each in self._followed)
        return {each: quad for each, quad in places if quad is not None}

    def _seen(self, shot: Shot, read: dict[Followed, Place], quads: dict[Followed, Points]) -> Seen:
        """Take what was read in a frame that the detector did not look at."""
        ended = self._take(shot, read, quads)
        return self._tell(shot, ended, detected=False, recognised=len(read))

    def _take(self, shot: Shot, read: dict[Followed, Place], quads: dict[Followed, Points]) -> list[Track]:
        """Fuse what was read; a text that became another goes on under a new number."""
        ended = []
        for each in list(self._followed):
            each.age += 1
            if each not in read:  # it left the picture
                ended.append(each.track())
                self._followed.remove(each)
                continue
            before = each.track()
            if each.take(shot.frame, quads[each], read[each]) and each.number.kind == "plate":
                ended.append(before)
                each.id, each.age = self._next_id(), 1
        return ended

    def _detect(self, shot: Shot) -> Seen:
        """Look for text, and read both what is found and what is known."""
        self._resize(shot.frame)
        regions = self._find(shot)
        known = self._foretold(shot)
        quads = [each.quad for each, _ in regions] + list(known.values())
        places = self._reader.read_places((shot.frame, quad) for quad in quads)
        own = dict(zip(known, places[len(regions) :], strict=True))
        if _is_broken(own):
            return self._tell(shot, self._take(shot, own, known), detected=True, recognised=len(quads))
        found = self._worth_it(shot, regions, places)
        pairs = match(self._followed, found, shot.number)
        for other, one in pairs.items():
            track = self._followed[one]
            own[track] = track.find(found[other], shot.number, own.get(track))
            known[track] = track.quad
        seen = {self._followed[one] for one in pairs.values()}
        ended = self._take(shot, own, known) + self._end_lost(seen)
        self._begin([each for at, each in enumerate(found) if at not in pairs], shot)
        self._pace.looked()
        return self._tell(shot, ended, detected=True, recognised=len(quads))

    def _find(self, shot: Shot) -> list[tuple[Region, Number]]:
        """What the detector finds, in the frame's pixels, and whose it is, without what was a word just now."""
        coarse = not self._coarse_at <= shot.number < self._coarse_at + COARSE_FRAMES
        self._coarse_at = shot.number if coarse else self._coarse_at
        self._words = [each for each in self._words if each[1] <= shot.number < each[1] + WORD_FRAMES]
        view = self._regions.view(shot.frame)
        regions = (_moved(each, view.offset_xy) for each in self._reader.detect(view.picture, coarse=coarse))
        owned = ((each, self._regions.number_of(each.quad, shot.frame)) for each in regions)
        return [
            (each, number)
            for each, number in owned
            if number is not None and all(overlap(each.quad, word, of="union") < SAME_WORD for word, _ in self._words)
        ]

    def _worth_it(
        self, shot: Shot, regions: Sequence[tuple[Region, Number]], places: Sequence[Place]
    ) -> list[Found]:  # fmt: skip
        """Of the found texts those that are what was asked for, each place once.

        Of several quads around one text the one counts in which the text is likeliest exactly: it is from there that
        frames are fused, and in a quad that takes in a meter's unit another digit can hardly be excluded.
        """
        found = {}
        for (region, number), place in zip(regions, places, strict=False):
            reading = make_reading(region, place.text)
            least = self._reader.min_confidence * (1 if number.region is None else IN_REGION)
            cut = number.kind == "plate" and is_cut(region.quad, shot.frame)
            if not place.text.accepted and not self._is_known(region.quad):
                self._words.append((region.quad, shot.number))
            if place.text.accepted and reading.confidence >= least and not cut:
                exact = replace(reading, confidence=self._letters[number.name].likelihood(place))
                found[id(exact)] = exact, Found(number, region.quad, region.score, place)
        return [found[id(each)][1] for each in without_doubles(reading for reading, _ in found.values())]

    def _begin(self, found: Iterable[Found], shot: Shot) -> None:
        for each in found:
            if not self._is_known(each.quad) and len(self._followed) < MOST_TRACKS:
                track = Followed(each, self._alphabets[each.number.name], shot.frame, shot.number)
                track.id = self._next_id()
                self._followed.append(track)

    def _is_known(self, quad: Points) -> bool:
        return any(overlap(quad, each.shown) >= SAME_PLACE for each in self._followed)

    def _end_lost(self, found: set[Followed]) -> list[Track]:
        for each in set(self._followed) - found:
            each.missed += 0.5 if each.read else 1.0
        lost = [each for each in self._followed if each.lost]
        self._followed = [each for each in self._followed if not each.lost]
        return [each.track() for each in lost]

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _tell(self, shot: Shot, ended: list[Track], *, detected: bool, recognised: int) -> Seen:
        self._pace.take(unsure=any(each.unsure for each in self._followed), looked=detected)
        tracks = tuple(each.track() for each in sorted(self._followed, key=lambda each: each.id))
        return Seen(shot, tracks, tuple(ended), detected, recognised)


def alphabet_of(alphabet: Alphabet, number: Number) -> Alphabet:
    """What a number may consist of: what the reader was asked for, and the number's own pattern.

    Raises:
        AlphabetError: the pattern is none.
    """
    return alphabet if number.pattern is None else alphabet.matching(number.pattern)


def _is_broken(read: Mapping[Followed, Place]) -> bool:
    """Whether no text can be read that could be just before: from such a frame alone nothing is concluded."""
    settled = [(each, place) for each, place in read.items() if each.settled and each.read]
    return bool(settled) and not any(each.is_good(place.text) for each, place in settled)


def _moved(region: Region, offset_xy: Points) -> Region:
    return replace(region, quad=region.quad + offset_xy, characters=region.characters + offset_xy)


def _grown(quad: Points) -> Points:
    grown: Points = quad + np.sign(quad - quad.mean(axis=0)) * np.float32(GROWN * height(quad))
    return grown
