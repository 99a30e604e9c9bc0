"""What is counted and timed while a camera is watched."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from ...runtime.geometry.images import Frame
from ...runtime.service.board import Board
from ...runtime.stream.numbers.events import Event
from ...runtime.stream.tracking.watcher import Seen
from ..memory import MIB, host_bytes
from .slopes import slopes
from .soak_figures import Sample, Slope
from .soak_run import handles
from .stream_figures import Latency

JUDGED = "rss_mib", "handles"
"""Slopes that the verdict looks at; what a frame costs is other programs' doing too."""


class Times:
    """Latencies in memory that is taken at the start, so that the process does not grow by them."""

    def __init__(self, most: int) -> None:
        self._ms, self._count = np.ones(most), 0

    def add(self, ms: float) -> None:
        """Keep one; beyond the most there is no room for more."""
        if self._count < len(self._ms):
            self._ms[self._count] = ms
            self._count += 1

    def since(self, before: int) -> NDArray[np.float64]:
        """Those after the first so many."""
        return self._ms[before : self._count]

    def __len__(self) -> int:
        return self._count


class Watch(Board):
    """The board and the sink of a stream: counts what is seen and told, and takes a sample every few seconds."""

    def __init__(self, warm_up_s: float, every_s: float, most: int, look_up: Callable[[Watch], None]) -> None:
        """Begin.

        Args:
            warm_up_s: latencies of the first seconds are left out.
            every_s: seconds between samples, at least.
            most: so many frames are timed at most.
            look_up: called after every frame.
        """
        super().__init__("bench")
        self.read = self.detections = self.crops = 0
        self.texts: list[str] = []
        self.samples: list[Sample] = []
        self._reading_ms, self._event_ms = Times(most), Times(most)
        self._warm_up_s, self._every_s, self._look_up = warm_up_s, every_s, look_up
        self._warm = [0, 0]
        self._began_s, self._cpu_began_s = time.monotonic(), time.process_time()
        self._last = (0, 0, self._cpu_began_s)

    @property
    def at_s(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began_s

    @property
    def cpu_s(self) -> float:
        """Processor time of this process since it began, all its threads."""
        return time.process_time() - self._cpu_began_s

    def show(self, seen: Seen) -> None:
        """Count and time a frame."""
        super().show(seen)
        self.read, self.detections = self.read + 1, self.detections + seen.detected
        self.crops += seen.recognised
        if seen.recognised:
            self._reading_ms.add(1000 * (time.monotonic() - seen.shot.at_s))
        if self.at_s <= self._warm_up_s:
            self._warm = [len(self._reading_ms), len(self._event_ms)]
        if self.at_s >= (self.samples[-1].at_s if self.samples else 0.0) + self._every_s:
            self.samples.append(self._sample())
        self._look_up(self)

    def send(self, event: Event, crop: Frame | None) -> None:
        """Count and time an event."""
        super().send(event, crop)
        self.texts.append(event.text if event.sure else f"{event.text} (unsure)")
        self._event_ms.add(event.latency_ms)

    def _sample(self) -> Sample:
        (read, timed, cpu_s), now_s = self._last, time.process_time()
        times = self._reading_ms.since(timed)
        p50, p99 = np.percentile(times, (50, 99)).tolist() if len(times) else (0.0, 0.0)
        self._last = self.read, len(self._reading_ms), now_s
        return Sample(
            at_s=round(self.at_s, 2), frames=self.read, rss_mib=round(host_bytes() / MIB, 2), handles=handles(),
            p50_ms=round(p50, 2), p99_ms=round(p99, 2), cpu_ms=round(1000 * (now_s - cpu_s) / (self.read - read), 2),
        )  # fmt: skip

    @property
    def reading(self) -> Latency | None:
        """From capture to reading, after the warm-up."""
        return latency(self._reading_ms.since(self._warm[0]))

    @property
    def event(self) -> Latency | None:
        """From capture to event, after the warm-up."""
        return latency(self._event_ms.since(self._warm[1]))


def latency(times_ms: NDArray[np.float64]) -> Latency | None:
    """What there is to say about times; None where there are none."""
    if not len(times_ms):
        return None
    p50, p90, p99 = (round(each, 2) for each in np.percentile(times_ms, (50, 90, 99)).tolist())
    return Latency(count=len(times_ms), p50_ms=p50, p90_ms=p90, p99_ms=p99, most_ms=round(float(times_ms.max()), 2))


def slopes_of(samples: Sequence[Sample], warm_up_s: float) -> list[Slope]:
    """The slopes of samples; the verdict looks at memory and handles."""
    found = slopes(samples, warm_up_s, on_cpu=True)
    return [replace(each, judged=each.what in JUDGED) for each in found]


def check(told: Sequence[str], shown: Sequence[str]) -> tuple[int, list[str]]:
    """How many texts of a loop were not told, and what is wrong with those that were, in words.

    The loop may begin anywhere; each text is told once, in order.
    """
    missed, wrong, last = 0, [], None
    for number, text in enumerate(told, 1):
        place = shown.index(text) if text in shown else None
        steps = (place - last) % len(shown) if place is not None and last is not None else 1
        if place is None or steps == 0:
            expected = shown[0 if last is None else (last + 1) % len(shown)]
            wrong.append(f"event {number}: expected {expected}, got {text}")
            continue
        missed, last = missed + steps - 1, place
    return missed, wrong
