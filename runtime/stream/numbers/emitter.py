"""What was seen → events: each number by its kind."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import msgspec

from ...geometry.images import Frame
from ..settings import Number
from ..sources.frames import Shot
from ..tracking.watcher import Seen
from .drafts import Draft, Moment, SteadyClock
from .events import Event
from .free import Places
from .meter import Meter
from .plate import Plates
from .steps import Last

LOG = logging.getLogger("edgereader")
KINDS: dict[str, type[Plates | Places | Meter]] = {"plate": Plates, "free": Places, "counter": Meter}


@dataclass(frozen=True)
class Now:
    """What a number says now."""

    text: str
    value: float | None
    confidence: float
    """0..1."""
    sure: bool
    at: str
    """When it was last seen so, a counter; or emitted: ISO 8601, UTC, milliseconds."""
    note: str = ""


@dataclass(frozen=True)
class Condition:
    """How a number is, event or not."""

    problem: str
    """Why it is not believed now; "" = it is, or nothing was read yet."""
    rate: float | None
    """Of a counter: units an hour by which it rises of late; None = not known."""


class _Kept(msgspec.Struct):
    """A counter over a restart; with other settings it begins anew."""

    digits: int
    decimals: int
    falls: bool
    last: Last


class _State(msgspec.Struct):
    """An emitter over a restart."""

    id: int
    second: float
    taken_s: float | None
    counters: dict[str, _Kept]


class Emitter:
    """Makes the events of what was seen, each once; one thread calls it."""

    def __init__(
        self,
        stream: str,
        numbers: Sequence[Number],
        *,
        after: int = 0,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Begin.

        Args:
            stream: the configuration's name.
            numbers: what is read.
            after: events' ids are above this one, even where the clock was set back.
            clock: the one of `Shot.at_s`.
            now: seconds since 1970, for the events' ids.
        """
        self._stream, self._clock, self._now = stream, clock, now
        self._numbers = {number.name: number for number in numbers}
        self._kinds = {number.name: KINDS[number.kind](number) for number in numbers}
        self._steady, self._id = SteadyClock(), after
        self._seen: Seen | None = None
        self._values: dict[str, Now] = {}

    def emit(self, seen: Seen) -> list[tuple[Event, Frame | None]]:
        """Return the events of a frame, each with its text's best picture, (H, W, 3) uint8 BGR."""
        self._seen, moment = seen, _moment(seen, self._steady(seen.shot))
        events = []
        for name, kind in self._kinds.items():
            tracks, ended = ([track for track in some if track.name == name] for some in (seen.tracks, seen.ended))
            events += [self._event(name, draft, seen.shot) for draft in kind.update(tracks, ended, moment)]
            if isinstance(kind, Meter) and kind.same is not None:
                self._keep(name, kind.same, _iso(seen.shot.taken_s))
        return events

    def close(self) -> list[tuple[Event, Frame | None]]:
        """Return the events of what is still open when the stream ends: of plates, as nothing else has an end."""
        if self._seen is None:
            return []
        shot, moment = self._seen.shot, _moment(self._seen, self._steady.second)
        return [
            self._event(name, draft, shot)
            for name, kind in self._kinds.items()
            if isinstance(kind, Plates)
            for draft in kind.close([track for track in self._seen.tracks if track.name == name], moment)
        ]

    @property
    def values(self) -> dict[str, Now]:
        """What each number says now, of those that have said something; any thread may ask."""
        return dict(self._values)

    @property
    def conditions(self) -> dict[str, Condition]:
        """How each number is, as of the last frame."""
        found = {}
        for name, kind in self._kinds.items():
            value = self._values.get(name)
            problem = "" if value is None or value.sure else value.note or "unsure"
            rate = kind.counter.rate_per_h(self._steady.second) if isinstance(kind, Meter) else None
            found[name] = Condition(kind.doubt if isinstance(kind, Meter) else problem, rate)
        return found

    @property
    def state(self) -> dict[str, Any]:
        """What a restart must know, as JSON can hold it: the counters' values, the last id and the time."""
        kept = {
            name: _Kept(number.digits, number.decimals, number.falls, kind.counter.last)
            for name, kind in self._kinds.items()
            if isinstance(kind, Meter) and kind.counter.last and (number := self._numbers[name])
        }
        state = _State(self._id, self._steady.second, self._steady.taken_s, kept)
        return dict(msgspec.to_builtins(state))

    def restore(self, state: Any) -> None:
        """Go on from a state, before the first frame; a damaged one is logged, and all begins anew."""
        try:
            kept = msgspec.convert(state, _State)
        except msgspec.ValidationError as exc:
            LOG.warning("expected the state of a stream's counters, got one where %s; they begin anew", exc)
            return
        self._id, self._steady = max(self._id, kept.id), SteadyClock(kept.second, kept.taken_s)
        for name, counter in kept.counters.items():
            number, kind = self._numbers.get(name), self._kinds.get(name)
            if not isinstance(kind, Meter) or number is None:
                continue
            if (number.digits, number.decimals, number.falls) == (counter.digits, counter.decimals, counter.falls):
                kind.counter.last = counter.last

    def renewed(self, numbers: Sequence[Number]) -> Emitter:
        """Return one that reads other numbers, and goes on with ids and counters as after a restart."""
        emitter = Emitter(self._stream, numbers, after=self._id, clock=self._clock, now=self._now)
        emitter.restore(self.state)
        return emitter

    def _event(self, name: str, draft: Draft, shot: Shot) -> tuple[Event, Frame | None]:
        self._id = max(self._id + 1, int(self._now() * 1e6))
        track, at = draft.track, _iso(shot.taken_s)
        self._keep(name, draft, at)
        event = Event(
            id=self._id,
            at=at,
            stream=self._stream,
            name=name,
            kind=self._numbers[name].kind,
            text=draft.text,
            value=draft.value,
            confidence=round(draft.confidence, 4),
            sure=draft.sure,
            note=draft.note,
            track=track.id,
            quad=[(round(x, 1), round(y, 1)) for x, y in track.quad.tolist()],
            frame_hw=(shot.frame.shape[0], shot.frame.shape[1]),
            frames=track.fused.frames,
            latency_ms=round((self._clock() - shot.at_s) * 1e3, 1),
        )
        return event, track.best

    def _keep(self, name: str, draft: Draft, at: str) -> None:
        """Keep what a number says, in a new table: another thread may hold the old one."""
        now = Now(draft.text, draft.value, draft.confidence, draft.sure, at, draft.note)
        self._values = {**self._values, name: now}


def _moment(seen: Seen, second: float) -> Moment:
    height, width = seen.shot.frame.shape[:2]
    return Moment(second, (height, width), seen.detected, seen.shot.look)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")
