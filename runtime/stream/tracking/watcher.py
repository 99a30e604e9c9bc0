"""Frames → what is read in them: detect rarely, recognize often."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from ...errors import BundleError
from ...geometry.heatmaps import Region
from ...geometry.images import Frame, Points
from ...geometry.quads import SAME_PLACE, height, inside, overlap
from ...reader import Reader, make_reading, without_doubles
from ...recognizer import Place
from ...text.alphabets import Alphabet
from ..settings import Detection, Number, Polygon
from ..sources.frames import Shot
from .reduced_alphabet import ReducedAlphabet
from .regions import Regions
from .schedule import Schedule
from .tracks import Followed, Found, Track, is_cut, match
from .wheels import Wheels

COARSE_FRAMES = 5
"""The detector's looks at smaller pictures are left out when there were some less than so many frames ago."""
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
    recognized: int
    """Crops of it that the recognizer read."""


class Watcher:
    """Watches the frames of one camera."""

    def __init__(
        self, reader: Reader, detection: Detection, numbers: Sequence[Number], masks: Sequence[Polygon] = ()
    ) -> None:
        """Begin to watch.

        Args:
            reader: what finds and reads.
            detection: when the detector looks.
            numbers: what to read; at least one.
            masks: parts of the picture, shares of its width and height, that are never looked at.

        Raises:
            AlphabetError: a number's pattern is none.
            BundleError: the reader has no detector.
        """
        if "detector" not in reader.sessions:
            raise BundleError("expected a bundle with a detector, got one without; a camera needs both networks")
        self.reader = reader
        self._regions, self._schedule = Regions(numbers, masks), Schedule(detection)
        self._alphabets = {number.name: alphabet_of(reader.alphabet, number) for number in numbers}
        self._symbols = {name: ReducedAlphabet(alphabet) for name, alphabet in self._alphabets.items()}
        self._wheels = {
            number.name: Wheels(number.digits - number.tenths, tenths=number.tenths)
            for number in numbers
            if number.wheels
        }
        self._followed: list[Followed] = []
        self._look_at: int | None = None
        self._last_id = 0
        self._size_hw: tuple[int, int] | None = None
        self._coarse_at = -COARSE_FRAMES
        self._words: list[tuple[Points, int]] = []

    def look(self, shots: Sequence[Shot]) -> list[Seen]:
        """Return what is seen in frames, in their order. Known places of all of them are read in one batch.

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
        places = [_grown(track.shown) - view.offset_xy for track in self._followed if track.read and track.stands]
        due = self._schedule.is_due(view.picture, [*places, *view.masks])
        return due or self._size_hw != frame.shape[:2]

    def _resize(self, frame: Frame) -> None:
        if self._size_hw not in {None, frame.shape[:2]}:
            scale_xy = (np.array(frame.shape[1::-1]) / self._size_hw[::-1]).astype(np.float32)
            for track in self._followed:
                track.resize(scale_xy)
        self._size_hw = frame.shape[0], frame.shape[1]

    def _read(self, shots: Sequence[Shot]) -> list[Seen]:
        """Read what is followed in all of these frames, in one batch."""
        known = [self._expected(shot) for shot in shots]
        batch = [(shot.frame, quad) for shot, places in zip(shots, known, strict=True) for quad in places.values()]
        read = iter(self.reader.read_places(batch) if batch else ())
        return [
            self._seen(shot, dict(zip(places, islice(read, len(places)), strict=True)), places)
            for shot, places in zip(shots, known, strict=True)
        ]

    def _expected(self, shot: Shot) -> dict[Followed, Points]:
        size_hw = shot.frame.shape[0], shot.frame.shape[1]
        places = ((track, inside(track.expected(shot.number), size_hw)) for track in self._followed)
        return {track: quad for track, quad in places if quad is not None}

    def _seen(self, shot: Shot, read: dict[Followed, Place], quads: dict[Followed, Points]) -> Seen:
        """Take what was read in a frame that the detector did not look at."""
        ended = self._take(shot, read, quads)
        return self._result(shot, ended, detected=False, recognized=len(read))

    def _take(self, shot: Shot, read: dict[Followed, Place], quads: dict[Followed, Points]) -> list[Track]:
        """Fuse what was read, and return what ended; a text that became another goes on under a new number."""
        ended = []
        if shot.look != self._look_at:  # what was seen in an earlier look says nothing of now
            self._look_at = shot.look
            for track in self._followed:
                track.fuser.anew = True
        for track in list(self._followed):
            track.age += 1
            if track not in read:  # it left the picture
                ended.append(track.track())
                self._followed.remove(track)
                continue
            before = track.track()
            if track.take(shot.frame, quads[track], read[track]) and track.number.kind == "plate":
                ended.append(before)
                track.id, track.age = self._next_id(), 1
        return ended

    def _detect(self, shot: Shot) -> Seen:
        """Look for text, and read both what is found and what is known."""
        self._resize(shot.frame)
        regions = self._find(shot)
        known = self._expected(shot)
        quads = [region.quad for region, _ in regions] + list(known.values())
        places = self.reader.read_places((shot.frame, quad) for quad in quads)
        own = dict(zip(known, places[len(regions) :], strict=True))
        if _is_broken(own):
            return self._result(shot, self._take(shot, own, known), detected=True, recognized=len(quads))
        found = self._worth_it(shot, regions, places)
        pairs = match(self._followed, found, shot.number)
        for other, one in pairs.items():
            track = self._followed[one]
            own[track] = track.find(found[other], shot.number, own.get(track))
            known[track] = track.quad
        seen = {self._followed[one] for one in pairs.values()}
        ended = self._take(shot, own, known) + self._end_lost(seen)
        self._begin([text for at, text in enumerate(found) if at not in pairs], shot)
        self._schedule.looked()
        return self._result(shot, ended, detected=True, recognized=len(quads))

    def _find(self, shot: Shot) -> list[tuple[Region, Number]]:
        """Return what the detector finds, in frame pixels, and whose it is, without what was a word just now."""
        coarse = not self._coarse_at <= shot.number < self._coarse_at + COARSE_FRAMES
        self._coarse_at = shot.number if coarse else self._coarse_at
        self._words = [(word, at) for word, at in self._words if at <= shot.number < at + WORD_FRAMES]
        view = self._regions.view(shot.frame)
        regions = (_moved(region, view.offset_xy) for region in self.reader.detect(view.picture, coarse=coarse))
        owned = ((region, self._regions.number_of(region.quad, shot.frame)) for region in regions)
        return [
            (region, number)
            for region, number in owned
            if number is not None and all(overlap(region.quad, word, of="union") < SAME_WORD for word, _ in self._words)
        ]

    def _worth_it(
        self, shot: Shot, regions: Sequence[tuple[Region, Number]], places: Sequence[Place]
    ) -> list[Found]:  # fmt: skip
        """Return those of the found texts that are what was asked for, each place once.

        Of several quads around one text the one counts in which the text is likeliest exactly: it is from there that
        frames are fused, and in a quad that takes in a meter's unit another digit can hardly be excluded.
        """
        found = {}
        for (region, number), place in zip(regions, places, strict=False):
            reading = make_reading(region, place.text)
            least = self.reader.min_confidence * (1 if number.region is None else IN_REGION)
            cut = number.kind == "plate" and is_cut(region.quad, shot.frame)
            if not place.text.accepted and not self._is_known(region.quad):
                self._words.append((region.quad, shot.number))
            if place.text.accepted and reading.confidence >= least and not cut:
                exact = replace(reading, confidence=self._symbols[number.name].likelihood(place))
                found[id(exact)] = exact, Found(number, region.quad, region.score, place)
        return [found[id(reading)][1] for reading in without_doubles(reading for reading, _ in found.values())]

    def _begin(self, found: Iterable[Found], shot: Shot) -> None:
        for text in found:
            if not self._is_known(text.quad) and len(self._followed) < MOST_TRACKS:
                name = text.number.name
                track = Followed(text, self._alphabets[name], shot.frame, shot.number, self._wheels.get(name))
                track.id = self._next_id()
                self._followed.append(track)

    def _is_known(self, quad: Points) -> bool:
        return any(overlap(quad, track.shown) >= SAME_PLACE for track in self._followed)

    def _end_lost(self, found: set[Followed]) -> list[Track]:
        for track in set(self._followed) - found:
            track.missed += 0.5 if track.read else 1.0
        lost = [track for track in self._followed if track.lost]
        self._followed = [track for track in self._followed if not track.lost]
        return [track.track() for track in lost]

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _result(self, shot: Shot, ended: list[Track], *, detected: bool, recognized: int) -> Seen:
        self._schedule.take(unsure=any(track.unsure for track in self._followed), looked=detected)
        tracks = tuple(track.track() for track in sorted(self._followed, key=lambda track: track.id))
        return Seen(shot, tracks, tuple(ended), detected, recognized)


def alphabet_of(alphabet: Alphabet, number: Number) -> Alphabet:
    """Return what a number may consist of: what the reader was asked for, and the number's own pattern.

    Raises:
        AlphabetError: the pattern is none.
    """
    return alphabet if number.pattern is None else alphabet.matching(number.pattern)


def _is_broken(read: Mapping[Followed, Place]) -> bool:
    """Return whether no text can be read that could be just before: from such a frame alone nothing is concluded."""
    settled = [(track, place) for track, place in read.items() if track.settled and track.read]
    return bool(settled) and not any(track.is_good(place.text) for track, place in settled)


def _moved(region: Region, offset_xy: Points) -> Region:
    return replace(region, quad=region.quad + offset_xy, characters=region.characters + offset_xy)


def _grown(quad: Points) -> Points:
    grown: Points = quad + np.sign(quad - quad.mean(axis=0)) * np.float32(GROWN * height(quad))
    return grown
