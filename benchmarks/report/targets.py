"""What was asked of the speed, typed once in `speed_targets.json`, and what was reached."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from ..record import read_json
from ..speed.results import Agreement, Contender, Figures, Growth, Report, Stream
from .facts import best_rate, scenario_of, times_as_slow
from .references import Limit, Targets

FILE = Path(__file__).with_name("speed_targets.json")
Files = Mapping[str, Figures]
"""What was measured, by the names of the files."""


class Which(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A contender of a report: the first that ran and is all of this."""

    contender: str
    """The first word of its name."""
    precision: str | None = None
    streams: int = 1
    threads: int | None = None

    def find(self, report: Report) -> Contender | None:
        """Return the contender, if it ran."""
        wanted = {"precision": self.precision, "streams": self.streams, "threads": self.threads}
        for contender in report.contenders:
            same = all(value is None or getattr(contender, name) == value for name, value in wanted.items())
            if contender.outcome == "ran" and contender.name.split()[0] == self.contender and same:
                return contender
        return None


class SpeedTarget(Limit, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One figure that was asked for."""

    what: str
    """In words."""
    figure: Literal[
        "outside_networks", "times_faster", "batch_gain", "cold_start", "times_the_rate",
        "readings_per_s", "detected_per_s", "event_ms", "memory_share", "boxes_faster", "equal_texts",
    ]  # fmt: skip
    file: str
    """What it is measured in, a file of `benchmarks/results`."""
    of: Which | None = None
    beside: Which | None = None


def read_speed_targets() -> list[SpeedTarget]:
    """Read `speed_targets.json`."""
    return read_json(FILE, Targets[SpeedTarget], FILE.name).targets


def measured(target: SpeedTarget, files: Files) -> float | None:
    """Return the figure that a target is about; None where it was not measured."""
    found = files.get(target.file)
    if isinstance(found, Growth):
        return batch_gain(found) if target.figure == "batch_gain" else None
    if isinstance(found, Stream):
        return of_stream(target, found)
    if isinstance(found, Agreement):
        return of_agreement(target, found)
    return of_contenders(target, found)


def of_contenders(target: SpeedTarget, found: Figures | None) -> float | None:
    """Return the figure of one contender, or of two beside one another."""
    mine, other = _pair(target, found)
    if mine is None:
        return None
    if target.figure == "outside_networks":
        return mine.stages.outside_networks if mine.stages else None
    if target.figure == "cold_start":
        return mine.cold_start.p50_s if mine.cold_start else None
    if other is None:
        return None
    if target.figure == "memory_share":
        return mine.memory.peak_mib / other.memory.peak_mib if mine.memory and other.memory else None
    return _times_the_rate(mine, other) if target.figure == "times_the_rate" else times_as_slow(other, beside=mine)


def of_stream(target: SpeedTarget, stream: Stream) -> float | None:
    """Return the figure of a watched camera."""
    if target.figure == "readings_per_s":
        return stream.static.readings_per_s
    if target.figure == "detected_per_s":
        return stream.detecting.frames_per_s
    event = stream.live.event
    return event.p99_ms if target.figure == "event_ms" and event else None


def of_agreement(target: SpeedTarget, found: Agreement) -> float | None:
    """Return the figure of a bundle beside EasyOCR."""
    if target.figure == "boxes_faster":
        return found.box_times.times
    return found.sure_equal / found.sure if target.figure == "equal_texts" and found.sure else None


def physical_limit(target: SpeedTarget, files: Files) -> float | None:
    """Return what the figure would be if the networks ran at this machine's peak and nothing else took time."""
    mine, other = _pair(target, files.get(target.file))
    if mine is None or other is None:
        return None
    if target.figure == "times_the_rate":
        return mine.streams / other.streams
    late = scenario_of(other) if target.figure == "times_faster" else None
    return late.p50_ms / mine.work.limit_ms if late and mine.work and mine.work.limit_ms > 0 else None


def _pair(target: SpeedTarget, found: Figures | None) -> tuple[Contender | None, Contender | None]:
    if not isinstance(found, Report):
        return None, None
    mine = target.of.find(found) if target.of else None
    return mine, target.beside.find(found) if target.beside else None


def _times_the_rate(mine: Contender, other: Contender) -> float | None:
    fast, slow = best_rate(mine), best_rate(other)
    return fast.samples_per_s / slow.samples_per_s if fast and slow and slow.samples_per_s > 0 else None


def batch_gain(growth: Growth, batch: float = 8) -> float | None:
    """Return how many times the recognizer's time for a crop alone is that for a crop in a batch."""
    for curve in growth.curves:
        times = {point.size: point.p50_ms for point in curve.points}
        if (curve.what, curve.part) == ("batch", "recognize") and times.get(1) and times.get(batch):
            return times[1] / (times[batch] / batch)
    return None
