"""What the live page shows of a stream: references that the stream hands over; drawn when somebody looks."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2

from ..geometry.drawing import annotated
from ..geometry.images import Frame
from ..reader import Reading
from ..stream.figures import Clock, Figures
from ..stream.numbers.events import Event
from ..stream.settings import Number
from ..stream.sources.frames import Shot
from ..text.values import places, shown

if TYPE_CHECKING:
    from ..stream.numbers.emitter import Now
    from ..stream.sinks.feed import SinkStatus
    from ..stream.sources.status import CaptureStatus
    from ..stream.tracking.tracks import Track
    from ..stream.tracking.watcher import Seen

RECENT = 100
"""Events that the board keeps."""
PICTURE_S = 0.25
"""A picture is drawn at most so often, for all who look."""
DRAWN = 0.2
"""Tracks that are less likely to be read right are not drawn: texture, or a unit beside a number."""
PICTURE_PX = 1280
"""Longest side of a picture for the page."""
QUALITY = 80
"""Of its JPEG, 0..100."""


@dataclass(frozen=True)
class Picture:
    """The latest frame with what was read in it."""

    number: int
    """The shot's."""
    jpeg: bytes


class Board:
    """What the page shows; a sink of events too. Any thread may call it, and the stream's never waits for a picture."""

    def __init__(
        self,
        stream: str,
        numbers: Sequence[Number] = (),
        *,
        figures: Figures | None = None,
        status: Callable[[], CaptureStatus | None] = lambda: None,
        values: Callable[[], Mapping[str, Now]] = dict,
        sinks: Callable[[], Sequence[SinkStatus]] = tuple,
        lost: Callable[[], int] = int,
        missing: Callable[[], Mapping[str, str]] = dict,
        recent: Iterable[Event] = (),
        clock: Clock = time.monotonic,
    ) -> None:
        """Begin with nothing seen.

        Args:
            stream: its name.
            numbers: what it reads.
            figures: counts and latencies of the stream, which counts them itself.
            status: asked for the camera's state when somebody looks: ``lambda: capture.status``.
            values: asked for what each number says now, in the same way: ``lambda: emitter.values``.
            sinks: asked in the same way for how the log and the stores are.
            lost: asked in the same way how many events were given up.
            missing: asked in the same way what is to be said of numbers that were never found, by their names.
            recent: events of earlier runs, oldest first, that the page shows until there are new ones.
            clock: seconds that never go back.
        """
        self.stream, self.numbers = stream, tuple(numbers)
        self.figures = figures or Figures(clock)
        self._status, self._values, self._clock = status, values, clock
        self.sinks, self.lost, self.missing = sinks, lost, missing
        self.setup = False
        """Whether the page is to begin with setting up."""
        self._events: deque[Event] = deque(recent, maxlen=RECENT)
        self._seen: Seen | None = None
        self._shown_s = clock()
        self._lock = threading.Lock()
        self._drawing = threading.Lock()
        self._picture: tuple[float, Picture] | None = None

    def show(self, seen: Seen) -> None:
        """Take what was seen in a frame; nobody may write into the frame afterwards."""
        with self._lock:
            self._seen, self._shown_s = seen, self._clock()

    def send(self, event: Event, crop: Frame | None) -> None:  # noqa: ARG002 - crops are kept by the evidence
        """Take an event."""
        with self._lock:
            self._events.append(event)

    def change(self, numbers: Sequence[Number]) -> None:
        """Show other numbers from now on."""
        self.numbers = tuple(numbers)

    def close(self, seconds: float) -> None:
        """Do nothing, as nothing waits here."""

    @property
    def status(self) -> CaptureStatus | None:
        """The camera's state; None before there is one."""
        return self._status()

    @property
    def shot(self) -> Shot | None:
        """The latest frame that was looked at."""
        with self._lock:
            return None if self._seen is None else self._seen.shot

    @property
    def idle_s(self) -> float:
        """Seconds since a frame was looked at, or since the start."""
        with self._lock:
            return self._clock() - self._shown_s

    def since(self, number: int) -> list[Event]:
        """Return events with an id above this one, oldest first, as far as they are still here."""
        with self._lock:
            return [event for event in self._events if event.id > number]

    def readings(self) -> list[dict[str, Any]]:
        """Return what each number says now: name, kind, unit, text (None = nothing), value, confidence, sure, at.

        "shown" is the reading for a person, and "decimals" is how many digits it has behind the point.
        """
        now, last = dict(self._values()), {event.name: event for event in self.since(0)}
        found = []
        for number in self.numbers:
            says: Now | Event | None = now.get(number.name) or last.get(number.name)
            fields = ("text", "value", "confidence", "sure", "at")
            said = {field: None if says is None else getattr(says, field) for field in fields}
            text = None if says is None else self.shown(number.name, says.text, says.value)
            decimals = number.decimals if text is None or says is None or says.value is None else places(text)
            about = {"name": number.name, "kind": number.kind, "unit": number.unit, "decimals": decimals}
            found.append({**about, **said, "shown": text})
        return found

    def shown(self, name: str, text: str, value: float | None) -> str:
        """Return a number's reading as a person should see it."""
        decimals = next((number.decimals for number in self.numbers if number.name == name), 0)
        return shown(text, value, decimals)

    def picture(self) -> Picture | None:
        """Return the latest frame with boxes and texts, at most ``PICTURE_S`` behind; None before the first."""
        with self._drawing:
            now = self._clock()
            if self._picture is None or now - self._picture[0] >= PICTURE_S:
                with self._lock:
                    seen = self._seen
                if seen is None:
                    return None
                if self._picture is None or self._picture[1].number != seen.shot.number:
                    self._picture = now, Picture(seen.shot.number, draw(seen))
            return self._picture[1]


def draw(seen: Seen) -> bytes:
    """Return the JPEG file of a frame, at most ``PICTURE_PX``, with its likely tracks' boxes, texts, confidences."""
    frame, scale = _fitted(seen.shot.frame, PICTURE_PX)
    return jpeg(annotated(frame, [_reading(track, scale) for track in seen.tracks if track.fused.confidence >= DRAWN]))


def jpeg(frame: Frame, most_px: int = PICTURE_PX) -> bytes:
    """Return the JPEG file of a frame (H, W, 3) uint8 BGR, made smaller where a side is longer than this."""
    picture, _ = _fitted(frame, most_px)
    return cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))[1].tobytes()


def _fitted(frame: Frame, most_px: int) -> tuple[Frame, float]:
    scale = min(most_px / max(frame.shape[:2]), 1.0)
    if scale < 1:
        frame = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return frame, scale


def _reading(track: Track, scale: float) -> Reading:
    return Reading(track.fused.text, track.fused.confidence, track.quad * scale, (), 0, agrees=True)
