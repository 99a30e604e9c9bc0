"""One meter's value over time: which readings of a counter are believed."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from ...text.alphabets import GAP
from ...text.values import GROUPS
from ..settings import Number
from .steps import LAG_S, LIKELY, UNLIKELY, Figure, Last, Step, figure, step

FIRST_TIMES, FIRST_S = 5, 5.0
"""The first value of all needs so many times ``min_frames`` and so many seconds, if it does not rise."""
HISTORY = 8
"""Values of the past, for the rate and ``max_rate``."""
RECENT = 9
"""Readings of the past, for the rate."""
MOST_VALUES = 64
"""Values of the past whose frames are counted."""
SAME_DIGITS = 0.05
"""Of texts that differ by the point only, the one with the last value's point is taken from this share of theirs."""
STEADY, FASTER = 1.5, 3.0
"""From look to look: what rises no faster than so many times the rate of late is believed at once; what rises no more
than so many times as fast as to the look before confirms that one."""
STOPS = 3.0
"""A meter stands that has not changed for so many times its usual time."""
WITHOUT_POINTS = str.maketrans("", "", GROUPS + GAP)
CHANGED: frozenset[Step] = frozenset({"falls", "slips", "too fast", "another form"})
"""Steps that no meter makes that stays the same."""


@dataclass(frozen=True)
class Series:
    """Readings in a row that differ from the value that is believed, but not from each other: they never fall."""

    now: Figure
    step: Step
    frames: int
    same: int
    """The last of them that say the same."""
    since_s: float
    at_s: float
    moves: int = 0
    """How often it rose by one, from a value that enough frames said."""
    rate: float = 0.0
    """Units a second by which it rose from the look before; 0 = there was none."""


@dataclass(frozen=True)
class Verdict:
    """What a frame says about the meter."""

    text: str
    confidence: float
    """How likely it is right, given what may follow on the last value, 0..1."""
    outcome: Literal["changed", "same", "unsure"]
    value: float | None = None
    """What is believed, when it changed or is the same; else None."""
    note: str = ""
    """What else there is to say of a change; or why it is unsure."""


class Counter:
    """A meter: takes what is read, frame by frame, and says which value to believe.

    Beside the settings' rules: the first value of all must stay for a while, or rise by one. More than one unit at
    once, faster than of late, must stay for ``recover_frames`` and ``recover_s``, or rise by one if it is less than 10.
    A value that wheels between two digits may pass for is not believed before it rose twice, however long it stays,
    for a meter may stand still so.

    Of a camera that looks now and then, each look may show another value. A value is believed that enough frames of one
    look say, or rise to, if it is within ``max_rate``, or as fast as of late; else the next look must go on from it: it
    must not be less, nor have risen more than ``FASTER`` times as fast.
    """

    def __init__(self, number: Number) -> None:
        self._number = number
        self.last: Last | None = None
        """What is believed; to be kept over a restart."""
        self._series: Series | None = None
        self._recent: deque[tuple[int, float]] = deque(maxlen=RECENT)
        self._frames: dict[int, int] = {}
        """How many frames said each value since the last change, by when the value was first seen."""
        self._look: int | None = None
        self._earlier: Series | None = None
        """What earlier looks said that is not believed yet."""

    def look(
        self, alternatives: Sequence[tuple[str, float]], agreeing: int, second: float, look: int | None = None
    ) -> Verdict:
        """Take a frame's reading.

        Args:
            alternatives: texts and how likely each is from all frames together, likeliest first; at least one.
            agreeing: frames that say the first of them.
            second: when the frame was taken, by a clock that never goes back, over restarts neither.
            look: which look it is of, rising; None = the camera never rests.
        """
        if look != self._look:
            self._look, self._earlier, self._series = look, self._chained(), None
        text, confidence, how = self._likeliest(alternatives, second)
        read = figure(text, self._number)
        if read is None or how == "wrong digits":
            return Verdict(text, confidence, "unsure", None, self._doubt(how, read))
        if confidence < self._number.min_confidence:
            return Verdict(text, confidence, "unsure")
        self._recent.append((read.units, second))
        self._frames[read.units] = self._frames.get(read.units, 0) + 1
        if len(self._frames) > MOST_VALUES:
            self._frames.pop(next(iter(self._frames)))
        if how == "same" and self.last:
            self.last.seen_s, self._series, self._earlier = second, None, None
            return Verdict(self.last.text, confidence, "same", self.last.value)
        agreed = min(agreeing, self._number.min_frames) if text == alternatives[0][0] else 1
        self._series = series = self._go_on(read, how, agreed, second)
        many = series.same if look is None else series.frames
        if many < self._number.min_frames or not (self._believes if look is None else self._believes_look)(series):
            return Verdict(text, confidence, "unsure", None, self._doubt(series.step, series.now))
        return self._accept(series, confidence, second)

    def rate_per_h(self, second: float) -> float | None:
        """Return the units of the meter an hour by which it rose of late: 0 when it stands, None = not known."""
        if self.last is None or len(self.last.emitted) < 2:
            return None
        values = self.last.emitted
        usual_s = (values[-1][1] - values[0][1]) / (len(values) - 1)
        stands = second - values[-1][1] > STOPS * usual_s
        return 0.0 if stands else float(f"{self.last.rate * 3600 / 10**self.last.places:.3g}")

    def _likeliest(self, alternatives: Sequence[tuple[str, float]], second: float) -> tuple[str, float, Step]:
        """Return the text that is likeliest after the last value, how likely it is, and how it follows.

        The same digits with another point, or none, count for it.
        """
        rate, alternatives = self._rate(), self._by_digits(alternatives)
        steps = [step(text, self.last, self._number, second, rate) for text, _ in alternatives]
        chances = [chance * LIKELY.get(how, UNLIKELY) for (_, chance), how in zip(alternatives, steps, strict=True)]
        best = max(range(len(steps)), key=chances.__getitem__)
        if steps[best] not in LIKELY:  # nothing that may follow: as if there were no last value
            return *alternatives[0], steps[0]
        missing = max(0.0, 1 - sum(chance for _, chance in alternatives)) * UNLIKELY
        return alternatives[best][0], chances[best] / max(1e-9, sum(chances) + missing), steps[best]

    def _by_digits(self, alternatives: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
        """Return texts that differ by points and gaps only, as one."""
        found: dict[str, list[tuple[str, float]]] = {}
        for text, chance in alternatives:
            found.setdefault(text.translate(WITHOUT_POINTS), []).append((text, chance))
        sums = [(texts, sum(chance for _, chance in texts)) for texts in found.values()]
        return sorted(((self._point(texts, share), share) for texts, share in sums), key=lambda pair: -pair[1])

    def _point(self, texts: Sequence[tuple[str, float]], share: float) -> str:
        """Return the text with the last value's point, if it is not too unlikely; else the likeliest."""
        for text, chance in texts:
            read = figure(text, self._number)
            if self.last and read and read.decimals == self.last.decimals and chance >= SAME_DIGITS * share:
                return text
        return texts[0][0]

    def _rate(self) -> float:
        """Return units a second that the readings of late rise by: three quarters of them do so at least."""
        if self._look is not None:
            return STEADY * self.last.rate if self.last else 0.0
        slopes = sorted((after - before) / (t - s) for (before, s), (after, t) in pairwise(self._recent) if t > s)
        return max(0.0, slopes[len(slopes) // 4]) if len(slopes) > 3 else 0.0

    def _go_on(self, read: Figure, how: Step, agreed: int, second: float) -> Series:
        """Return the series with this reading: an odd one takes two frames off it, a likelier one begins anew."""
        series = self._series
        new = Series(read, how, agreed, agreed, second, second)
        if series is None or LIKELY.get(how, 0) > LIKELY.get(series.step, 0):
            return new
        if not self._follows(series, read, second):
            return new if series.frames <= 2 else replace(series, frames=series.frames - 2)
        same = series.same + 1 if read.units == series.now.units else agreed
        moves = series.moves + (read.units == series.now.units + 1 and series.same >= self._number.min_frames)
        return Series(read, how, series.frames + 1, same, series.since_s, second, moves)

    def _follows(self, series: Series, read: Figure, second: float) -> bool:
        """Return whether a reading can be of the same meter as the series."""
        rise = read.units - series.now.units
        if self._number.falls:
            rate = self._number.max_rate * 10 ** (read.decimals or self._number.decimals) / 3600
            same = rise == 0 or abs(rise) <= rate * (second - series.at_s + LAG_S)
            return same and read.decimals == series.now.decimals
        return read.form == series.now.form and 0 <= rise <= max(9, 2 * self._rate() * (second - series.at_s))

    def _believes(self, series: Series) -> bool:
        """Return whether a series is long enough for what it says."""
        number = self._number
        many, lasted_s = series.frames >= number.recover_frames, series.at_s - series.since_s
        recovered = many and lasted_s >= number.recover_s
        if series.step in {"next", "rises"}:
            return True
        if series.step == "first":
            stays = series.frames >= FIRST_TIMES * number.min_frames and lasted_s >= FIRST_S
            return stays or recovered or self._moves(series) > 0
        if series.step == "skips":
            return recovered or self._moves(series) > 0
        fewer = series.step == "another form" and self.last is not None and series.now.digits < self.last.digits
        return recovered and (self._moves(series) > 1 or not (fewer or series.step == "slips"))

    def _believes_look(self, series: Series) -> bool:
        """Return whether a value is believed that enough frames of this look say."""
        number, earlier = self._number, self._earlier
        if series.step in {"next", "rises"} or (series.step in {"skips", "jumps"} and number.max_rate):
            return True
        if earlier is None or not self._goes_on(earlier, series):
            return False
        if series.step in {"first", "skips", "jumps"}:
            passed_s = series.at_s - earlier.at_s
            most = 9 + FASTER * earlier.rate * passed_s
            if number.max_rate:
                most = max(most, number.max_rate * 10**number.decimals / 3600 * (passed_s + LAG_S))
            return abs(series.now.units - earlier.now.units) <= most
        many = earlier.frames + series.frames >= number.recover_frames
        moved = series.now.units != earlier.now.units
        return many and series.at_s - earlier.since_s >= number.recover_s and (moved or series.step != "slips")

    def _goes_on(self, earlier: Series, series: Series) -> bool:
        rise = series.now.units - earlier.now.units
        return series.now.form == earlier.now.form and (rise >= 0 or self._number.falls)

    def _chained(self) -> Series | None:
        """Return what the looks so far say that is not believed, the last of which is over."""
        series, earlier = self._series, self._earlier
        if series is None or series.frames < self._number.min_frames:
            return earlier
        if earlier is not None and self._goes_on(earlier, series):
            rate = abs(series.now.units - earlier.now.units) / max(series.at_s - earlier.at_s, 1.0)
            return replace(series, frames=earlier.frames + series.frames, since_s=earlier.since_s, rate=rate)
        if self.last is not None and series.step in {"skips", "jumps"}:
            risen = (series.now.units - self.last.units) % 10**self.last.digits
            return replace(series, rate=risen / max(series.at_s - self.last.seen_s, 1.0))
        return series

    def _moves(self, series: Series) -> int:
        """Return how often the series rose; or one less than all values before it did, whatever was read in between."""
        order, units, chain = {seen: at for at, seen in enumerate(self._frames)}, series.now.units, 0
        while self._frames.get(units - 1, 0) >= self._number.min_frames and order[units - 1] < order.get(units, 0):
            units, chain = units - 1, chain + 1
        return max(series.moves, chain - 1)

    def _doubt(self, how: Step, read: Figure | None) -> str:
        """Return why a reading is not believed."""
        if read is None:
            return "no number"
        if how in {"wrong digits", "another form"}:
            wanted = self._number.digits or (self.last.digits if self.last else read.digits)
            form = f"{read.digits} digits, expected {wanted}" if read.digits != wanted else "the point is elsewhere"
            return f"not plausible: {form}"
        if how == "slips":
            return "not plausible: wheels between two digits"
        return f"not plausible: {how}" if how in {"falls", "too fast", "jumps", "skips"} else ""

    def _accept(self, series: Series, confidence: float, second: float) -> Verdict:
        """Believe a series' value."""
        read, before, earlier = series.now, self.last, self._earlier
        self._series = self._earlier = None
        self._frames.clear()
        places = self._number.decimals if read.decimals is None else read.decimals
        often, jumped = self._look is None, series.step == "jumps"
        note = "meter changed" if series.step in CHANGED else "jumped" if jumped and often else ""
        if before and not note and read.units < before.units and not self._number.falls:
            note = "rollover"
        emitted = before.emitted[1 - HISTORY :] if before and not note and (series.step != "skips" or not often) else []
        if earlier is not None and self._goes_on(earlier, series):  # the rate of late, also after a long rest
            emitted = [(earlier.now.units, earlier.at_s)]
        self.last = Last(read.text, read.units, *read.form, places, second, [*emitted, (read.units, second)])
        return Verdict(read.text, confidence, "changed", self.last.value, note)
