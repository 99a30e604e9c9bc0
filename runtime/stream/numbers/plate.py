"""Numbers that pass by, each emitted once: plates, slabs, bibs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..settings import Number
from ..tracking.tracks import Track
from .drafts import Draft, Moment, Streak, cut_off, draft_of, sure

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
    emitted: bool = False
    emitted_unsure: bool = False


class Plates:
    """The plates of one number: a sure event once a track.

    It is emitted as soon as it is sure, and not again if it is read better later. A track that stays unsure is emitted
    as such after ``unsure_s`` or at its end, once, and may still become sure then. There is no event of a text that was
    never wholly in the picture, or in fewer than ``min_frames`` frames; nor of the same plate again within ``AGAIN_S``,
    or an unsure part of it.
    """

    def __init__(self, number: Number) -> None:
        self._number = number
        self._passing: dict[int, _Passing] = {}
        self._seen: dict[str, float] = {}

    def update(self, tracks: Sequence[Track], ended: Sequence[Track], moment: Moment) -> list[Draft]:
        """Return the drafts of a frame's events."""
        drafts = [draft for track in tracks if (draft := self._look(track, moment))]
        return drafts + [draft for track in ended if (draft := self._end(track, moment.second))]

    def close(self, tracks: Sequence[Track], moment: Moment) -> list[Draft]:
        """Return the drafts of what is still open at the end, of the last frame's tracks."""
        return [draft for track in tracks if (draft := self._end(track, moment.second))]

    def _look(self, track: Track, moment: Moment) -> Draft | None:
        passing = self._passing.setdefault(track.id, _Passing(moment.second))
        frames, cut = passing.streak.count(track), cut_off(track.quad, moment.size_hw)
        passing.cut = cut or (passing.cut and not (moment.detected and track.read))
        passing.whole += track.read and not passing.cut
        if passing.emitted:
            self._remember(track.fused.text, moment.second)
        elif track.read and not passing.cut and sure(track, frames, self._number):
            passing.emitted, again = True, self._again(track.fused.text, moment.second)
            self._remember(track.fused.text, moment.second)
            return None if again else draft_of(track, self._number, sure=True)
        elif 0 < self._number.unsure_s <= moment.second - passing.since_s:
            return self._unsure(track, passing, moment.second)
        return None

    def _end(self, track: Track, second: float) -> Draft | None:
        passing = self._passing.pop(track.id, None)
        return None if passing is None or passing.emitted else self._unsure(track, passing, second)

    def _unsure(self, track: Track, passing: _Passing, second: float) -> Draft | None:
        text = track.fused.text
        seen = any(text in plate and self._again(plate, second) for plate in self._seen)
        few = passing.whole < self._number.min_frames
        if passing.emitted_unsure or few or seen or not self._number.unsure_s or not track.fused.accepted:
            return None
        passing.emitted_unsure = True
        return draft_of(track, self._number, sure=False)

    def _again(self, text: str, second: float) -> bool:
        return second - self._seen.get(text, -AGAIN_S) < AGAIN_S

    def _remember(self, text: str, second: float) -> None:
        self._seen.pop(text, None)
        self._seen[text] = second
        for known in (self._seen, self._passing):
            if len(known) > MOST:
                known.pop(next(iter(known)))  # type: ignore[call-overload] # of either's own keys
