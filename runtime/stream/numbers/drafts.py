"""What the kinds of numbers share: drafts of events, their time, and whether a track is sure."""

from __future__ import annotations

from dataclasses import dataclass

from ...geometry.images import Points
from ...geometry.quads import is_near_edge
from ...text.values import Notation
from ..settings import Number
from ..sources.frames import Shot
from ..tracking.tracks import Track

EDGE = 0.15
"""A text nearer to the edge of the picture than this, of its height, may be cut off."""
CLOCK_SET_S = 60.0
"""Where the time of day goes so far ahead of the monotonic clock, from one frame to the next, it was set."""


@dataclass(frozen=True)
class Draft:
    """An event without its circumstances: when, where and in which stream."""

    track: Track
    text: str
    confidence: float
    """0..1."""
    sure: bool
    value: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Moment:
    """When and in what a frame shows something."""

    second: float
    """By `SteadyClock`."""
    size_hw: tuple[int, int]
    """The frame's, pixels."""
    detected: bool
    """Whether the detector looked at it: other frames show texts in places that were found before."""
    look: int | None = None
    """Which look it is of; None = the camera never rests."""


class SteadyClock:
    """Seconds by the time that frames were taken, which never go back, over restarts neither.

    Where the time of day is set back, or far ahead, the monotonic clock counts.
    """

    def __init__(self, second: float = 0.0, taken_s: float | None = None) -> None:
        """Begin, or go on from what was kept."""
        self.second, self.taken_s = second, taken_s
        self._at_s: float | None = None

    def __call__(self, shot: Shot) -> float:
        """Return the second of a frame."""
        passed = 0.0 if self.taken_s is None else shot.taken_s - self.taken_s
        if self._at_s is not None and not 0 <= passed <= shot.at_s - self._at_s + CLOCK_SET_S:
            passed = shot.at_s - self._at_s
        self.second += max(0.0, passed)
        self.taken_s, self._at_s = shot.taken_s, shot.at_s
        return self.second


@dataclass
class Streak:
    """How many frames said what all frames together say, since these have said so."""

    text: str = ""
    frames: int = 0

    def count(self, track: Track) -> int:
        """Count a frame; return how many agree."""
        if track.fused.text != self.text:
            self.text, self.frames = track.fused.text, 0
        self.frames += track.read and track.text.text == self.text
        return max(self.frames, track.fused.agreeing)


def sure(track: Track, frames: int, number: Number) -> bool:
    """Return whether a track says what was asked for, as surely and as often as was asked for."""
    fused = track.fused
    return fused.accepted and fused.confidence >= number.min_confidence and frames >= number.min_frames


def cut_off(quad: Points, size_hw: tuple[int, int]) -> bool:
    """Return whether a text (4, 2) may go on outside of the picture."""
    low, high = quad.min(axis=0), quad.max(axis=0)
    return is_near_edge(quad, size_hw, EDGE * min(high - low))


def draft_of(track: Track, number: Number, *, sure: bool) -> Draft:
    """Return what a track's frames say together; with its value where the notation makes it one."""
    text = track.fused.text
    return Draft(track, text, track.fused.confidence, sure, Notation(number.decimal, number.thousands).value_of(text))
