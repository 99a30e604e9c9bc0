"""Axes, linear and logarithmic, with round ticks; and how much room a text takes."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

CHARACTER_PX = 7.0
"""Of a text of 12 px, on average and rather too much: fonts differ from machine to machine."""


@dataclass(frozen=True)
class Axis:
    """Values from `low` to `high`, drawn from pixel `start` to pixel `end`."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """Where a value is, px; what lies beyond the axis is at its end."""
        share = (self._place(value) - self._place(self.low)) / (self._place(self.high) - self._place(self.low))
        return self.start + min(1, max(0, share)) * (self.end - self.start)

    def ticks(self, apart_px: float) -> list[float]:
        """Round values, about so many pixels apart or more."""
        most = max(2, int(abs(self.end - self.start) / apart_px))
        return _log_ticks(self.low, self.high, most) if self.log else _even_ticks(self.low, self.high, most)

    def _place(self, value: float) -> float:
        return math.log(max(value, self.low)) if self.log else value


def log_axis(values: Iterable[float], start: float, end: float, margin: float = 1.15) -> Axis:
    """An axis of positive values; others, which have no logarithm, are left out."""
    positive = [value for value in values if value > 0] or [1.0]
    return Axis(min(positive) / margin, max(positive) * margin, start, end, log=True)


def zero_axis(values: Iterable[float], start: float, end: float, margin: float = 1.0) -> Axis:
    """An axis from zero."""
    return Axis(0, max([*values, 0]) * margin or 1, start, end)


def near_axis(values: Sequence[float], start: float, end: float, least: float) -> Axis:
    """An axis around values, at least as long as a share `least` of the largest, so that noise does not look large."""
    low, high = min(values), max(values)
    margin = max((high - low) * 0.1, (least * high - (high - low)) / 2, 1e-9)
    return Axis(max(0, low - margin), high + margin, start, end)


def _even_ticks(low: float, high: float, most: int) -> list[float]:
    raw = (high - low) / most
    power = 10 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1, 1.5, 2, 3, 4, 5, 6, 8), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,)):
        ticks = [factor * 10.0**power for power in powers for factor in factors if low <= factor * 10.0**power <= high]
        if len(ticks) <= most:
            break
    return ticks if len(ticks) > 1 else _even_ticks(low, high, most)


def short(value: float) -> str:
    """A number to three digits, without an exponent: 0.012, 1.23, 45.6, 123, 1,230."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    places = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def steady(value: float) -> str:
    """A measured number to three digits, with its zeros: 1.20, 45.0, 123."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    return f"{value:,.{max(0, min(4, 2 - math.floor(math.log10(abs(value)))))}f}"


def signed(value: float) -> str:
    """A difference to three digits: +1.20, −45.0."""
    return f"{'−' if value < 0 else '+'}{steady(abs(value))}"


def width_px(text: str) -> float:
    """About how wide a text of 12 px is."""
    return CHARACTER_PX * len(text)
