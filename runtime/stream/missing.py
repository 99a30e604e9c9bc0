"""Numbers of which nothing was ever read: that is said, until something is."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from .numbers.drafts import SteadyClock
from .settings import Number
from .sources.trouble import Trouble
from .tracking.watcher import Seen

MISSING_S, LOOKS = 60.0, 3
"""After so long, and so many looks of the detector, a number is missing of which nothing was read yet."""
FOUND = 0.5
"""A text is the number, and no texture, from this confidence on; or if it had an event."""


class Missing:
    """Watches for numbers that should be there all the time: counters, and what has a region, but no plates."""

    def __init__(self, numbers: Sequence[Number]) -> None:
        self._steady, self._began_s, self._looks = SteadyClock(), -1.0, 0
        self._expected = {
            number.name: "its region" if number.region else "the picture"
            for number in numbers
            if number.kind == "counter" or (number.kind == "free" and number.region)
        }
        self._troubles = {name: Trouble() for name in self._expected}

    def take(self, seen: Seen, told: Collection[str]) -> None:
        """Count a frame, and the names of the numbers that had an event with it."""
        if not self._expected:
            return
        second = self._steady(seen.shot)
        self._began_s = second if self._began_s < 0 else self._began_s
        self._looks += seen.detected
        found = {track.name for track in seen.tracks if track.read and track.fused.confidence >= FOUND}
        for name in found.union(told) & self._expected.keys():
            del self._expected[name]
            self._troubles.pop(name).over(f"{name}: was found")
        if second - self._began_s >= MISSING_S and self._looks >= LOOKS:
            for name, where in self._expected.items():
                fix = "see on the live page, under Set up, where it is looked for; look at light and sharpness"
                self._troubles[name].say(f"{name}: nothing was ever read in {where}; {fix}")

    @property
    def never(self) -> list[str]:
        """Names of all of which nothing was read so far."""
        return list(self._expected)

    @property
    def said(self) -> dict[str, str]:
        """What is to be said of those that are missing, by their names; any thread may ask."""
        return {name: trouble.line for name, trouble in list(self._troubles.items()) if trouble.line}
