"""A counter's readings, emitted when its value changes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..settings import Number
from ..tracking.tracks import Track, digits_and_letters
from .counter import Counter, Verdict
from .drafts import Draft, Moment
from .steps import LIKELY, figure, step

LOOKS = 3
"""With looks now and then: so many of them must pass without a value that is believed before that is told."""
Alternatives = Sequence[tuple[str, float]]


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
        self._looks = 0, 0
        """The first look in a row of which nothing was believed, and the last one."""
        self._emitted_unsure = False
        self.doubt = ""
        """Why nothing is believed any more, once that was emitted; "" = something is."""

    def update(self, tracks: Sequence[Track], ended: Sequence[Track], moment: Moment) -> list[Draft]:  # noqa: ARG002
        """Return the drafts of a frame's events."""
        self.same = None
        track = self._choose([track for track in tracks if track.read or track.wheels], moment.second)
        if track is None:
            return []
        alternatives, agreeing = self._reading(track, moment)
        if not alternatives:
            between = Verdict(track.fused.text, track.fused.confidence, "unsure", None, "wheels between two digits")
            return self._unsure(track, between, moment)
        verdict = self.counter.look(alternatives, agreeing, moment.second, moment.look)
        if verdict.outcome == "unsure":
            return self._unsure(track, verdict, moment)
        self._unsure_s, self._emitted_unsure, self.doubt = None, False, ""
        self.same = Draft(track, verdict.text, verdict.confidence, True, verdict.value, verdict.note)
        return [self.same] if verdict.outcome == "changed" else []

    def _reading(self, track: Track, moment: Moment) -> tuple[Alternatives, int]:
        """Return what a frame shows, and how many frames agree; nothing where its wheels cannot be told.

        Frames that say the same count together. Wheels, and what is looked at now and then, may show another value in
        each frame: then the frame counts by itself, wheels also where they are surer than all frames together.
        """
        fused, own = track.fused, (track.text.text, track.text.confidence)
        alternatives: Alternatives = fused.alternatives
        if self._number.wheels:
            if track.wheels is None:
                return (), 0
            own = track.wheels.text, track.wheels.confidence
            alternatives = [(digits_and_letters(text), chance) for text, chance in fused.alternatives]
        together = moment.look is None and not self._number.wheels
        same = own[0] == alternatives[0][0] and (own[1] <= alternatives[0][1] or not self._number.wheels)
        return (alternatives, fused.agreeing) if together or same else ([own], 1)

    def _choose(self, tracks: Sequence[Track], second: float) -> Track | None:
        """Return the meter's text: the tallest that has the right number of digits and may follow on the last value."""
        last = self.counter.last
        digits = self._number.digits or (last.digits if last else 0)

        def rank(track: Track) -> tuple[bool, bool, float]:
            text = track.wheels.text if track.wheels else track.fused.text
            read, how = figure(text, self._number), step(text, last, self._number, second, 0.0)
            height = float(np.linalg.norm(track.quad[3] - track.quad[0]))
            return read is not None and digits in {0, read.digits}, how in LIKELY, height

        return max(tracks, key=rank, default=None)

    def _unsure(self, track: Track, verdict: Verdict, moment: Moment) -> list[Draft]:
        """Emit it after ``unsure_s`` of frames that were read but not believed, and ``LOOKS`` if there are such."""
        limit, since, second, look = self._number.unsure_s, self._unsure_s, moment.second, moment.look
        first, last = self._looks
        if since is None or (second - self._looked_s > limit if look is None else look > last + 1):
            self._unsure_s, first = second, look or 0
            since = second
        self._looked_s, self._looks = second, (first, look or 0)
        early = look is not None and look < first + LOOKS
        if self._emitted_unsure or early or not 0 < limit <= second - since:
            return []
        self._emitted_unsure, self.doubt = True, verdict.note or "unsure"
        return [Draft(track, verdict.text, verdict.confidence, False, None, verdict.note)]
