"""`edgereader bench stream`: a camera that is watched, as fast as that goes, and in real time."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click
import cv2
import numpy as np

from ...runtime import Reader
from ...runtime.errors import DatasetError
from ...runtime.geometry.images import Frame
from ...runtime.service.board import Board
from ...runtime.stream.numbers.emitter import Emitter
from ...runtime.stream.numbers.events import Event
from ...runtime.stream.run import Stream as Watching
from ...runtime.stream.settings import Camera, Detection, Number
from ...runtime.stream.sinks.journal import Journal
from ...runtime.stream.sources.capture import Capture
from ...runtime.stream.tracking.watcher import Seen, Watcher
from ..options import backend_option, precision_option
from ..record import command_line, writable, write_json
from .bench import busy
from .photos import sample
from .results import Latency, Live, Rate, Sample, Stream, of_bundle, open_reader
from .soak import HOW, interruptions, sample_line, sample_of, slope_lines, slopes

FILE = click.Path(dir_okay=False, path_type=Path)
FPS = 25
NUMBERS = ("1573", "7315", "5137", "3751", "1735", "5371")
"""What is on the bib, a second each: the photo's own digits, in other orders."""
REGION = [(0.26, 0.34), (0.73, 0.34), (0.73, 0.64), (0.26, 0.64)]
"""Where it is, as shares of the picture."""
DIGITS = {"1": (398, 506), "5": (506, 622), "7": (622, 736), "3": (736, 868)}
"""First column and end of each digit in the photo."""
ROWS = slice(270, 446)
"""Rows of the photo that hold them."""
NOISE = 4.0
"""Standard deviation of a camera's noise, of 255."""
WARM_UP_FRAMES = 10
WARM_UP_SHARE, LONGEST_WARM_UP_S = 0.1, 180.0
EVERY_S = 5.0
STATIC = [Number(name="bib", region=REGION, min_confidence=0.7)]
ANYWHERE = [Number(name="bib", min_confidence=0.7)]
JUDGED = "rss_mib", "handles"
"""Slopes that the verdict looks at; what a frame costs is other programs' doing too."""


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
) -> None:
    """Watch a camera of 1280 × 720 with BUNDLE: what it can read in a second, how late, and whether anything grows.

    The camera is a clip, made of a sample photo on which the number changes every second, with a camera's noise. It is
    decoded and read as fast as that goes, a static region and the whole picture with detection on every frame in turns;
    and then in real time, where what cannot be read in time is dropped. That PASSes when memory and handles do not grow
    (as of `bench soak`) and no event is wrong.

    Exit codes: 0 PASS, 1 FAIL, 2 wrong usage or input, 3 interrupted: nothing is written.
    """
    writable(file)
    opened, reader = open_reader(bundle, backend, precision, upright=True)
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)  # fails now, not after measuring
    busy()
    with tempfile.TemporaryDirectory(prefix="edgereader-stream-") as folder, interruptions() as stopped:
        clip = Path(folder) / "clip.avi"
        write_clip(clip)
        static, detecting = rates(reader, clip, seconds, turns, stopped=stopped)
        watched = live(reader, clip, minutes, stopped=stopped)
        if stopped():
            click.echo("interrupted; nothing is written", err=True)
            sys.exit(3)
    grows = any(slope.judged and not slope.passed for slope in watched.slopes)
    report = Stream(
        **of_bundle(opened, reader),
        command=command_line(),
        frame_hw=bib(NUMBERS[0]).shape[:2],
        static=static,
        detecting=detecting,
        live=watched,
        passed=not watched.wrong and watched.events > 0 and not grows,
    )
    if file:
        write_json(file, report)
    click.echo(summary(report))
    sys.exit(not report.passed)


def write_clip(path: Path) -> None:
    """Write the clip as Motion JPEG, frames (720, 1280) at `FPS`.

    Raises:
        DatasetError: OpenCV cannot write it there.
    """
    height, width = bib(NUMBERS[0]).shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, (width, height))
    if not writer.isOpened():
        raise DatasetError(f"{path}: expected to write a clip with OpenCV, got no writer; is the disk full?")
    for frame in frames():
        writer.write(frame)
    writer.release()


def frames(seed: int = 0) -> Iterator[Frame]:
    """Make all frames of the clip, (720, 1280, 3) uint8 BGR."""
    random, most = np.random.default_rng(seed), round(NOISE * 3**0.5)
    for number in NUMBERS:
        still = bib(number)
        for _ in range(FPS):
            noise = random.integers(-most, most + 1, still.shape, np.int16)
            noisy: Frame = np.clip(still + noise, 0, 255).astype(np.uint8)
            yield noisy


def bib(number: str) -> Frame:
    """Return the sample photo with its digits in another order."""
    photo = sample()
    cut = [photo[ROWS, slice(*DIGITS[digit])] for digit in number]
    frame = photo.copy()
    frame[ROWS, min(DIGITS.values())[0] : max(DIGITS.values())[1]] = np.concatenate(cut, axis=1)
    return frame


def rates(reader: Reader, clip: Path, seconds: float, turns: int, *, stopped: Callable[[], bool]) -> tuple[Rate, Rate]:
    """Measure how fast a static region is read, and the whole picture with detection on every frame; turns alternate.

    Each has a turn at least, of one frame at least, also when it is stopped.
    """
    ways = (Detection(), STATIC), (Detection(every_frames=1), ANYWHERE)
    found: tuple[list[Rate], list[Rate]] = [], []
    for _ in range(turns):
        for (detection, numbers), taken in zip(ways, found, strict=True):
            taken.append(_turn(Watcher(reader, detection, numbers), clip, seconds, stopped))
        if stopped():
            break
    static, detecting = map(_together, found)
    return static, detecting


def _turn(watcher: Watcher, clip: Path, seconds: float, stopped: Callable[[], bool]) -> Rate:
    """Return how fast every frame is decoded and read."""
    start, took, number, readings, detections = 0.0, 0.0, 0, 0, 0
    with Capture(Camera(source=str(clip), every_frame=True, loop=True)) as shots:
        for number, shot in enumerate(shots, 1 - WARM_UP_FRAMES):
            if number == 1:
                start = time.perf_counter()
            (seen,) = watcher.look([shot])
            if number < 1:
                continue
            readings += sum(track.read for track in seen.tracks)
            detections += seen.detected
            took = time.perf_counter() - start
            if took >= seconds or stopped():
                break
    rate = [number / took]
    return Rate(frames=number, seconds=took, turns_frames_per_s=rate, readings=readings, detections=detections)


def _together(turns: Sequence[Rate]) -> Rate:
    sums = {
        name: sum(getattr(turn, name) for turn in turns) for name in ("frames", "seconds", "readings", "detections")
    }
    return Rate(turns_frames_per_s=[turn.frames_per_s for turn in turns], **sums)


def live(reader: Reader, clip: Path, minutes: float, *, stopped: Callable[[], bool]) -> Live:
    """Watch the clip in a loop at its own speed; what cannot be read in time is dropped. Print a line each minute."""
    warm_up_s = min(WARM_UP_SHARE * 60 * minutes, LONGEST_WARM_UP_S)
    watcher, emitter = Watcher(reader, Detection(), STATIC), Emitter("bench", STATIC)

    def look_up(watch: Watch) -> None:
        watch.say()
        if watch.at_s >= 60 * minutes or stopped():
            capture.stop()

    with Capture(Camera(source=str(clip), loop=True)) as capture:
        watch = Watch(warm_up_s, EVERY_S, look_up)
        journal = Journal(None)
        Watching(capture, watcher, emitter, journal, feeds=[], sinks=[], batch=1, viewers=[watch]).run()
        cpu_share, at_s, status = watch.cpu_s / watch.at_s / len(os.sched_getaffinity(0)), watch.at_s, capture.status
    missed, wrong = check(watch.texts, NUMBERS)
    return Live(
        minutes=round(at_s / 60, 3),
        fps=FPS,
        warm_up_s=warm_up_s,
        frames=status.frames,
        dropped=status.dropped,
        read=watch.read,
        detections=watch.detections,
        crops=watch.crops,
        events=len(watch.texts),
        missed=missed,
        wrong=len(wrong),
        first_wrong=wrong[0] if wrong else "",
        reading=latency(watch.reading_ms[watch.warm[0] :]),
        event=latency(watch.event_ms[watch.warm[1] :]),
        cpu_share=cpu_share,
        samples=watch.samples,
        slopes=slopes(watch.samples, warm_up_s, JUDGED),
        method=HOW,
    )


class Watch(Board):
    """The board and the sink of a stream: counts frames and events, and takes a sample every few seconds."""

    def __init__(self, warm_up_s: float, every_s: float, look_up: Callable[[Watch], None]) -> None:
        """Begin; latencies of the warm-up are left out, and `look_up` is called after every frame."""
        super().__init__("bench")
        self.read = self.detections = self.crops = 0
        self.texts: list[str] = []
        self.samples: list[Sample] = []
        self.reading_ms, self.event_ms, self.warm = array("d"), array("d"), (0, 0)
        self._warm_up_s, self._every_s, self._look_up, self._minutes = warm_up_s, every_s, look_up, 0
        self._began_s, self._cpu_began_s = time.monotonic(), time.process_time()
        self._last = (0, 0, 0.0)

    @property
    def at_s(self) -> float:
        """Return the seconds since it began."""
        return time.monotonic() - self._began_s

    @property
    def cpu_s(self) -> float:
        """Return the processor time of all threads since it began, in seconds."""
        return time.process_time() - self._cpu_began_s

    def show(self, seen: Seen) -> None:
        """Count and time a frame."""
        super().show(seen)
        self.read, self.detections = self.read + 1, self.detections + seen.detected
        self.crops += seen.recognized
        if seen.recognized:
            self.reading_ms.append(1000 * (time.monotonic() - seen.shot.at_s))
        if self.at_s <= self._warm_up_s:
            self.warm = len(self.reading_ms), len(self.event_ms)
        if self.at_s >= (self.samples[-1].at_s if self.samples else 0.0) + self._every_s:
            (read, timed, cpu_s), self._last = self._last, (self.read, len(self.reading_ms), self.cpu_s)
            times_ms, spent_s = self.reading_ms[timed:], self._last[2] - cpu_s
            self.samples.append(sample_of(round(self.at_s, 2), self.read, times_ms, spent_s, self.read - read))
        self._look_up(self)

    def send(self, event: Event, crop: Frame | None) -> None:
        """Count and time an event."""
        super().send(event, crop)
        self.texts.append(event.text if event.sure else f"{event.text} (unsure)")
        self.event_ms.append(event.latency_ms)

    def say(self) -> None:
        """Print a line when another minute is over."""
        if self.samples and (minutes := int(self.samples[-1].at_s / 60)) > self._minutes:
            self._minutes = minutes
            click.echo(f"{self.samples[-1].at_s / 60:.1f} min: {sample_line(self.samples[-1])}", err=True)


def latency(times_ms: Sequence[float]) -> Latency | None:
    """Return percentiles of times; None where there are none."""
    if not times_ms:
        return None
    p50, p90, p99, most = np.percentile(times_ms, (50, 90, 99, 100)).round(2).tolist()
    return Latency(count=len(times_ms), p50_ms=p50, p90_ms=p90, p99_ms=p99, most_ms=most)


def check(events: Sequence[str], shown: Sequence[str]) -> tuple[int, list[str]]:
    """Return how many texts of a loop had no event, and what is wrong with the events, in words.

    The loop may begin anywhere; each text has one event, in order.
    """
    missed, wrong, last = 0, [], None
    for number, text in enumerate(events, 1):
        place = shown.index(text) if text in shown else None
        steps = (place - last) % len(shown) if place is not None and last is not None else 1
        if place is None or steps == 0:
            expected = shown[0 if last is None else (last + 1) % len(shown)]
            wrong.append(f"event {number}: expected {expected}, got {text}")
            continue
        missed, last = missed + steps - 1, place
    return missed, wrong


def summary(report: Stream) -> str:
    """Return what was found, in lines for a terminal."""
    watched = report.live
    detections, crops = (count / 60 / watched.minutes for count in (watched.detections, watched.crops))
    wrong = f"{watched.wrong} wrong: {watched.first_wrong}" if watched.wrong else "0 wrong"
    lines = [
        f"static region: {report.static.readings_per_s:.1f} readings/s",
        f"detection on every frame: {report.detecting.frames_per_s:.1f} frames/s",
        f"{watched.minutes:.1f} min at {watched.fps:g} frames/s: {watched.frames} frames, {watched.dropped} dropped",
        f"{detections:.2f} detections/s, {crops:.1f} crops/s, {100 * watched.cpu_share:.0f} % of all cores",
        f"capture to reading: {_times(watched.reading)}",
        f"capture to event: {_times(watched.event)}",
        f"{watched.events} events, {watched.missed} numbers missed, {wrong}",
        *slope_lines(watched.slopes, "watch"),
    ]
    return "\n".join([*lines, "PASS" if report.passed else "FAIL"])


def _times(found: Latency | None) -> str:
    if found is None:
        return "none"
    return f"p50 {found.p50_ms:.0f} ms, p99 {found.p99_ms:.0f} ms, most {found.most_ms:.0f} ms"
