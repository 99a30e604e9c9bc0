"""What goes over one connection: the retained messages that are due, and one event after the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping

from ...sources.trouble import Trouble
from .connection import NO_SUBSCRIBERS, Acknowledged, Connection
from .outbox import Outbox, Waiting

PATIENCE_S = 30.0
"""For so long after a connection, an event that nobody has subscribed to is offered again: receivers connect too."""
AGAIN_S = 1.0
"""What was refused, or has no receiver yet, is offered again after so long."""
PACE_S = 0.01
"""At most one event in so long: what has waited long must not flood receivers, for which a broker keeps little."""
ANSWER_S = 15.0
"""A broker that does not answer for so long is lost."""


class Due:
    """Retained messages to send, the newest of each topic. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: dict[str, bytes] = {}

    def __bool__(self) -> bool:
        with self._lock:
            return bool(self._messages)

    def put(self, messages: Mapping[str, bytes]) -> None:
        """Add messages to send, in place of older ones under their topics."""
        with self._lock:
            self._messages.update(messages)

    def take(self, but: Collection[str]) -> dict[str, bytes]:
        """Take out all but those of some topics."""
        with self._lock:
            taken = {topic: payload for topic, payload in self._messages.items() if topic not in but}
            self._messages = {topic: payload for topic, payload in self._messages.items() if topic in but}
        return taken


class Sender:
    """Sends over a connection that is up."""

    def __init__(self, connection: Connection, outbox: Outbox, due: Due, trouble: Trouble, patience_s: float) -> None:
        self._connection, self._outbox, self._due, self._trouble = connection, outbox, due, trouble
        self._retained: dict[int, tuple[str, bytes]] = {}
        self._event: tuple[int, Waiting] | None = None
        self._again_s = 0.0
        self._heard_s = time.monotonic()
        self.patient_s = self._heard_s + patience_s
        """Until then, events without a receiver stay."""

    @property
    def idle(self) -> bool:
        """Whether the broker has all there is."""
        return not (self._due or self._retained) and self._event is None and self._outbox.first() is None

    @property
    def stalled(self) -> bool:
        """Whether the broker owes an answer for too long."""
        waits = bool(self._retained) or self._event is not None
        return waits and time.monotonic() - self._heard_s > ANSWER_S

    def step(self, seconds: float = 0.5) -> None:
        """Send what may be sent, and wait for answers or more work."""
        now = time.monotonic()
        if not self._retained and self._event is None:
            self._heard_s = now
        for topic, payload in self._due.take([topic for topic, _ in self._retained.values()]).items():
            self._retained[self._connection.publish(topic, payload, retain=True)] = (topic, payload)
        if self._event is None and (first := self._outbox.first()) is not None:
            if now >= self._again_s:
                self._event = (self._connection.publish(first.topic, first.payload, retain=False), first)
                self._again_s = now + PACE_S
            else:
                seconds = min(seconds, self._again_s - now)
        self._connection.step(seconds)
        answers, self._connection.answers = self._connection.answers, []
        for answer in answers:
            self._heard_s = time.monotonic()
            self._take(answer)

    def _take(self, answer: Acknowledged) -> None:
        if self._event is not None and answer.message == self._event[0]:
            self._take_event(answer, self._event[1])
            self._event = None
        elif answer.message in self._retained:
            topic, payload = self._retained.pop(answer.message)
            if answer.refused:
                self._refused(topic, answer)
            elif not payload:
                self._outbox.keep({topic: b""})

    def _take_event(self, answer: Acknowledged, event: Waiting) -> None:
        now = time.monotonic()
        if answer.refused:
            self._refused(event.topic, answer)
            self._again_s = now + AGAIN_S
        elif answer.code == NO_SUBSCRIBERS and now < self.patient_s:
            self._again_s = now + AGAIN_S
        else:
            self._outbox.remove(event.place)

    def _refused(self, topic: str, answer: Acknowledged) -> None:
        kind = topic.rpartition("/")[2]
        broker = self._connection.broker
        advice = broker.advice(answer.code)
        self._trouble.say(f"{broker.name}: refused what we say under .../{kind}: {answer.words}; {advice}")
