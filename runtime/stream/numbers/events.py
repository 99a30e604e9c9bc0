"""What a stream emits: readings that are worth an event, once each."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import msgspec

from ...geometry.images import Frame
from ..settings import Kind


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A number was read."""

    id: int
    """Rises from event to event, over restarts too: microseconds since 1970 of its making, or one more."""
    at: str
    """When the frame was taken: ISO 8601, UTC, milliseconds."""
    stream: str
    """The configuration's name."""
    name: str
    """The number's name."""
    kind: Kind
    text: str
    """What it says; of something unsure, the likeliest."""
    value: int | float | None = None
    """The same as a number, where it is one."""
    confidence: float
    """How likely all characters are right, 0..1, from all frames together."""
    sure: bool
    """Whether it is as likely as was asked for, and plausible."""
    note: str = ""
    """What else there is to say: "rollover", "meter changed", "not plausible: falls", ..."""
    track: int
    """Number of the track, from 1; the same text in the same place stays on it."""
    quad: list[tuple[float, float]]
    """Four corners x, y in pixels of the frame, clockwise from the text's top left."""
    frame_hw: tuple[int, int]
    """Height and width of the frame."""
    frames: int
    """Frames that were fused."""
    latency_ms: float
    """From the capture of the frame that decided to the event."""

    @property
    def taken_s(self) -> float:
        """When the frame was taken, in seconds since 1970."""
        return datetime.fromisoformat(self.at.replace("Z", "+00:00")).timestamp()


class Sink(Protocol):
    """Where events go. A sink is called by one thread, returns at once, and never raises for what may pass."""

    def send(self, event: Event, crop: Frame | None) -> None:
        """Take an event, and the best picture of its text (H, W, 3) uint8 BGR."""

    def close(self, seconds: float) -> None:
        """Bring out what waits, for at most so long; then keep it on disk or give it up."""
