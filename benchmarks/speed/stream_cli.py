"""`edgereader bench stream`: a camera that is watched."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click

from ...runtime import Bundle, Reader
from ...runtime.errors import BundleError
from ..options import backend_option, precision_option
from ..record import command_line, files_of, now, this_machine, where, writable, write_json
from .cli import busy
from .soak import interruptions, slope_line
from .stream_clip import frame_hw, write_clip
from .stream_figures import Latency, Live, Rate, Stream
from .stream_run import live, rates
from .stream_watch import Watch

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("bundle", default="digits-edge")
@click.option("--json", "file", type=FILE, help="Write the report to this file.")
@backend_option
@precision_option
@click.option(
    "--minutes", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True, help="In real time."
)
@click.option(
    "--seconds", type=click.FloatRange(min=0.1), default=10.0, show_default=True, help="Of a turn as fast as it goes."
)
@click.option("--turns", type=click.IntRange(min=1), default=3, show_default=True, help="As fast as it goes.")
def stream(
    bundle: str, file: Path | None, backend: str, precision: str | None, minutes: float, seconds: float, turns: int
) -> None:  # fmt: skip
    """Watch a camera of 1280 × 720 with BUNDLE: what it can read in a second, how late, and whether anything grows.

    The camera is a clip, made of a sample photo on which the number changes every second, with a camera's noise. It is
    decoded and read as fast as that goes, a static region and the whole picture with detection on every frame in turns;
    and then in real time, where what cannot be read in time is dropped. That PASSes when memory and handles do not grow
    (as of `bench soak`) and no event is wrong.

    Exit codes: 0 PASS, 1 FAIL, 2 wrong usage or input, 3 interrupted: nothing is written.
    """
    writable(file)
    opened = Bundle.open(bundle)
    reader = Reader(opened, backend=backend, precision=precision, upright=True)
    if "detector" not in reader.sessions:
        raise BundleError(f"{bundle}: expected a bundle with a detector, got one without; choose another")
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)  # fails now, not after measuring
    busy()
    with tempfile.TemporaryDirectory(prefix="edgereader-stream-") as folder, interruptions() as stopped:
        clip = Path(folder) / "clip.avi"
        write_clip(clip)
        static, detecting = rates(reader, clip, seconds, turns, stopped=stopped)
        watched = live(reader, clip, minutes, stopped=stopped, progress=Progress())
        if stopped():
            click.echo("interrupted; nothing is written", err=True)
            sys.exit(3)
    report = describe(opened, reader, (static, detecting), watched)
    if file:
        write_json(file, report)
    click.echo(summary(report))
    sys.exit(not report.passed)


class Progress:
    """A line for a minute."""

    def __init__(self) -> None:
        self._minutes = 0

    def __call__(self, watch: Watch) -> None:
        """Say how far it is, if another minute is over."""
        if watch.samples and int(watch.samples[-1].at_s / 60) > self._minutes:
            self._minutes, last = int(watch.samples[-1].at_s / 60), watch.samples[-1]
            click.echo(
                f"{last.at_s / 60:.1f} min: {last.frames} frames, {last.rss_mib:.1f} MiB, median {last.p50_ms:.0f} ms, "
                f"{last.cpu_ms:.0f} ms of processor time a frame",
                err=True,
            )


def describe(bundle: Bundle, reader: Reader, found: tuple[Rate, Rate], watched: Live) -> Stream:
    """The report of what was measured."""
    backend, precision = where(reader)
    return Stream(
        command=command_line(),
        date=now(),
        machine=this_machine(),
        bundle=bundle.manifest.name,
        files=files_of(bundle, reader),
        backend=backend,
        precision=precision,
        frame_hw=frame_hw(),
        static=found[0],
        detecting=found[1],
        live=watched,
        passed=not watched.wrong and watched.events > 0 and all(each.passed for each in watched.slopes if each.judged),
    )


def summary(report: Stream) -> str:
    """What was found, in lines for a terminal."""
    live_ = report.live
    detections, crops = (count / 60 / live_.minutes for count in (live_.detections, live_.crops))
    wrong = f"{live_.wrong} wrong: {live_.first_wrong}" if live_.wrong else "0 wrong"
    lines = [
        f"static region: {report.static.readings_per_s:.1f} readings/s",
        f"detection on every frame: {report.detecting.frames_per_s:.1f} frames/s",
        f"{live_.minutes:.1f} min at {live_.fps:g} frames/s: {live_.frames} frames, {live_.dropped} dropped",
        f"{detections:.2f} detections/s, {crops:.1f} crops/s, {100 * live_.cpu_share:.0f} % of all cores",
        f"capture to reading: {_times(live_.reading)}",
        f"capture to event: {_times(live_.event)}",
        f"{live_.events} events, {live_.missed} numbers missed, {wrong}",
        *(slope_line(each) for each in live_.slopes),
    ]
    if not live_.slopes:
        lines.append("no slopes: too few samples after the warm-up; watch for longer")
    return "\n".join([*lines, "PASS" if report.passed else "FAIL"])


def _times(latency: Latency | None) -> str:
    if latency is None:
        return "none"
    return f"p50 {latency.p50_ms:.0f} ms, p99 {latency.p99_ms:.0f} ms, most {latency.most_ms:.0f} ms"
