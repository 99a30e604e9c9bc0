"""Figures of a running stream: counters, rates over the last seconds, and latencies in a histogram of fixed buckets."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from .numbers.events import Event

if TYPE_CHECKING:
    from .tracking.watcher import Seen

Clock = Callable[[], float]
BUCKETS_S = tuple(round(step * 10.0**power, 6) for power in range(-3, 1) for step in (1, 1.5, 2, 3, 4, 5, 7)) + (
    10.0,
    20.0,
    30.0,
    60.0,
)
"""Upper limits of a histogram's buckets in seconds: 1 ms to a minute, steps of at most 2."""
RATE_S = 5
"""Rates are means over so many whole seconds."""


@dataclass(frozen=True)
class Latency:
    """What a histogram holds."""

    counts: tuple[int, ...]
    """Observations in each of ``BUCKETS_S``, and last those above all of them."""
    sum_s: float
    """Of all observations."""

    @property
    def count(self) -> int:
        """Observations."""
        return sum(self.counts)

    def quantile(self, share: float) -> float | None:
        """Return the seconds below which this share (0..1) of all observations is, interpolated; None without any."""
        if not self.count:
            return None
        wanted, before = share * self.count, 0
        for bucket, until in enumerate(accumulate(self.counts[:-1])):
            if until >= wanted and until > before:
                low, high = BUCKETS_S[bucket - 1] if bucket else 0.0, BUCKETS_S[bucket]
                return low + (high - low) * (wanted - before) / (until - before)
            before = until
        return BUCKETS_S[-1]


class Histogram:
    """Counts durations; safe with several threads."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BUCKETS_S) + 1)
        self._sum_s = 0.0
        self._lock = threading.Lock()

    def add(self, seconds: float) -> None:
        """Count one."""
        with self._lock:
            self._counts[bisect_left(BUCKETS_S, seconds)] += 1
            self._sum_s += seconds

    def now(self) -> Latency:
        """Return what it holds at this moment."""
        with self._lock:
            return Latency(tuple(self._counts), self._sum_s)


class Rate:
    """How often something happens, in the last ``RATE_S`` whole seconds; for one lock's holder."""

    def __init__(self) -> None:
        self._seconds: Counter[int] = Counter()

    def add(self, now_s: float, count: int = 1) -> None:
        """Count at a time of a clock that does not go back."""
        self._seconds[int(now_s)] += count
        if len(self._seconds) > RATE_S + 1:
            for old in [second for second in self._seconds if second < int(now_s) - RATE_S]:
                del self._seconds[old]

    def per_s(self, now_s: float) -> float:
        """Return the mean of the whole seconds before this one."""
        second = int(now_s)
        return sum(self._seconds[counted] for counted in range(second - RATE_S, second)) / RATE_S


class Figures:
    """What a stream has done since it started; counted by the stream's thread, read by any."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self.reading = Histogram()
        """From a frame's capture to its readings."""
        self.event = Histogram()
        """From the capture of the frame that decided to the event."""
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._events: Counter[tuple[str, bool]] = Counter()
        self._rates = {"frames": Rate(), "crops": Rate()}

    def saw(self, seen: Seen) -> None:
        """Count a frame that was looked at."""
        now = self._clock()
        with self._lock:
            self._counts["frames"] += 1
            self._counts["detections"] += bool(seen.detected)
            self._counts["crops"] += seen.recognized
            self._rates["frames"].add(now)
            self._rates["crops"].add(now, seen.recognized)
        if seen.recognized:
            self.reading.add(max(now - seen.shot.at_s, 0.0))

    def emitted(self, event: Event) -> None:
        """Count an event."""
        with self._lock:
            self._events[event.name, event.sure] += 1
        self.event.add(event.latency_ms / 1000)

    @property
    def counts(self) -> dict[str, int]:
        """Since the start: "frames" that were looked at, "detections", "crops" that were read, "events"."""
        with self._lock:
            counts = {name: self._counts[name] for name in ("frames", "detections", "crops")}
            return {**counts, "events": sum(self._events.values())}

    @property
    def events(self) -> dict[tuple[str, bool], int]:
        """Events of each number's name, sure or not."""
        with self._lock:
            return dict(self._events)

    @property
    def rates(self) -> dict[str, float]:
        """A second: "frames" that were looked at, "crops" that were read."""
        now = self._clock()
        with self._lock:
            return {name: rate.per_s(now) for name, rate in self._rates.items()}
