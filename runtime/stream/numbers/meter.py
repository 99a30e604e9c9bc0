"""A counter's readings, emitted when its value changes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..settings import Number
from ..tracking.tracks import Track
from .counter import Counter, Verdict
from .drafts import Draft, Moment
from .steps import LIKELY, figure, step


class Meter:
    """The meter of one number, over tracks and restarts: a sure event when its value changes.

    What is not believed is never a value; when nothing was for ``unsure_s`` it is emitted once as unsure, with why.
    """

    def __init__(self, number: Number) -> None:
        self._number = number
        self.counter = Counter(number)
        self.same: Draft | None = None
        """What this frame confirmed, or changed to."""
        self._unsure_s: float | None = None
        self._looked_s = 0.0
        self._emitted_unsure = False

    def update(self, tracks: Sequence[Track], ended: Sequence[Track], moment: Moment) -> list[Draft]:  # noqa: ARG002
        """Return the drafts of a frame's events."""
        self.same = None
        track = self._choose([track for track in tracks if track.read], moment.second)
        if track is None:
            return []
        verdict = self.counter.look(track.fused.alternatives, track.fused.agreeing, moment.second)
        if verdict.outcome == "unsure":
            return self._unsure(track, verdict, moment.second)
        self._unsure_s, self._emitted_unsure = None, False
        self.same = Draft(track, verdict.text, verdict.confidence, True, verdict.value, verdict.note)
        return [self.same] if verdict.outcome == "changed" else []

    def _choose(self, tracks: Sequence[Track], second: float) -> Track | None:
        """Return the meter's text: the tallest that has the right number of digits and may follow on the last value."""
        last = self.counter.last
        digits = self._number.digits or (last.digits if last else 0)

        def rank(track: Track) -> tuple[bool, bool, float]:
            text = track.fused.text
            read, how = figure(text, self._number), step(text, last, self._number, second, 0.0)
            height = float(np.linalg.norm(track.quad[3] - track.quad[0]))
            return read is not None and digits in {0, read.digits}, how in LIKELY, height

        return max(tracks, key=rank, default=None)

    def _unsure(self, track: Track, verdict: Verdict, second: float) -> list[Draft]:
        """Emit it after ``unsure_s`` of frames that were read but not believed."""
        limit, since = self._number.unsure_s, self._unsure_s
        if since is None or second - self._looked_s > limit:
            self._unsure_s = since = second
        self._looked_s = second
        if self._emitted_unsure or not 0 < limit <= second - since:
            return []
        self._emitted_unsure = True
        return [Draft(track, verdict.text, verdict.confidence, False, None, verdict.note)]
