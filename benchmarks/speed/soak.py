"""`edgereader bench soak`: hours of frames, and whether anything grows."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import click
import numpy as np
from msgspec.structs import replace

from ...runtime.commands.terminal import catching
from ...runtime.errors import BackendError, DatasetError, ImageError
from ..options import backend_option, precision_option
from ..record import command_line, now, read_json, write_json
from ..trend import METHOD, trend
from .device import MIB, handles, host_bytes
from .photos import CYCLE, Shot, Shots
from .results import Sample, Slope, Soak, of_bundle, open_reader

FILE = click.Path(dir_okay=False, path_type=Path)
WARM_UP_SHARE, LONGEST_WARM_UP_S = 0.1, 600.0
SAVE_S = 60.0
FIXED = ("schema", "machine", "bundle", "files", "backend", "precision", "seed", "every_s")
"""What must be the same for a soak to go on."""
Read = Callable[[Any], list[str]]
"""Gives the texts in a picture, and raises `ImageError` for what is none."""


class Quantity(NamedTuple):
    """What a slope is of."""

    what: Literal["rss_mib", "handles", "cpu_ms", "latency_ms"]
    field: str
    """Of `Sample`."""
    name: str
    unit: str
    grain: float
    """Growth over the whole soak that does not count, in the quantity's own unit."""
    share: float = 0.0
    """The same, as a share of the first sample."""


QUANTITIES = (
    Quantity("rss_mib", "rss_mib", "resident memory", " MiB", 4.0),  # what the C library keeps of freed memory
    Quantity("handles", "handles", "handles", "", 1.0),
    Quantity("cpu_ms", "cpu_ms", "processor time a frame", " ms", 0.0, 0.05),  # clocks and caches that others use too
    Quantity("latency_ms", "p50_ms", "median latency", " ms", 0.0, 0.05),
)
HOW = (
    f"{METHOD}; of growth over all the time after the warm-up 4 MiB, 1 handle, 5 % of processor time or latency "
    "do not count"
)


@click.command()
@click.argument("bundle", default="digits-edge")
@click.option("--hours", type=click.FloatRange(min=0, min_open=True), required=True, help="How long, in all.")
@click.option("--json", "file", type=FILE, required=True, help="The report, which the same command goes on with.")
@backend_option
@precision_option
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the frames.")
@click.option(
    "--every", type=click.FloatRange(min=0), default=10.0, show_default=True, help="Seconds between samples, at least."
)
def soak(bundle: str, hours: float, file: Path, backend: str, precision: str | None, seed: int, every: float) -> None:
    """Read frames of changing content and size with BUNDLE for hours, and tell whether anything grows.

    Frames are made of the sample photos, of written numbers and of nothing, 0.1 to 4 megapixels, in colour, grey or
    with an alpha channel; some are broken and must be refused. Every few seconds a sample is taken of the memory, the
    handles (open files and threads) and the time that a frame takes. It PASSes when no slope's 95 % confidence
    interval lies above zero by more than does not count, every broken frame was refused, and the sample photos were
    read the same from first to last.

    The file is written about every minute, and when the soak is interrupted (Ctrl-C or SIGTERM); the same command goes
    on, a larger --hours makes it longer.

    Exit codes: 0 PASS, 1 FAIL, 2 wrong usage or input, 3 interrupted.
    """
    opened, reader = open_reader(bundle, backend, precision)
    new = Soak(
        **of_bundle(opened, reader),
        commands=[command_line()],
        seed=seed,
        every_s=every,
        hours=hours,
        warm_up_s=_warm_up_s(hours),
        method=HOW,
    )
    report = begin(file, new)
    write_json(file, report)  # refuses a folder that cannot be written now, not after hours

    def save(so_far: Soak) -> None:
        write_json(file, so_far)
        last = so_far.samples[-1]
        click.echo(f"{last.at_s / 60:.1f} of {60 * so_far.hours:g} min: {sample_line(last)}", err=True)

    def texts(frame: Any) -> list[str]:
        return sorted(reading.text for reading in reader.read(frame))

    with interruptions() as stopped:
        report = soak_on(report, texts, Shots(seed).cycle, stopped=stopped, save=save)
    write_json(file, report)
    click.echo(summary(report))
    if not report.finished:
        click.echo(f"interrupted; go on with the same command: {report.commands[-1]}", err=True)
        sys.exit(3)
    sys.exit(not report.passed)


def begin(file: Path, new: Soak) -> Soak:
    """Return what the file holds of the same soak, to go on with; `new` where there is no file.

    Raises:
        DatasetError: the file holds something else, or another soak.
    """
    if not file.exists():
        return new
    old = read_json(file, Soak, "edgereader bench soak --json")
    if differing := [name for name in FIXED if getattr(old, name) != getattr(new, name)]:
        name = differing[0]
        expected, got = (getattr(report, name) for report in (new, old))
        if not isinstance(expected, str | int | float):
            expected, got = "as here and now", "another"
        raise DatasetError(
            f"{file}: expected a soak with {name} {expected}, got {got}; give another --json, or delete the file"
        )
    hours = max(old.hours, new.hours) if old.finished else new.hours
    finished = bool(old.samples) and old.samples[-1].at_s >= _end_s(hours)
    segments = old.samples[-1].segment + 1 if old.samples else 0
    commands = old.commands if finished else [*old.commands[:segments], *new.commands]
    return judged(replace(old, hours=hours, warm_up_s=_warm_up_s(hours), finished=finished, commands=commands))


def _warm_up_s(hours: float) -> float:
    return min(WARM_UP_SHARE * 3600 * hours, LONGEST_WARM_UP_S)


def _end_s(hours: float) -> float:
    """Return when a soak of so many hours is over, by `Sample.at_s`."""
    return round(3600 * hours, 2)


@contextmanager
def interruptions() -> Iterator[Callable[[], bool]]:
    """Yield what tells whether Ctrl-C or SIGTERM came; a signal that is ignored stays ignored."""
    came: list[int] = []
    with catching(lambda caught, _: came.append(caught), signal.SIGINT, signal.SIGTERM):
        yield lambda: bool(came)


def soak_on(
    before: Soak,
    read: Read,
    cycle: Callable[[int], Iterable[Shot]],
    *,
    stopped: Callable[[], bool],
    save: Callable[[Soak], None],
) -> Soak:
    """Go on with a soak until its hours are over or `stopped`, asked after every frame, says so.

    `cycle` makes the frames of a cycle, the first after the last one that was finished; `save` is given the soak so far
    about every minute.
    """
    tally, soak, samples = Tally(read, before), before, list(before.samples)
    segment, offset_s = (samples[-1].segment + 1, samples[-1].at_s) if samples else (0, 0.0)
    start = time.monotonic()
    number, at_s, saved_s = before.frames // CYCLE, offset_s, offset_s
    while at_s < _end_s(before.hours):
        for shot in cycle(number):
            tally.read(shot)
            if stopped():
                return replace(soak, wrong=tally.wrong, first_wrong=tally.first_wrong)
        number, at_s = number + 1, round(offset_s + time.monotonic() - start, 2)
        over = at_s >= _end_s(before.hours)
        if not over and at_s < (samples[-1].at_s if samples else 0.0) + before.every_s:
            continue
        samples.append(sample_of(at_s, tally.frames, tally.times_ms, tally.cpu_s, len(tally.times_ms), segment))
        tally.times_ms, tally.cpu_s = [], 0.0
        counts = {name: getattr(tally, name) for name in ("frames", "broken", "wrong", "first_wrong")}
        soak = judged(replace(before, date=now(), samples=samples[:], finished=over, **counts))
        if at_s >= saved_s + SAVE_S:
            saved_s = at_s
            save(soak)
    return soak


class Tally:
    """Reads frames, times them, and goes on counting them and what must not happen."""

    def __init__(self, read: Read, before: Soak) -> None:
        self._read = read
        self.frames, self.broken = before.frames, before.broken
        self.wrong, self.first_wrong = before.wrong, before.first_wrong
        self.times_ms: list[float] = []
        self.cpu_s = 0.0
        self._known: dict[str, list[str]] = {}

    def read(self, shot: Shot) -> None:
        """Read one frame."""
        self.frames, self.broken = self.frames + 1, self.broken + shot.broken
        start, cpu_start = time.perf_counter(), time.process_time()
        try:
            texts = self._read(shot.frame)
        except (ImageError, BackendError) as exc:
            if not (shot.broken and isinstance(exc, ImageError)):
                self._note(f"{shot.sample or 'a frame'} gave {type(exc).__name__}: {exc}")
            return
        if shot.broken:
            self._note("what is no picture was read")
            return
        self.cpu_s += time.process_time() - cpu_start
        self.times_ms.append(1000 * (time.perf_counter() - start))
        if shot.sample and texts != (before := self._known.setdefault(shot.sample, texts)):
            self._note(f"{shot.sample}: expected {before} as at first, got {texts}")

    def _note(self, what: str) -> None:
        self.wrong += 1
        self.first_wrong = self.first_wrong or f"frame {self.frames}: {what}"


def sample_of(
    at_s: float, frames: int, times_ms: Sequence[float], cpu_s: float, count: int, segment: int = 0
) -> Sample:
    """Take a sample of this process; latencies and processor time are of the `count` frames since the last one."""
    p50, p99 = np.percentile(times_ms, (50, 99)).tolist() if len(times_ms) else (0.0, 0.0)
    return Sample(
        at_s=at_s,
        frames=frames,
        rss_mib=round(host_bytes() / MIB, 2),
        handles=handles(),
        p50_ms=round(p50, 2),
        p99_ms=round(p99, 2),
        cpu_ms=round(1000 * cpu_s / max(count, 1), 2),
        segment=segment,
    )


def judged(soak: Soak) -> Soak:
    """Return the same soak with its slopes and verdict."""
    time_of_a_frame = "cpu_ms" if soak.backend == "cpu" else "latency_ms"
    found = slopes(soak.samples, soak.warm_up_s, {"rss_mib", "handles", time_of_a_frame})
    fine = bool(found) and all(slope.passed for slope in found if slope.judged)
    return replace(soak, slopes=found, passed=soak.finished and fine and soak.wrong == 0)


def after_warm_up(samples: Sequence[Sample], warm_up_s: float) -> list[Sample]:
    """Return the samples without those of the first seconds of each segment."""
    starts: dict[int, float] = {}
    ended = 0.0
    for sample in samples:
        starts.setdefault(sample.segment, ended)
        ended = sample.at_s
    return [sample for sample in samples if sample.at_s > starts[sample.segment] + warm_up_s]


def slopes(samples: Sequence[Sample], warm_up_s: float, judged: Collection[str]) -> list[Slope]:
    """Return the slope of each quantity an hour, none where there are too few samples; `judged` are in the verdict."""
    kept = after_warm_up(samples, warm_up_s)
    found = (_slope(quantity, kept, judged=quantity.what in judged) for quantity in QUANTITIES)
    return [slope for slope in found if slope is not None]


def _slope(quantity: Quantity, samples: Sequence[Sample], *, judged: bool) -> Slope | None:
    hours = [sample.at_s / 3600 for sample in samples]
    values = [float(getattr(sample, quantity.field)) for sample in samples]
    line = trend(hours, values, [sample.segment for sample in samples])
    if line is None or hours[-1] <= hours[0]:  # samples of one moment have no slope
        return None
    allowed = (quantity.grain + quantity.share * values[0]) / (hours[-1] - hours[0])
    return Slope(
        what=quantity.what,
        first=values[0],
        last=values[-1],
        most=max(values),
        per_hour=line.slope,
        low=line.low,
        high=line.high,
        allowed=allowed,
        judged=judged,
        passed=line.low <= 0 or line.high <= allowed,
    )


def sample_line(sample: Sample) -> str:
    """Describe a sample in a few words."""
    return (
        f"{sample.frames} frames, {sample.rss_mib:.1f} MiB, {sample.handles} handles, "
        f"median {sample.p50_ms:.0f} ms, {sample.cpu_ms:.0f} ms of processor time a frame"
    )


def summary(soak: Soak) -> str:
    """Return the verdict and what it is made of, in lines for a terminal."""
    ran_s = soak.samples[-1].at_s if soak.samples else 0.0
    lines = [f"{soak.frames} frames in {ran_s / 3600:.2f} h, {soak.broken} of them broken"]
    lines += slope_lines(soak.slopes, "soak")
    if soak.wrong:
        lines.append(f"{soak.wrong} frames went wrong; the first: {soak.first_wrong}")
    if soak.finished:
        lines.append("PASS" if soak.passed else "FAIL")
    return "\n".join(lines)


def slope_lines(found: Sequence[Slope], verb: str) -> list[str]:
    """Describe how quantities went on, one a line."""
    lines = []
    for slope in found:
        name, unit = next((found.name, found.unit) for found in QUANTITIES if found.what == slope.what)
        verdict = ("ok" if slope.passed else "GROWS") if slope.judged else "for information"
        lines.append(
            f"{name}: {slope.first:.1f} to {slope.last:.1f}{unit}, {slope.per_hour:+.2f}{unit} an hour "
            f"({slope.low:+.2f} to {slope.high:+.2f}; up to {slope.allowed:.2f} does not count): {verdict}"
        )
    return lines or [f"no slopes: too few samples after the warm-up; {verb} for longer"]
