"""Places of text that are followed from frame to frame."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ...geometry.images import Frame, Points, cut_quad
from ...geometry.quads import height, is_near_edge, overlap, shift
from ...reader import LONE_POWER
from ...recognizer import Place
from ...text.alphabets import Alphabet
from ...text.decoding import Text
from ..settings import Number
from .fusion import Fused, Fuser
from .wheels import Said, Wheels

STILL = 0.25
"""A text whose found place moved less than this, of its height, has not moved."""
EDGE = 0.25
"""A plate so near the picture's edge, of its height, may be cut off, and is not read."""
BEST_PX = 512
"""Longest side of a track's best picture."""
MOST_FRAMES = {"plate": 32, "counter": 8, "free": 8}
"""Frames that are fused, by the kind of number: a plate's text stays as it is, the others' may change."""
GROWN = 0.35
"""Nor has one whose height changed by less than this share become larger or smaller."""
FAR, LONG = 12.0, 3
"""Between two looks a text may move so many times its own height, if it has so many characters and says the same, or a
part of it: it may come into the picture or leave it."""
SAME_PLACE = 0.3
"""Share of the smaller one's area that a track's and a found place have in common."""
LOOKS, AGREE = 5, 2
"""A still text's place is the one in which so many of so many looks read the most digits and letters: a detector cuts
off a digit now and then, or adds a speck."""
CLEARER = 0.5
"""Of two quads around a still text with the same digits, the one that leaves less than this share of the other's doubt
takes its place: one that takes in a meter's unit, say, can hardly exclude another digit, or cuts a point in two."""
BROKEN = 0.5
"""A frame whose confidence is less than this share of the track's usual one is not fused."""
USUAL = 0.1
"""Share of a new frame's confidence in the usual one."""
MOST_MISSED = 5.0
"""A track ends after so many looks that missed it; looks that missed it while it is still read well count half."""
FEW_FRAMES, MOST_MISSED_EARLY = 3, 2.0
"""One that was read in fewer frames ends sooner."""
SLOW_FRAMES = 5
"""A text that does not move in so many frames, or from look to look, stands still."""
MOST_COASTED = 15
"""Frames for which a moving text's place is extrapolated."""
AS_SURE, SHARPER, SHARP_FRAMES = 0.02, 1.1, 5
"""Among pictures about as sure, one that is sharper by this factor is better; every so many frames one is looked at."""


@dataclass(frozen=True)
class Track:
    """A text that is followed, as of one frame."""

    id: int
    """From 1, rising; the same text in the same place keeps it."""
    name: str
    """The number's that it belongs to."""
    quad: Points
    """(4, 2) float32 corners x, y, frame pixels, clockwise from the text's top left."""
    fused: Fused
    """What its frames say together."""
    text: Text
    """What this frame says by itself; of a frame in which it was not read, the last one that was."""
    read: bool
    """Whether it was read in this frame, and well enough to count: a broken or blurred frame does not."""
    age: int
    """Frames since it was found, this one too."""
    best: Frame
    """The best picture of what it says now, (H, W, 3) uint8 BGR, upright."""
    wheels: Said | None = None
    """What a meter's wheels say in this frame; None = it cannot be told, or the number is on no wheels."""


@dataclass(frozen=True)
class Found:
    """A text that the detector found and the recognizer read."""

    number: Number
    """Whose it is."""
    quad: Points
    """(4, 2) float32, frame pixels."""
    score: float
    """The detector's, 0..1."""
    place: Place
    """What is read there."""


class Followed:
    """A text that is being followed: what changes of it."""

    def __init__(
        self, found: Found, alphabet: Alphabet, frame: Frame, at: int, wheels: Wheels | None = None
    ) -> None:  # fmt: skip
        """Begin to follow a text that was found in the frame (H, W, 3) uint8 BGR of this number, perhaps on wheels."""
        self._wheels = wheels
        self.said = None if wheels is None else wheels.read(frame, found.quad, found.place.text)
        self.id, self.number = 0, found.number
        self.quad, self.velocity, self.found_at = found.quad, np.zeros(2, np.float32), at
        self.shown = found.quad
        self.score, self.missed, self.age = found.score, 0.0, 1
        self.fuser = Fuser(
            alphabet, found.place, most=MOST_FRAMES[found.number.kind], newest=found.number.kind != "plate"
        )
        self.text = found.place.text
        self.read, self._usual = True, self.text.confidence
        self._looks = deque([found], maxlen=LOOKS)
        self._length, self._grows = length(self.text), False
        self.best, self._sharpness = straightened(frame, self.quad), 0.0
        self._best_text, self._best_confidence = self.text.text, self.text.confidence

    def track(self) -> Track:
        """Return it as it is now."""
        fused = self.fuser.fused
        if len(fused.text) == 1:
            fused = replace(fused, confidence=fused.confidence * self.score**LONE_POWER)
        return Track(self.id, self.number.name, self.shown, fused, self.text, self.read, self.age, self.best, self.said)

    @property
    def unsure(self) -> bool:
        """Whether the detector should look again: it was not read, or with another number of characters."""
        return not self.read or self._grows or len(self.text.text) != len(self.fuser.fused.text)

    @property
    def lost(self) -> bool:
        """Whether it was missed too often."""
        return self.missed >= (MOST_MISSED if self.settled else MOST_MISSED_EARLY)

    @property
    def stands(self) -> bool:
        """Whether it does not move."""
        return not self.velocity.any()

    @property
    def settled(self) -> bool:
        """Whether it was read in more than a few frames."""
        return self.fuser.fused.frames > FEW_FRAMES

    def expected(self, at: int) -> Points:
        """Return where it should be in the frame of this number."""
        quad: Points = self.quad + self.velocity * np.float32(min(max(at - self.found_at, 0), MOST_COASTED))
        return quad

    def resize(self, scale_xy: Points) -> None:
        """Move to frames of another size: (2,) new pixels for each old one."""
        self.quad, self.shown, self.velocity = self.quad * scale_xy, self.shown * scale_xy, self.velocity * scale_xy
        self._looks.clear()

    def take(self, frame: Frame, quad: Points, place: Place) -> bool:
        """Take what was read in a frame, unless that is broken or blurred; return whether it is another text now."""
        self.shown = quad
        self.said = None if self._wheels is None else self._wheels.read(frame, quad, place.text)
        self.read = self.is_good(place.text) and not (self.number.kind == "plate" and is_cut(quad, frame))
        self._usual += USUAL * (place.text.confidence - self._usual) if place.text.accepted else 0.0
        if not self.read:
            return False
        self.text = place.text
        changed = self.fuser.add(place)
        if self.text.text == self.fuser.fused.text:
            self._keep_best(frame, quad)
        return changed

    def is_good(self, text: Text) -> bool:
        """Return whether what a frame says counts."""
        return text.accepted and text.confidence >= BROKEN * self._usual

    def find(self, found: Found, at: int, own: Place | None) -> Place:
        """Move it to where the detector found it, if it moved; return which place to take.

        Args:
            found: what was found.
            at: the frame's number.
            own: what is read where it was expected, if that lies in the frame.
        """
        before = self.expected(at)
        moved = shift(before, found.quad, STILL if self.stands else 0.0)
        since = max(at - self.found_at, 1)
        grown = abs(height(found.quad) / max(height(before), 1e-6) - 1) > GROWN
        still = self.stands and not (moved.any() or grown)
        self.missed, self.score = 0.0, max(self.score, found.score)
        self.found_at = at
        if still and own is not None and self.is_good(own.text):
            return self._choose(found, own)
        velocity = (moved + self.velocity * min(since, MOST_COASTED)) / np.float32(since)
        slow = float(np.abs(velocity).max()) * max(since, SLOW_FRAMES) < STILL * height(found.quad)
        self.velocity = np.zeros(2, np.float32) if slow else velocity.astype(np.float32)
        self._settle(found)
        self._looks.clear()
        return found.place

    def _choose(self, found: Found, own: Place) -> Place:
        """Return what to take at a still text's place: the longest text on which looks agree, or a clearer one."""
        if found.place.text.accepted:
            self._looks.append(found)
        votes = Counter(length(look.place.text) for look in self._looks)
        longest = max((count for count, looks in votes.items() if looks >= AGREE), default=self._length)
        self._grows = longest == self._length < length(found.place.text)
        if longest == self._length:
            if not self._is_clearer(found.place, own):
                return own
            self._settle(found)
            return found.place
        alike = [look for look in self._looks if length(look.place.text) == longest]
        best = max(alike, key=lambda look: look.place.text.confidence)
        self._settle(best)
        return found.place if best is found else own

    def _is_clearer(self, place: Place, own: Place) -> bool:
        if digits_and_letters(place.text.text) != digits_and_letters(own.text.text):
            return False
        doubt, before = (1 - self.fuser.likelihood(seen) for seen in (place, own))
        return doubt < CLEARER * before

    def _settle(self, found: Found) -> None:
        self.quad, self._length, self._grows = found.quad, length(found.place.text), False

    def _keep_best(self, frame: Frame, quad: Points) -> None:
        """Keep a picture of what it says: of one text the most certain, and of those the sharpest."""
        anew = self.text.text != self._best_text
        better = 0.0 if anew else self.text.confidence - self._best_confidence
        if not anew and better <= AS_SURE and (better < -AS_SURE or self.age % SHARP_FRAMES):
            return
        picture = straightened(frame, quad)
        sharpness = float(cv2.Laplacian(picture, cv2.CV_16S).std())
        if anew or better > AS_SURE or sharpness > SHARPER * self._sharpness:
            self.best, self._sharpness = picture, sharpness
            self._best_text, self._best_confidence = self.text.text, self.text.confidence


def straightened(frame: Frame, quad: Points) -> Frame:
    """Return a quad of a frame as an upright picture (H, W, 3) of about its size, at most ``BEST_PX`` wide or high."""
    wide = max(math.dist(quad[0], quad[1]), math.dist(quad[3], quad[2]), 1.0)
    high = max(math.dist(quad[0], quad[3]), math.dist(quad[1], quad[2]), 1.0)
    scale = min(BEST_PX / max(wide, high), 1.0)
    picture = np.empty((max(round(high * scale), 1), max(round(wide * scale), 1), 3), np.uint8)
    cut_quad(frame, quad, picture, keep_ratio=False)
    return picture


def is_cut(quad: Points, frame: Frame) -> bool:
    """Return whether a quad touches the frame's edge, so that a part of a passing text may be outside."""
    return is_near_edge(quad, (frame.shape[0], frame.shape[1]), EDGE * height(quad))


def digits_and_letters(text: str) -> str:
    """Return a text's digits and letters: a point may be a speck, or cut off."""
    return "".join(filter(str.isalnum, text))


def length(text: Text) -> int:
    """Return how many digits and letters a text has."""
    return len(digits_and_letters(text.text))


def match(followed: Sequence[Followed], found: Sequence[Found], at: int) -> dict[int, int]:
    """Return which found text is which followed one: place in ``found`` → place in ``followed``, at most once.

    First come those whose boxes share most; then those that say the same and are not too far away.
    """
    places = [track.expected(at) for track in followed]
    near = []
    for one, track in enumerate(followed):
        for other, text in enumerate(found):
            if track.number is text.number and (rank := _alike(track, places[one], text)) is not None:
                near.append((rank, other, one))
    pairs: dict[int, int] = {}
    for _, other, one in sorted(near, reverse=True):
        if other not in pairs and one not in pairs.values():
            pairs[other] = one
    return pairs


def _alike(track: Followed, place: Points, found: Found) -> float | None:
    """Return how well they fit: their IoU, 0..1; below 0 where only the text is the same; None = not."""
    if overlap(place, found.quad) >= SAME_PLACE:
        return overlap(place, found.quad, of="union")
    away = float(np.linalg.norm(place.mean(0) - found.quad.mean(0))) / max(height(place), 1.0)
    shorter, longer = sorted((track.fuser.fused.text, found.place.text.text), key=len)
    same = len(shorter) >= LONG and shorter in longer
    return -away if same and away < FAR else None
