"""Numbers that pass by, each told once: plates, slabs, bibs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..settings import Number
from ..tracking.tracks import Track
from .emitter import Moment, Streak, Told, cut_off, sure, told_of

AGAIN_S = 10.0
"""A text that is seen again so soon, on another track, is the same plate."""
MOST = 256
"""Tracks and plates that are remembered."""


@dataclass
class _Passing:
    """What is known of a track."""

    since_s: float
    streak: Streak = field(default_factory=Streak)
    cut: bool = True
    """Whether the picture's edge may have cut it off when it was last found."""
    whole: int = 0
    """Frames in which it was read and was not cut off."""
    told: bool = False
    told_unsure: bool = False


class Plates:
    """The plates of one number: a sure event once a track.

    It is told as soon as it is sure; what would be read better later is not told again. A track that stays unsure is
    told as such after ``unsure_s`` or at its end, once, and may still become sure then. A text that was never wholly in
    the picture, or in fewer than ``min_frames`` frames, is not told; nor is the same plate again within ``AGAIN_S``, or
    an unsure part of it.
    """

    def __init__(self, number: Number) -> None:
        self._number = number
        self._passing: dict[int, _Passing] = {}
        self._seen: dict[str, float] = {}

    def tell(self, tracks: Sequence[Track], ended: Sequence[Track], moment: Moment) -> list[Told]:
        """What is worth telling of a frame's tracks."""
        told = [each for track in tracks if (each := self._look(track, moment))]
        return told + [each for track in ended if (each := self._end(track, moment.second))]

    def close(self, tracks: Sequence[Track], moment: Moment) -> list[Told]:
        """What is still open at the end, of the last frame's tracks."""
        return [each for track in tracks if (each := self._end(track, moment.second))]

    def _look(self, track: Track, moment: Moment) -> Told | None:
        passing = self._passing.setdefault(track.id, _Passing(moment.second))
        frames, cut = passing.streak.count(track), cut_off(track.quad, moment.size_hw)
        passing.cut = cut or (passing.cut and not (moment.detected and track.read))
        passing.whole += track.read and not passing.cut
        if passing.told:
            self._remember(track.fused.text, moment.second)
        elif track.read and not passing.cut and sure(track, frames, self._number):
            passing.told, again = True, self._again(track.fused.text, moment.second)
            self._remember(track.fused.text, moment.second)
            return None if again else told_of(track, self._number, sure=True)
        elif 0 < self._number.unsure_s <= moment.second - passing.since_s:
            return self._unsure(track, passing, moment.second)
        return None

    def _end(self, track: Track, second: float) -> Told | None:
        passing = self._passing.pop(track.id, None)
        return None if passing is None or passing.told else self._unsure(track, passing, second)

    def _unsure(self, track: Track, passing: _Passing, second: float) -> Told | None:
        text = track.fused.text
        seen = any(text in each and self._again(each, second) for each in self._seen)
        few = passing.whole < self._number.min_frames
        if passing.told_unsure or few or seen or not self._number.unsure_s or not track.fused.accepted:
            return None
        passing.told_unsure = True
        return told_of(track, self._number, sure=False)

    def _again(self, text: str, second: float) -> bool:
        return second - self._seen.get(text, -AGAIN_S) < AGAIN_S

    def _remember(self, text: str, second: float) -> None:
        self._seen.pop(text, None)
        self._seen[text] = second
        for known in (self._seen, self._passing):
            if len(known) > MOST:
                known.pop(next(iter(known)))  # type: ignore[call-overload] # of either's own keys
