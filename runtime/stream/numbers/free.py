"""Numbers in any place, emitted when they change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...geometry.images import Points
from ...geometry.quads import SAME_PLACE, overlap
from ..settings import Number
from ..tracking.tracks import Track
from .drafts import Draft, Moment, Streak, cut_off, draft_of, sure

MOST = 64
"""Places that are remembered."""


@dataclass(eq=False)
class _Place:
    """Where something is read, on one track after the other."""

    quad: Points
    track: int
    emitted: str = ""
    """The text that was emitted last as sure; "" = none."""
    unsure_s: float | None = None
    """Since when it is unsure."""
    emitted_unsure: bool = False
    streak: Streak = field(default_factory=Streak)


class Places:
    """The places of one number: a sure event when what is read there differs from what was emitted there last.

    What is not sure for ``unsure_s`` is emitted as such, once, until it is sure again. A text at the edge of the
    picture may be cut off, and is not sure.
    """

    def __init__(self, number: Number) -> None:
        self._number = number
        self._places: list[_Place] = []

    def update(self, tracks: Sequence[Track], ended: Sequence[Track], moment: Moment) -> list[Draft]:  # noqa: ARG002
        """Return the drafts of a frame's events."""
        alive = {track.id for track in tracks}
        return [draft for track in tracks if (draft := self._look(track, alive, moment))]

    def _look(self, track: Track, alive: set[int], moment: Moment) -> Draft | None:
        place = self._place(track, alive)
        frames = place.streak.count(track)
        if not track.read or not track.fused.accepted:
            return None
        if sure(track, frames, self._number) and not cut_off(track.quad, moment.size_hw):
            place.unsure_s, place.emitted_unsure = None, False
            changed, place.emitted = track.fused.text != place.emitted, track.fused.text
            return draft_of(track, self._number, sure=True) if changed else None
        place.unsure_s = moment.second if place.unsure_s is None else place.unsure_s
        if place.emitted_unsure or not 0 < self._number.unsure_s <= moment.second - place.unsure_s:
            return None
        place.emitted_unsure = True
        return draft_of(track, self._number, sure=False)

    def _place(self, track: Track, alive: set[int]) -> _Place:
        """Return the place of a track; a new track takes over the place of one that is no more."""
        found = next((place for place in self._places if place.track == track.id), None)
        if found is None:
            left = (place for place in reversed(self._places) if place.track not in alive)
            found = next((place for place in left if overlap(place.quad, track.quad) >= SAME_PLACE), None)
        if found is None:
            found = _Place(track.quad, track.id)
        else:
            self._places.remove(found)
        self._places = [*self._places[1 - MOST :], found]
        found.track, found.quad = track.id, track.quad
        return found
