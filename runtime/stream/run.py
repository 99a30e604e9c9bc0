"""A stream: everything that a configuration names, opened, run until it ends, and closed."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from ..errors import BackendError, ImageError
from ..geometry.images import Frame
from ..reader import Reader
from ..service.board import RECENT, Board
from ..service.figures import Histogram
from .configuration.config import Config
from .configuration.rules import is_path
from .numbers.events import Event, Sink
from .numbers.kinds import Teller
from .secrets import find_token
from .settings import Camera, Http, Reading, Settings
from .settings import History as HistorySettings
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
"""Frames of a file that are looked at together where time does not matter."""
CLOSE_S = 5.0
"""What waits in a sink is brought out for so long at the end."""
MOST_FAILURES = 10
"""A backend that fails for so many frames in a row will not come back."""
QUIET_S = 60.0
"""Frames that were left out are told at most so often."""
COUNTS = ("detections", "crops", "events")


@dataclass
class Stream:
    """The parts of a stream that is open."""

    capture: Capture
    watcher: Watcher
    teller: Teller
    board: Board
    sinks: Sequence[Sink]
    keeper: Keeper | None
    """None = nothing is kept over restarts."""
    batch: int
    """Frames that are looked at together."""
    url: str | None
    """Of the live page."""

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
                    told = self.teller.tell(seen)
                    self._send(told)
                    self.board.show(seen)
                    self._save(now=any(event.kind == "counter" for event, _ in told))  # so that none is told twice
        finally:
            self._send(self.teller.close())
            self._save(now=True)

    def _save(self, *, now: bool = False) -> None:
        if self.keeper is not None:
            self.keeper.save(now=now)

    def _send(self, told: Iterable[tuple[Event, Frame | None]]) -> None:
        for event, crop in told:
            for sink in self.sinks:
                sink.send(event, crop)

    def summary(self) -> str:
        """What it did, in a line."""
        status, figures = self.capture.status, self.board.figures
        counts = {"frames": status.frames, "dropped": status.dropped, "broken": status.broken}
        counts |= {"failed": self._failures.count, **{name: figures.counts[name] for name in COUNTS}}
        told = ", ".join(f"{count} {name}" for name, count in counts.items())
        return f"{told}; from capture to reading {quantiles(figures.reading)}, to event {quantiles(figures.event)}"


def quantiles(histogram: Histogram) -> str:
    """The median and the 99th percentile of durations."""
    found = [(name, histogram.now().quantile(share)) for name, share in (("p50", 0.5), ("p99", 0.99))]
    return ", ".join("-" if seconds is None else f"{name} {seconds * 1000:.0f} ms" for name, seconds in found)


class Failures:
    """Frames that could not be read: counted, told at most once a minute, the stream's end when there is no end."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.count = 0
        """Frames that were left out."""
        self._clock = clock
        self._in_a_row = 0
        self._quiet_until_s = -math.inf

    def guard(self, look: Callable[[Sequence[Shot]], list[Seen]], shots: Sequence[Shot]) -> list[Seen]:
        """What was seen in frames; nothing when that failed.

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
            self._tell(exc)
            return []
        self._in_a_row = 0
        return seen

    def _tell(self, exc: Exception) -> None:
        if self._clock() >= self._quiet_until_s:
            LOG.warning("a frame was left out (%d so far): %s", self.count, exc)
            self._quiet_until_s = self._clock() + QUIET_S


def together(shots: Iterable[Shot], size: int) -> Iterator[list[Shot]]:
    """Frames in batches, the last one perhaps smaller."""
    each = iter(shots)
    while batch := list(islice(each, size)):
        yield batch


def make_reader(reading: Reading) -> Reader:
    """Open the reader that a configuration asks for; errors are those of `Reader`."""
    return Reader(
        reading.bundle,
        reading.backend,
        reading.precision,
        reading.alphabet,
        reading.pattern,
        reading.min_confidence,
        reading.check,
        upright=reading.upright,
        long_side_px=reading.long_side_px,
        threads=reading.threads,
        find="text" if reading.all_text else reading.find,
        decimal=reading.decimal,
        thousands=reading.thousands,
    )


def open_history(settings: HistorySettings) -> History:
    """Open the events of the past; errors are those of `History`."""
    return History(Path(settings.path), settings.days, settings.max_mb)


def state_file(config: Config) -> Path | None:
    """Where counters are kept without a history: beside the configuration; None = nowhere, or nothing to keep."""
    if config.path is None or all(each.kind != "counter" for each in config.settings.numbers):
        return None
    return config.folder / f"{config.path.stem}.state.json"


def _board(settings: Settings, capture: Capture, teller: Teller, history: History | None) -> Board:
    past = [] if history is None else [each.event for each in reversed(history.latest(RECENT))]
    status, values = (lambda: capture.status), (lambda: teller.values)
    return Board(settings.name, settings.numbers, status=status, values=values, recent=past)


def _serve(
    stack: ExitStack,
    settings: Settings,
    board: Board,
    history: History | None,
    evidence: Evidence | None,
    reader: Reader,
) -> str:
    """Start the live page; returns its URL."""
    from ..service.app import make_app
    from ..service.server import Server

    http = settings.http or Http()
    app = make_app(http, find_token(http), board, history, evidence, reader)
    return stack.enter_context(Server(app, http)).url


def at_once(camera: Camera) -> bool:
    """Whether frames come as fast as they are looked at, so that none is held back when several are taken together."""
    return camera.every_frame and not camera.fps and is_path(camera.source)


def closed_by(stack: ExitStack, sink: AnySink) -> AnySink:
    """See to it that a sink is closed, and what waits in it is brought out."""
    stack.callback(sink.close, CLOSE_S)
    return sink


@contextmanager
def open_stream(config: Config, more: Iterable[Sink] = ()) -> Iterator[Stream]:
    """Open everything that a configuration names, and close it again.

    Args:
        more: sinks beside those of the configuration.

    Raises:
        EdgeReaderError: something cannot be opened; what was open is closed.
    """
    settings = config.settings
    with ExitStack() as stack:
        history = None if settings.history is None else closed_by(stack, open_history(settings.history))
        evidence = None if settings.evidence.keep == "none" else closed_by(stack, Evidence(settings.evidence))
        sinks = [closed_by(stack, each) for each in open_sinks(settings)]
        sinks += [each for each in (history, evidence) if each is not None]
        teller = Teller(settings.name, settings.numbers, after=0 if history is None else history.last_id)
        store = history if history is not None else StateFile(path) if (path := state_file(config)) else None
        keeper = None if store is None else Keeper(teller, store)
        capture = stack.enter_context(Capture(settings.camera))
        board = _board(settings, capture, teller, history)
        reader = make_reader(settings.reader)
        url = None if settings.http is None else _serve(stack, settings, board, history, evidence, reader)
        watcher = Watcher(reader, settings.detect, settings.numbers, settings.mask)
        batch = BATCH if at_once(settings.camera) else 1
        yield Stream(capture, watcher, teller, board, [*sinks, board, *more], keeper, batch, url)
