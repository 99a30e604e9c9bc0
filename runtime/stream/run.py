"""A stream: everything that a configuration names, opened, run until it ends, and closed."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from ..errors import BackendError, ImageError
from ..geometry.images import Frame
from ..reader import Reader
from .configuration.config import Config
from .configuration.rules import is_path
from .figures import Figures, Histogram
from .numbers.emitter import Emitter
from .numbers.events import Event, Sink
from .settings import Camera, Reading
from .sinks import open_sinks
from .sinks.evidence import Evidence
from .sinks.history import History
from .sinks.state import Keeper, StateFile
from .sources.capture import Capture
from .sources.frames import Shot
from .tracking.watcher import Seen, Watcher

AnySink = TypeVar("AnySink", bound=Sink)
LOG = logging.getLogger("edgereader")
BATCH = 4
"""Frames of a file that are read together where time does not matter."""
CLOSE_S = 5.0
"""Seconds in which a sink may bring out what waits in it, at the end."""
MOST_FAILURES = 10
"""A backend that fails for so many frames in a row will not come back."""
QUIET_S = 60.0
"""Seconds between two warnings of frames that were left out, at least."""
COUNTS = ("detections", "crops", "events")


class Viewer(Sink, Protocol):
    """A sink that is shown each frame too, as the live page is."""

    def show(self, seen: Seen) -> None:
        """Take what was seen in a frame, and return at once."""


@dataclass
class Stream:
    """The parts of a stream that is open."""

    capture: Capture
    watcher: Watcher
    emitter: Emitter
    sinks: Sequence[Sink]
    keeper: Keeper | None
    """None = nothing is kept over restarts."""
    batch: int
    """Frames that are read together."""
    history: History | None = None
    """One of the sinks; None = no events are kept."""
    evidence: Evidence | None = None
    """One of the sinks; None = no pictures are kept."""
    viewers: list[Viewer] = field(default_factory=list)
    """They may join until `run` begins."""
    figures: Figures = field(default_factory=Figures)

    def __post_init__(self) -> None:
        self._failures = Failures()

    def run(self) -> None:
        """Watch until the source ends or the capture is stopped.

        Raises:
            SourceError: the source cannot be opened, or not be read on.
            BackendError: the backend failed for ``MOST_FAILURES`` frames in a row.
            BrokenPipeError: nobody reads standard output any more.
        """
        try:
            for shots in together(self.capture, self.batch):
                for seen in self._failures.guard(self.watcher.look, shots):
                    self._take(seen)
        finally:
            self._send(self.emitter.close())
            self._save(now=True)

    def _take(self, seen: Seen) -> None:
        """Count and show a frame, and send its events; a counter's value is saved at once, so that it comes once."""
        self.figures.saw(seen)
        events = self.emitter.emit(seen)
        self._send(events)
        for viewer in self.viewers:
            viewer.show(seen)
        self._save(now=any(event.kind == "counter" for event, _ in events))

    def _save(self, *, now: bool = False) -> None:
        if self.keeper is not None:
            self.keeper.save(now=now)

    def _send(self, events: Iterable[tuple[Event, Frame | None]]) -> None:
        for event, crop in events:
            self.figures.emitted(event)
            for sink in (*self.sinks, *self.viewers):
                sink.send(event, crop)

    def summary(self) -> str:
        """Return what it did, in a line."""
        status, figures = self.capture.status, self.figures
        counts = {"frames": status.frames, "dropped": status.dropped, "broken": status.broken}
        counts |= {"failed": self._failures.count, **{name: figures.counts[name] for name in COUNTS}}
        done = ", ".join(f"{count} {name}" for name, count in counts.items())
        return f"{done}; from capture to reading {quantiles(figures.reading)}, to event {quantiles(figures.event)}"


def quantiles(histogram: Histogram) -> str:
    """Return the median and the 99th percentile of durations."""
    found = [(name, histogram.now().quantile(share)) for name, share in (("p50", 0.5), ("p99", 0.99))]
    return ", ".join("-" if seconds is None else f"{name} {seconds * 1000:.0f} ms" for name, seconds in found)


class Failures:
    """Frames that could not be read: counted, logged once a minute at most, and the end if there are too many."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.count = 0
        """Frames that were left out."""
        self._clock = clock
        self._in_a_row = 0
        self._quiet_until_s = -math.inf

    def guard(self, look: Callable[[Sequence[Shot]], list[Seen]], shots: Sequence[Shot]) -> list[Seen]:
        """Return what was seen in frames; nothing when that failed.

        Raises:
            BackendError: the backend failed too often in a row.
        """
        try:
            seen = look(shots)
        except (BackendError, ImageError) as exc:
            self.count += len(shots)
            self._in_a_row = self._in_a_row + 1 if isinstance(exc, BackendError) else 0
            if self._in_a_row == MOST_FAILURES:
                raise BackendError(
                    f"expected readings, got {MOST_FAILURES} failures in a row, the last: {exc}"
                ) from exc
            self._warn(exc)
            return []
        self._in_a_row = 0
        return seen

    def _warn(self, exc: Exception) -> None:
        if self._clock() >= self._quiet_until_s:
            LOG.warning("a frame was left out (%d so far): %s", self.count, exc)
            self._quiet_until_s = self._clock() + QUIET_S


def together(shots: Iterable[Shot], size: int) -> Iterator[list[Shot]]:
    """Yield frames in batches, the last one perhaps smaller."""
    rest = iter(shots)
    while batch := list(islice(rest, size)):
        yield batch


def make_reader(reading: Reading) -> Reader:
    """Open the reader that a configuration asks for; errors are those of `Reader`."""
    options = msgspec.structs.asdict(reading)
    if options.pop("all_text"):
        options["find"] = "text"
    return Reader(**options)


def state_file(config: Config) -> Path | None:
    """Return where counters are kept without a history: beside the configuration; None = nothing is to be kept."""
    if config.path is None or all(number.kind != "counter" for number in config.settings.numbers):
        return None
    return config.folder / f"{config.path.stem}.state.json"


def at_once(camera: Camera) -> bool:
    """Return whether frames come as fast as they are read, so that taking several together holds none back."""
    return camera.every_frame and not camera.fps and is_path(camera.source)


def closed_by(stack: ExitStack, sink: AnySink) -> AnySink:
    """Return a sink that is closed with the stack, after what waits in it was brought out."""
    stack.callback(sink.close, CLOSE_S)
    return sink


@contextmanager
def open_stream(config: Config, more: Iterable[Sink] = ()) -> Iterator[Stream]:
    """Open everything that a configuration names but the live page, and ``more`` sinks; close them again.

    Raises:
        EdgeReaderError: something cannot be opened; what was open is closed.
    """
    settings = config.settings
    with ExitStack() as stack:
        kept = settings.history
        history = None if kept is None else closed_by(stack, History(Path(kept.path), kept.days, kept.max_mb))
        evidence = None if settings.evidence.keep == "none" else closed_by(stack, Evidence(settings.evidence))
        sinks = [closed_by(stack, sink) for sink in open_sinks(settings)]
        sinks += [sink for sink in (history, evidence) if sink is not None]
        emitter = Emitter(settings.name, settings.numbers, after=0 if history is None else history.last_id)
        store = history if history is not None else StateFile(path) if (path := state_file(config)) else None
        keeper = None if store is None else Keeper(emitter, store)
        capture = stack.enter_context(Capture(settings.camera))
        watcher = Watcher(make_reader(settings.reader), settings.detect, settings.numbers, settings.mask)
        batch = BATCH if at_once(settings.camera) else 1
        yield Stream(capture, watcher, emitter, [*sinks, *more], keeper, batch, history, evidence)
