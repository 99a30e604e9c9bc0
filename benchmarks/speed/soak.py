"""`edgereader bench soak`: hours of frames, and whether anything grows."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click
from msgspec.structs import replace

from ...runtime import Bundle, Reader
from ...runtime.errors import BundleError, DatasetError
from ..options import backend_option, precision_option
from ..record import command_line, files_of, now, read_json, this_machine, where, write_json
from ..trend import METHOD
from .slopes import GRAIN
from .soak_figures import Slope, Soak
from .soak_frames import Shots
from .soak_run import end_s, judged, soak_on

FILE = click.Path(dir_okay=False, path_type=Path)
WARM_UP_SHARE, LONGEST_WARM_UP_S = 0.1, 600.0
FIXED = ("schema", "machine", "bundle", "files", "backend", "precision", "seed", "every_s")
"""What must be the same for a soak to go on."""
NAMES = {
    "rss_mib": ("resident memory", "MiB"),
    "handles": ("handles", ""),
    "cpu_ms": ("processor time a frame", "ms"),
    "latency_ms": ("median latency", "ms"),
}


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
def soak(
    bundle: str, hours: float, file: Path, backend: str, precision: str | None, seed: int, every: float
) -> None:  # fmt: skip
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
    opened = Bundle.open(bundle)
    reader = Reader(opened, backend=backend, precision=precision)
    if "detector" not in reader.sessions:
        raise BundleError(f"{bundle}: expected a bundle with a detector, got one without; choose another")
    report = begin(file, new_soak(opened, reader, hours, seed, every))
    write_json(file, report)  # refuses a folder that cannot be written now, not after hours

    def save(so_far: Soak) -> None:
        write_json(file, so_far)
        click.echo(progress(so_far), err=True)

    def texts(frame: object) -> list[str]:
        return sorted(each.text for each in reader.read(frame))  # type: ignore[arg-type]

    with interruptions() as stopped:
        report = soak_on(report, texts, Shots(seed).cycle, stopped=stopped, save=save)
    write_json(file, report)
    click.echo(summary(report))
    if not report.finished:
        click.echo(f"interrupted; go on with the same command: {report.commands[-1]}", err=True)
        sys.exit(3)
    sys.exit(not report.passed)


def new_soak(bundle: Bundle, reader: Reader, hours: float, seed: int, every_s: float) -> Soak:
    """A soak before its first frame."""
    backend, precision = where(reader)
    return Soak(
        commands=[command_line()],
        date=now(),
        machine=this_machine(),
        bundle=bundle.manifest.name,
        files=files_of(bundle, reader),
        backend=backend,
        precision=precision,
        seed=seed,
        every_s=every_s,
        hours=hours,
        warm_up_s=_warm_up_s(hours),
        frames=0,
        broken=0,
        wrong=0,
        samples=[],
        slopes=[],
        method=f"{METHOD}; {GRAIN}",
        finished=False,
        passed=False,
    )


def _warm_up_s(hours: float) -> float:
    return min(WARM_UP_SHARE * 3600 * hours, LONGEST_WARM_UP_S)


def begin(file: Path, new: Soak) -> Soak:
    """What the file holds of the same soak, to go on with; `new` where there is no file.

    Raises:
        DatasetError: the file holds something else, or another soak.
    """
    if not file.exists():
        return new
    old = read_json(file, Soak, "edgereader bench soak --json")
    if differing := [name for name in FIXED if getattr(old, name) != getattr(new, name)]:
        name = differing[0]
        expected, got = (getattr(each, name) for each in (new, old))
        if not isinstance(expected, str | int | float):
            expected, got = "as here and now", "another"
        raise DatasetError(
            f"{file}: expected a soak with {name} {expected}, got {got}; give another --json, or delete the file"
        )
    hours = max(old.hours, new.hours) if old.finished else new.hours
    finished = bool(old.samples) and old.samples[-1].at_s >= end_s(hours)
    commands = old.commands if finished else [*old.commands[: _segments(old)], *new.commands]
    return judged(replace(old, hours=hours, warm_up_s=_warm_up_s(hours), finished=finished, commands=commands))


def _segments(soak: Soak) -> int:
    """How many of its processes left samples."""
    return soak.samples[-1].segment + 1 if soak.samples else 0


@contextmanager
def interruptions() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C or SIGTERM came; a signal that is ignored stays ignored."""
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    wanted = [each for each in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(each) is not signal.SIG_IGN]
    before = {each: signal.signal(each, note) for each in wanted}
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def progress(soak: Soak) -> str:
    """One line: how far it is."""
    last = soak.samples[-1]
    return (
        f"{last.at_s / 60:.1f} of {60 * soak.hours:g} min: {last.frames} frames, {last.rss_mib:.1f} MiB, "
        f"{last.handles} handles, median {last.p50_ms:.0f} ms, {last.cpu_ms:.0f} ms of processor time a frame"
    )


def summary(soak: Soak) -> str:
    """The verdict and what it is made of."""
    ran_s = soak.samples[-1].at_s if soak.samples else 0.0
    lines = [f"{soak.frames} frames in {ran_s / 3600:.2f} h, {soak.broken} of them broken"]
    lines += [slope_line(each) for each in soak.slopes]
    if not soak.slopes:
        lines.append("no slopes: too few samples after the warm-up; soak for longer")
    if soak.wrong:
        lines.append(f"{soak.wrong} frames went wrong; the first: {soak.first_wrong}")
    if soak.finished:
        lines.append("PASS" if soak.passed else "FAIL")
    return "\n".join(lines)


def slope_line(slope: Slope) -> str:
    """How a quantity went on."""
    name, unit = NAMES[slope.what]
    unit = f" {unit}" if unit else ""
    verdict = ("ok" if slope.passed else "GROWS") if slope.judged else "for information"
    return (
        f"{name}: {slope.first:.1f} to {slope.last:.1f}{unit}, {slope.per_hour:+.2f}{unit} an hour "
        f"({slope.low:+.2f} to {slope.high:+.2f}; up to {slope.allowed:.2f} does not count): {verdict}"
    )
