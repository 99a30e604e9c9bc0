"""How a reading follows on a counter's last value; pure functions.

Wheels roll, so a steady reading can be wrong for hours: half of a 6 and half of a 7 pass for a 0 or a 1, or for no
digit at all, and a higher wheel turns early or late.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import msgspec

from ...text.alphabets import GAP
from ...text.values import DECIMALS, Notation
from ..settings import Number

Step = Literal[
    "same", "first", "next", "rises", "skips", "jumps", "falls", "slips", "too fast", "another form", "wrong digits"
]
"""From the likeliest: "next" = one more (or, of what may fall, anything), "rises" = no more than at the rate of late,
"skips" = 2 to 9 more at once, "jumps" = more than that, "falls" = 10 less or more, "slips" = what wheels between two
digits may pass for, "too fast" = above ``max_rate``, "another form" = more or fewer digits than before, or the point
elsewhere, "wrong digits" = not as many as the settings say, or no number; "first" = there is no last value.
"""

LIKELY: dict[Step, float] = {"same": 1.0, "first": 1.0, "next": 1.0, "rises": 0.5, "skips": 0.1}
"""How likely a step is beforehand, beside the next one."""
UNLIKELY = 0.01
"""The same for all others, and for readings that are not among the alternatives."""
LAG_S = 2.0
"""A value may have been emitted so late, or early."""
ROLLOVER = 100
"""Most units that may be missed around a rollover."""


@dataclass(frozen=True)
class Figure:
    """A text as a number of units: the last digit counts one."""

    text: str
    units: int
    digits: int
    """How many, leading zeros too."""
    decimals: int | None
    """Digits behind the point; None without a point."""

    @property
    def form(self) -> tuple[int, int | None]:
        """How many digits, and where the point is."""
        return self.digits, self.decimals


def figure(text: str, number: Number) -> Figure | None:
    """Return what a text says by the number's notation, if it is a number.

    A meter shows one number: gaps do not count, and its only point or comma stands before decimals unless the settings
    say otherwise.
    """
    return _figure(text, number.decimal, number.thousands)


@lru_cache(maxsize=1024)
def _figure(text: str, decimal: str | None, thousands: str | None) -> Figure | None:
    points = [character for character in text if character in DECIMALS]
    if decimal is None and thousands is None and len(points) == 1:
        decimal = points[0]
    found = Notation(decimal, thousands).parts(text.replace(GAP, ""))
    if found is None:
        return None
    sign, whole, part = found
    return Figure(text, sign * int(whole + part), len(whole + part), len(part) if part else None)


class Last(msgspec.Struct):
    """The value that is believed, and how it came about."""

    text: str
    units: int
    digits: int
    decimals: int | None
    """That the text shows."""
    places: int
    """The same, or those of the settings where it shows none."""
    seen_s: float
    """When it was last seen."""
    emitted: list[tuple[int, float]] = msgspec.field(name="told")  # its name in files of state
    """The last values and when each was first seen, oldest first, this one too; none from before a rollover."""

    @property
    def value(self) -> float:
        """In whole units of the meter."""
        return self.units / float(10**self.places)

    @property
    def rate(self) -> float:
        """Units a second, over the values of late."""
        (first, began_s), (_, ended_s) = self.emitted[0], self.emitted[-1]
        return (self.units - first) / (ended_s - began_s) if ended_s > began_s else 0.0


def step(text: str, last: Last | None, number: Number, second: float, rate: float) -> Step:
    """Return how a reading follows on the last value.

    Args:
        text: what is read.
        last: the value that is believed, if any.
        number: the meter's settings.
        second: when it was read, by the clock of ``last.seen_s``.
        rate: units a second that readings of late rise by, besides the rate of ``last``.
    """
    read = figure(text, number)
    if read is None or (read.units < 0 and not number.falls) or number.digits not in {0, read.digits}:
        return "wrong digits"
    if last is None:
        return "first"
    if number.falls:
        return _either_way(read, last, number, second)
    rise, round_ = read.units - last.units, 10**last.digits
    if rise + round_ <= min(ROLLOVER, round_ // 10):
        rise += round_
    elif rise > round_ - 10:  # back again over a rollover
        rise -= round_
    if read.decimals != last.decimals or (read.digits != last.digits and not _grows(read, last)):
        return "another form"
    if slips(read, last):
        return "slips"
    return _rise(rise, last, number, second, rate)


def _rise(rise: int, last: Last, number: Number, second: float, rate: float) -> Step:
    if rise == 0:
        return "same"
    if rise < 0:
        return "falls" if rise <= -10 else "slips"
    if too_fast(rise, last, number, second):
        return "too fast"
    if rise == 1:
        return "next"
    if rise <= 1 + max(rate, last.rate) * (second - last.seen_s):
        return "rises"
    return "skips" if rise < 10 else "jumps"


def _either_way(read: Figure, last: Last, number: Number, second: float) -> Step:
    """Return the step of what may fall: the number of digits may change too."""
    if read.decimals != last.decimals:
        return "another form"
    if read.units == last.units:
        return "same"
    return "too fast" if too_fast(abs(read.units - last.units), last, number, second) else "next"


def too_fast(change: int, last: Last, number: Number, second: float) -> bool:
    """Return whether a change is more than ``max_rate`` allows since any of the values of late."""
    rate = number.max_rate * 10**last.places / 3600
    if not rate:
        return False
    spans = last.emitted[-1:] if number.falls else last.emitted
    return any(last.units + change - units > 1 + rate * (second - at_s + LAG_S) for units, at_s in spans)


def slips(read: Figure, last: Last) -> bool:
    """Return whether each digit is of a value nearby or of the one after it, but they are not all of the same one.

    So it is read while several wheels turn: between 27499 and 27500 there are 27400, 27590, 27509.
    """
    shown = f"{read.units:0{last.digits}d}"
    for lower in (last.units, last.units + 1):
        both = [f"{wheels % 10**last.digits:0{last.digits}d}" for wheels in (lower, lower + 1)]
        if shown in both:
            return False
        if len(shown) == last.digits and all(digit in pair for digit, *pair in zip(shown, *both, strict=True)):
            return True
    return False


def _grows(read: Figure, last: Last) -> bool:
    """Return whether a display without leading zeros shows one digit more, as after 9999."""
    return read.digits == last.digits + 1 and len(str(read.units)) == read.digits and 0 < read.units - last.units < 10
