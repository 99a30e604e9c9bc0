"""MQTT topics of a stream, and what is said under them."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import msgspec

from ...numbers.events import Event

ONLINE, OFFLINE = b"online", b"offline"
LONGEST_STATE = 255
"""Characters that Home Assistant takes as a state."""


@dataclass(frozen=True)
class Topics:
    """Topics of a stream."""

    root: str
    """The configuration's topic."""
    stream: str

    @property
    def availability(self) -> str:
        """Retained "online" or "offline"."""
        return f"{self.root}/{self.stream}/availability"

    @property
    def trouble(self) -> str:
        """Retained, what is wrong with the stream and its sinks."""
        return f"{self.root}/{self.stream}/trouble"

    @property
    def client(self) -> str:
        """Retained, which client speaks here: another one is another stream of the same name."""
        return f"{self.root}/{self.stream}/client"

    def state(self, name: str) -> str:
        """Return the topic of what a number says now, which is retained."""
        return f"{self.root}/{self.stream}/{name}/state"

    def live(self, name: str) -> str:
        """Return the topic of what changes of a number without an event, which is retained."""
        return f"{self.root}/{self.stream}/{name}/live"

    def picture(self, name: str) -> str:
        """Return the topic of the JPEG file of a number's last event, which is retained."""
        return f"{self.root}/{self.stream}/{name}/picture"

    def event(self, name: str) -> str:
        """Return the topic of a number's events, each once and in order, which are not retained."""
        return f"{self.root}/{self.stream}/{name}/event"


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What a number says now, as JSON."""

    text: str
    value: float | None
    confidence: float
    at: str
    sure: bool
    note: str
    last_sure: float | str | None
    """The last sure reading, Home Assistant's state: the value of what is numeric, else the text; null = none yet."""
    last_sure_at: str | None


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """What changes of a number without an event, as JSON."""

    problem: str
    """Why nothing is believed any more; "" = something is, or nothing was read yet."""
    rate: float | None = None
    """Of a counter: units an hour by which it rose of late, 0 when it stands; null = not known."""


def state(event: Event, before: bytes | None, *, numeric: bool) -> bytes:
    """Return what a number says after an event, given what it said before."""
    sure: tuple[float | str | None, str | None] = (None, None)
    if event.sure:
        sure = (event.value if numeric else event.text[:LONGEST_STATE], event.at)
    elif before is not None:
        with contextlib.suppress(msgspec.DecodeError):  # of another version
            earlier = msgspec.json.decode(before, type=State)
            sure = (earlier.last_sure, earlier.last_sure_at)
    now = {field: getattr(event, field) for field in State.__struct_fields__[:-2]}
    return msgspec.json.encode(State(**now, last_sure=sure[0], last_sure_at=sure[1]))
