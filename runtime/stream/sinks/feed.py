"""What brings a store up to the log: what it cannot take now waits in the log, and comes later, in order."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ..numbers.events import Event
from ..sources.trouble import Trouble
from .journal import Journal

AGAIN_S, AGAIN_MOST_S = 1.0, 30.0
"""A store that could not take an event is tried again after so long, then twice as long each time, up to this."""


class Store(Protocol):
    """A sink that keeps events over a restart."""

    @property
    def name(self) -> str:
        """What messages, and the log, call it."""

    @property
    def last_id(self) -> int:
        """The highest id that is safely in it; 0 = it does not know."""

    @property
    def trouble(self) -> str:
        """What is wrong with it now, besides what `take` raises; "" = nothing."""

    def take(self, event: Event, picture: bytes | None) -> None:
        """Keep an event, and its JPEG file where pictures are kept; one that it has already stays as it is.

        Raises:
            OSError: it cannot be kept now; nothing of it was.
        """

    def close(self, seconds: float) -> None:
        """Bring out what waits, for at most so long; the rest stays on disk."""


@dataclass(frozen=True)
class SinkStatus:
    """How a store is."""

    name: str
    trouble: str
    """What is wrong with it; "" = nothing."""
    waiting: int
    """Events that wait for it in the log."""


class Feed:
    """Feeds one store; one thread calls it, any may ask for its status."""

    def __init__(self, store: Store, journal: Journal, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin after the last event that the store has; a new store gets those from now on."""
        self.store, self._journal, self._clock = store, journal, clock
        self._given = store.last_id or journal.positions.get(store.name, journal.last_id)
        self._has = self._given
        self._trouble, self._waiting = Trouble(), 0
        self._wait_s, self._again_s = AGAIN_S, float("-inf")

    @property
    def has(self) -> int:
        """The highest id that is safely in the store: the log may drop the events up to it."""
        self._has = max(self._has, min(self.store.last_id, self._given))
        return self._has

    @property
    def status(self) -> SinkStatus:
        """How the store is."""
        return SinkStatus(self.store.name, self._trouble.line or self.store.trouble, self._waiting)

    def pump(self, *, now: bool = False) -> None:
        """Give the store the next events that it has not, at most some; one that fails is let alone for a while."""
        if self._given >= self._journal.last_id or (not now and self._clock() < self._again_s):
            return
        try:
            for entry in self._journal.after(self._given):
                self.store.take(entry.event, entry.picture)
                self._given = entry.event.id
        except OSError as exc:
            self._again_s, self._wait_s = self._clock() + self._wait_s, min(2 * self._wait_s, AGAIN_MOST_S)
            self._count()
            self._trouble.say(f"{exc}; events wait")
        else:
            self._wait_s = AGAIN_S
            self._count()
            self._trouble.over(f"{self.store.name}: takes events again")

    def _count(self) -> None:
        try:
            self._waiting = self._journal.count(self._given)
        except OSError:  # the log's own trouble, which it says itself
            self._waiting = 0
