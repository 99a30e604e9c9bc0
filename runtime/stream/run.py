"""A stream: everything that a configuration names, opened, run until it ends, and closed.

What it tells goes into the log first, with the state that holds after it; from there every store gets it.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import msgspec

from ..errors import BackendError, ImageError
from ..geometry.images import Frame
from ..reader import Reader
from .configuration.config import Config
from .configuration.rules import is_path, written
from .figures import Figures, Histogram
from .missing import Missing
from .numbers.emitter import Emitter
from .numbers.events import Event, Sink
from .settings import Camera, Number, Reading, Settings
from .sinks import open_stores
from .sinks.evidence import Evidence, encoded
from .sinks.feed import Feed, SinkStatus
from .sinks.history import History
from .sinks.journal import EARLIER, Entry, Journal, earlier_state
from .sinks.jsonl import StandardOutput
from .sinks.mqtt.sink import MqttSink
from .sinks.mqtt.topics import Live
from .sources.capture import Capture
from .sources.frames import Shot
from .tracking.watcher import Seen, Watcher

LOG = logging.getLogger("edgereader")
BATCH = 4
"""Frames of a file that are read together where time does not matter."""
CLOSE_S = 5.0
"""Seconds in which a store may bring out what waits in it, at the end."""
SAVE_S = 300.0
"""The state is written so often where nothing is told, and at the end."""
MOST_FAILURES = 10
"""A backend that fails for so many frames in a row will not come back."""
QUIET_S = 60.0
"""Seconds between two warnings of frames that were left out, at least."""
COUNTS = ("detections", "crops", "events")


class Viewer(Sink, Protocol):
    """A sink that is shown each frame too, as the live page is."""

    def show(self, seen: Seen) -> None:
        """Take what was seen in a frame, and return at once."""

    def change(self, numbers: Sequence[Number]) -> None:
        """Go on with other numbers, and return at once."""


@dataclass
class Stream:
    """The parts of a stream that is open."""

    capture: Capture
    watcher: Watcher
    emitter: Emitter
    journal: Journal
    feeds: Sequence[Feed]
    """Of the stores."""
    sinks: Sequence[Sink]
    """Who listens now: standard output."""
    batch: int
    """Frames that are read together."""
    history: History | None = None
    """One of the stores; None = no events are kept."""
    evidence: Evidence | None = None
    """One of the stores; None = no pictures are kept."""
    viewers: list[Viewer] = field(default_factory=list)
    """They may join until `run` begins."""
    numbers: Sequence[Number] = ()
    """What is read."""
    figures: Figures = field(default_factory=Figures)
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        """Bring every store up to the log."""
        self._failures, self.missing = Failures(), Missing(self.numbers)
        self._changes = deque[tuple[Watcher, Sequence[Number]]](maxlen=1)
        self._log([])
        self._feed(now=True)

    def run(self) -> None:
        """Watch until the source ends or the capture is stopped.

        Raises:
            SourceError: the source cannot be opened, or not be read on.
            BackendError: the backend failed for ``MOST_FAILURES`` frames in a row.
            BrokenPipeError: nobody reads standard output any more.
        """
        try:
            for shots in together(self.capture, self.batch):
                self._go_on_with_change()
                for seen in self._failures.guard(self.watcher.look, shots):
                    self._take(seen)
        finally:
            try:
                self._send(self.emitter.close())
            finally:
                self._feed(now=True)
                self._log([])

    def prepare(self, settings: Settings) -> Callable[[], None]:
        """Return what makes the stream read the numbers of other settings from the next frame on; any thread may.

        Raises:
            AlphabetError: a number's pattern is none.
        """
        numbers = settings.numbers
        watcher = Watcher(self.watcher.reader, settings.detect, numbers, settings.mask)

        def change() -> None:
            self._changes.append((watcher, numbers))

        return change

    def _go_on_with_change(self) -> None:
        """Tell what is open, and begin anew with other numbers as after a restart, if there are any."""
        if not self._changes:
            return
        self._send(self.emitter.close())
        self.watcher, self.numbers = self._changes.popleft()
        self.emitter, self.missing = self.emitter.renewed(self.numbers), Missing(self.numbers)
        for feed in self.feeds:
            if isinstance(feed.store, MqttSink):
                feed.store.describe(self.numbers)
        for viewer in self.viewers:
            viewer.change(self.numbers)
        self._log([])

    def _take(self, seen: Seen) -> None:
        """Count and show a frame, and send its events."""
        self.figures.saw(seen)
        events = self.emitter.emit(seen)
        self.missing.take(seen, {event.name for event, _ in events})
        self._send(events)
        for viewer in self.viewers:
            viewer.show(seen)

    def _send(self, events: Sequence[tuple[Event, Frame | None]]) -> None:
        """Put events into the log with the state that holds after them, then into the stores, then show them."""
        if events or self.clock() >= self._next_s:
            encode = (lambda *_: None) if self.evidence is None else self.evidence.encoded
            self._log([Entry(event, encode(event, crop)) for event, crop in events])
        self._feed()
        for event, crop in events:
            self.figures.emitted(event)
            for sink in (*self.sinks, *self.viewers):
                sink.send(event, crop)
            for feed in self.feeds:
                if isinstance(feed.store, MqttSink) and crop is not None:
                    feed.store.picture(event.name, partial(encoded, crop))

    def _log(self, entries: Iterable[Entry]) -> None:
        self._next_s = self.clock() + SAVE_S
        self.journal.write(entries, self.emitter.state, {feed.store.name: feed.has for feed in self.feeds})

    def _feed(self, *, now: bool = False) -> None:
        """Give the stores what they have not, and the broker what is wrong with the others and with the numbers."""
        for feed in self.feeds:
            feed.pump(now=now)
        troubles = [f"{sick.name}: {sick.trouble}" for sick in self.status if sick.trouble and sick.name != "mqtt"]
        said = "; ".join([*troubles, *self.missing.said.values()])
        for feed in self.feeds:
            if isinstance(feed.store, MqttSink):
                feed.store.tell(said)
                feed.store.show(
                    {name: Live(problem=is_.problem, rate=is_.rate) for name, is_ in self.emitter.conditions.items()}
                )

    @property
    def status(self) -> list[SinkStatus]:
        """How the log and the stores are; any thread may ask."""
        log = SinkStatus("log", self.journal.trouble, self.journal.waiting)
        return [log, *(feed.status for feed in self.feeds)]

    def summary(self) -> str:
        """Return what it did, in a line."""
        status, figures = self.capture.status, self.figures
        counts = {"frames": status.frames, "dropped": status.dropped, "broken": status.broken}
        counts |= {"failed": self._failures.count, **{name: figures.counts[name] for name in COUNTS}}
        done = ", ".join(f"{count} {name}" for name, count in counts.items())
        never = f"; nothing was ever read of {', '.join(self.missing.never)}" * bool(self.missing.never)
        latencies = f"from capture to reading {quantiles(figures.reading)}, to event {quantiles(figures.event)}"
        return f"{done}; {latencies}{never}"


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


def log_file(config: Config) -> Path | None:
    """Return where the log and the state are kept; None = nothing is to be kept.

    They are in the configuration's folder, or, where that is read only, in one of what is written; without a
    configuration beside the history, or the queue.
    """
    paths = {place[0]: path for place, path in written(config.settings)}
    if config.path is not None:
        keeps = paths or any(number.kind == "counter" for number in config.settings.numbers)
        folders = [config.folder, *(Path(path).parent for path in paths.values())]
        folder = next((folder for folder in folders if os.access(folder, os.W_OK)), config.folder)
        if keeps and not paths and folder.is_dir() and not os.access(folder, os.W_OK):
            LOG.warning("%s: expected a folder that can be written to; counters begin anew after a restart", folder)
            return None
        return folder / f"{config.path.stem}.state.sqlite" if keeps else None
    beside = paths.get("history", paths.get("mqtt"))
    return None if beside is None else Path(beside).with_suffix(".state.sqlite")


def _state_of_earlier(path: Path | None, history: History | None) -> Any:
    """Return the state that a version without a log left in the history, or else in a file; None = none."""
    if history is not None:
        return history.get_state(EARLIER)
    return None if path is None else earlier_state(path)


def at_once(camera: Camera) -> bool:
    """Return whether frames come as fast as they are read, so that taking several together holds none back."""
    return camera.every_frame and not camera.fps and is_path(camera.source)


@contextmanager
def open_stream(config: Config, more: Iterable[Sink] = ()) -> Iterator[Stream]:
    """Open everything that a configuration names but the live page, and ``more`` sinks; close them again.

    Raises:
        EdgeReaderError: something cannot be opened; what was open is closed.
    """
    settings = config.settings
    with ExitStack() as stack:
        stores = open_stores(settings)
        for store in stores:
            stack.callback(store.close, CLOSE_S)
        history = next((store for store in stores if isinstance(store, History)), None)
        evidence = next((store for store in stores if isinstance(store, Evidence)), None)
        log = log_file(config)
        journal = Journal(log)
        stack.callback(journal.close)
        emitter = Emitter(
            settings.name, settings.numbers, after=max(journal.last_id, *(store.last_id for store in stores), 0)
        )
        earlier = None
        if log is not None and config.path is not None:
            earlier = config.folder / f"{config.path.stem}.state.json"
        state = journal.state if journal.state is not None else _state_of_earlier(earlier, history)
        if state is not None:
            emitter.restore(state)
        feeds = [Feed(store, journal) for store in stores]
        sinks = [*(StandardOutput() for file in settings.jsonl if file.path == "-"), *more]
        capture = stack.enter_context(Capture(settings.camera))
        watcher = Watcher(make_reader(settings.reader), settings.detect, settings.numbers, settings.mask)
        batch = BATCH if at_once(settings.camera) else 1
        stream = Stream(
            capture, watcher, emitter, journal, feeds, sinks, batch, history, evidence, numbers=settings.numbers
        )
        if earlier is not None and state is not None and not journal.trouble:
            earlier.unlink(missing_ok=True)  # the log has it now
        yield stream
