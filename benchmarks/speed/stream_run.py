"""A camera that is watched: as fast as that goes, and in real time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ...runtime import Reader
from ...runtime.stream.numbers.emitter import Emitter
from ...runtime.stream.run import Stream
from ...runtime.stream.settings import Camera, Detection, Number
from ...runtime.stream.sources.capture import Capture
from ...runtime.stream.tracking.watcher import Watcher
from ..trend import METHOD
from .slopes import GRAIN
from .stream_clip import FPS, NUMBERS, REGION
from .stream_figures import Live, Rate
from .stream_watch import Watch, check, slopes_of

WARM_UP_FRAMES = 10
WARM_UP_SHARE, LONGEST_WARM_UP_S = 0.1, 180.0
EVERY_S = 5.0
STATIC = [Number(name="bib", region=REGION, min_confidence=0.7)]
ANYWHERE = [Number(name="bib", min_confidence=0.7)]


def rates(reader: Reader, clip: Path, seconds: float, turns: int, *, stopped: Callable[[], bool]) -> tuple[Rate, Rate]:
    """How fast a static region is read, and the whole picture with detection on every frame; turns alternate.

    Each has a turn at least, of one frame at least, also when it is stopped.
    """
    static, detecting = [], []
    for _ in range(turns):
        static.append(_turn(Watcher(reader, Detection(), STATIC), clip, seconds, stopped))
        detecting.append(_turn(Watcher(reader, Detection(every_frames=1), ANYWHERE), clip, seconds, stopped))
        if stopped():
            break
    return _together(static), _together(detecting)


def _turn(watcher: Watcher, clip: Path, seconds: float, stopped: Callable[[], bool]) -> Rate:
    """Decode and read every frame, as fast as that goes."""
    start, took, frames, readings, detections = 0.0, 0.0, 0, 0, 0
    with Capture(Camera(source=str(clip), every_frame=True, loop=True)) as shots:
        for frames, shot in enumerate(shots, -WARM_UP_FRAMES):
            if frames == 0:
                start = time.perf_counter()
            (seen,) = watcher.look([shot])
            if frames < 0:
                continue
            readings += sum(each.read for each in seen.tracks)
            detections += seen.detected
            took = time.perf_counter() - start
            if took >= seconds or stopped():
                break
    frames += 1
    return Rate(
        frames=frames, seconds=took, turns_frames_per_s=[frames / took], readings=readings, detections=detections
    )


def _together(turns: Sequence[Rate]) -> Rate:
    return Rate(
        frames=sum(each.frames for each in turns),
        seconds=sum(each.seconds for each in turns),
        turns_frames_per_s=[each.frames_per_s for each in turns],
        readings=sum(each.readings for each in turns),
        detections=sum(each.detections for each in turns),
    )


def live(
    reader: Reader, clip: Path, minutes: float, *, stopped: Callable[[], bool], progress: Callable[[Watch], None]
) -> Live:
    """Watch the clip in a loop at its own speed, dropping what cannot be read in time."""
    warm_up_s = min(WARM_UP_SHARE * 60 * minutes, LONGEST_WARM_UP_S)
    watcher, emitter = Watcher(reader, Detection(), STATIC), Emitter("bench", STATIC)

    def look_up(watch: Watch) -> None:
        progress(watch)
        if watch.at_s >= 60 * minutes or stopped():
            capture.stop()

    with Capture(Camera(source=str(clip), loop=True)) as capture:
        watch = Watch(warm_up_s, EVERY_S, round(60 * FPS * minutes), look_up)
        Stream(capture, watcher, emitter, sinks=[], keeper=None, batch=1, viewers=[watch]).run()
        cpu_share, at_s, status = watch.cpu_s / watch.at_s / len(os.sched_getaffinity(0)), watch.at_s, capture.status
    missed, wrong = check(watch.texts, NUMBERS)
    return Live(
        minutes=round(at_s / 60, 3), fps=FPS, warm_up_s=warm_up_s, frames=status.frames, dropped=status.dropped,
        read=watch.read, detections=watch.detections, crops=watch.crops, events=len(watch.texts), missed=missed,
        wrong=len(wrong), first_wrong=wrong[0] if wrong else "", reading=watch.reading, event=watch.event,
        cpu_share=cpu_share, samples=watch.samples, slopes=slopes_of(watch.samples, warm_up_s),
        method=f"{METHOD}; {GRAIN}",
    )  # fmt: skip
