"""The soak itself: frame after frame, and a sample every few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from ...runtime.errors import BackendError, ImageError
from ..memory import MIB, host_bytes
from ..record import now
from .slopes import slopes
from .soak_figures import Sample, Soak
from .soak_frames import CYCLE, Shot

Read = Callable[[Any], list[str]]
"""Gives the texts in a picture, and raises `ImageError` for what is none."""
Cycle = Callable[[int], Iterable[Shot]]
"""Makes the frames of a cycle."""
SAVE_S = 60.0


def handles() -> int:
    """Open file descriptors of this process, and its threads."""
    own = Path("/proc/self")
    return sum(1 for _ in (own / "fd").iterdir()) - 1 + sum(1 for _ in (own / "task").iterdir())


def end_s(hours: float) -> float:
    """When a soak of so many hours is over, by `Sample.at_s`."""
    return round(3600 * hours, 2)


class Watch:
    """Reads frames, times them, and notes what must not happen."""

    def __init__(self, read: Read) -> None:
        self.read = read
        self.frames, self.broken, self.wrong, self.first_wrong = 0, 0, 0, ""
        self.times_ms: list[float] = []
        self.cpu_s = 0.0
        self._known: dict[str, list[str]] = {}

    def __call__(self, shot: Shot) -> None:
        """Read one frame."""
        self.frames, self.broken = self.frames + 1, self.broken + shot.broken
        start, cpu_start = time.perf_counter(), time.process_time()
        try:
            texts = self.read(shot.frame)
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

    def sample(self, before: Soak, at_s: float, segment: int) -> Sample:
        """What there is to say of the frames since the last sample; begins with the next ones."""
        times = self.times_ms or [0.0]
        p50, p99 = np.percentile(times, (50, 99)).tolist()
        cpu_ms, self.times_ms, self.cpu_s = 1000 * self.cpu_s / len(times), [], 0.0
        return Sample(
            at_s=at_s, frames=before.frames + self.frames, rss_mib=round(host_bytes() / MIB, 2),
            handles=handles(), p50_ms=round(p50, 2), p99_ms=round(p99, 2), cpu_ms=round(cpu_ms, 2), segment=segment,
        )  # fmt: skip


def soak_on(
    before: Soak, read: Read, cycle: Cycle, *, stopped: Callable[[], bool], save: Callable[[Soak], None]
) -> Soak:
    """Go on with a soak until its hours are over or `stopped` says so.

    Args:
        before: as far as it came; without samples = a new one.
        read: reads a frame.
        cycle: makes the frames of a cycle; the soak goes on with the cycle after the last one that was finished.
        stopped: asked after every frame.
        save: given the soak so far about every minute.
    """
    watch, soak, samples = Watch(read), before, list(before.samples)
    segment = samples[-1].segment + 1 if samples else 0
    offset_s = samples[-1].at_s if samples else 0.0
    start = time.monotonic()
    number, at_s, saved_s = before.frames // CYCLE, offset_s, offset_s
    while at_s < end_s(before.hours):
        for shot in cycle(number):
            watch(shot)
            if stopped():
                return _noted(soak, before, watch)
        number, at_s = number + 1, round(offset_s + time.monotonic() - start, 2)
        over = at_s >= end_s(before.hours)
        if not over and at_s < (samples[-1].at_s if samples else 0.0) + before.every_s:
            continue
        samples.append(watch.sample(before, at_s, segment))
        soak = replace(
            before, date=now(), samples=samples[:], frames=samples[-1].frames, broken=before.broken + watch.broken,
            finished=over,
        )  # fmt: skip
        soak = judged(_noted(soak, before, watch))
        if at_s >= saved_s + SAVE_S:
            saved_s = at_s
            save(soak)
    return soak


def _noted(soak: Soak, before: Soak, watch: Watch) -> Soak:
    """With what went wrong until now."""
    first = before.first_wrong or watch.first_wrong
    return replace(soak, wrong=before.wrong + watch.wrong, first_wrong=first)


def judged(soak: Soak) -> Soak:
    """The same soak with its slopes and verdict."""
    found = slopes(soak.samples, soak.warm_up_s, on_cpu=soak.backend == "cpu")
    fine = bool(found) and all(each.passed for each in found if each.judged)
    return replace(soak, slopes=found, passed=soak.finished and fine and soak.wrong == 0)
