"""Events to a broker of MQTT 5 or 3.1.1: each once and in order; what is true now, retained; Home Assistant's sensors.

How "once" is kept. An event is on disk before `send` returns. One event at a time is under way, with QoS 1, and it
leaves the disk when the broker has acknowledged it; so none is lost and none overtakes another. When the connection or
this process ends between the broker's receipt and its acknowledgement, nobody can know whether it arrived, and that one
event is sent again: its ``id`` is the same. Ids rise, so a receiver that passes over an event whose id is not higher
than the last one's has each exactly once. (QoS 2 would not help: its handshake is lost with the broker's or our memory,
and an event could then be lost instead of doubled.)

What a broker has acknowledged and not yet passed on is in its hands: one that is killed forgets what it kept in memory
for receivers that are away or slow (mosquitto: more than ``max_inflight_messages`` behind).

A broker that comes back is often there before its receivers are. For `PATIENCE_S` after a connection, an event of which
the broker says that nobody has subscribed to it stays in the queue and is offered again. (A broker of 3.1.1 cannot say
so: what it has acknowledged leaves the queue.)
"""

from __future__ import annotations

import contextlib
import logging
import random
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from ....errors import ConfigError
from ....extras import pip_install
from ...numbers.events import Event
from ...secrets import MQTT, read_password
from ...settings import Mqtt, Number
from ...sources.trouble import Trouble
from .connection import Broker, Connection
from .home_assistant import discovery, is_numeric, status_topic
from .outbox import Outbox
from .sender import ANSWER_S, PATIENCE_S, Due, Sender
from .topics import OFFLINE, ONLINE, Live, Topics, state

log = logging.getLogger("edgereader")

RETRY_S, RETRY_MOST_S = 1.0, 10.0
"""Wait before the first attempt to connect again, and the longest one; twice as long each time, and some chance."""
FAREWELL_S = 1.0
"""Time to say "offline"."""
LIVE_S = 10.0
"""What changes without an event is said so often at most, or when there is a problem, or none any more."""
STEADY_S = 30.0
"""After a connection that lasted so long, the waits begin anew."""


def open_mqtt(settings: Mqtt, stream: str, numbers: Sequence[Number]) -> MqttSink:
    """Open the queue and start to connect.

    Raises:
        ConfigError: what will never work: a CA file or password that cannot be read, no paho-mqtt.
        SinkError: the queue's file cannot be opened.
    """
    topics = Topics(settings.topic, stream)
    broker = make_broker(settings, topics)
    outbox = Outbox(Path(settings.queue), settings.queue_most)
    broker = replace(broker, client=f"{broker.client}-{outbox.part}")
    return MqttSink(broker, settings.home_assistant or "", topics, numbers, outbox, pictures=settings.pictures)


def make_broker(settings: Mqtt, topics: Topics) -> Broker:
    """Return whom to connect to; errors are those of `open_mqtt`."""
    try:
        import paho.mqtt.client  # noqa: F401 - fails early
    except ImportError as exc:
        raise ConfigError(f"mqtt: expected paho-mqtt, got none; {pip_install('stream')}") from exc
    tls = None
    if settings.tls:
        try:
            tls = ssl.create_default_context(cafile=settings.ca_file)
        except (OSError, ValueError) as exc:
            got = exc.strerror if isinstance(exc, OSError) and exc.strerror else exc
            raise ConfigError(f"mqtt.ca_file {settings.ca_file}: expected certificates, got: {got}; check it") from exc
    password = read_password(settings.password_file, MQTT)
    if settings.password_file is not None and settings.username is None:
        raise ConfigError("mqtt.password_file: expected username with it, got none; set mqtt.username")
    client = re.sub(r"[^A-Za-z0-9_-]", "_", f"edgereader-{topics.root}-{topics.stream}")
    user = settings.username
    return Broker(settings.host, settings.port, settings.version, client, topics.availability, user, password, tls)


class MqttSink:
    """The sink; it has a thread of its own, and connects again by itself."""

    def __init__(
        self,
        broker: Broker,
        home_assistant: str,
        topics: Topics,
        numbers: Sequence[Number],
        outbox: Outbox,
        *,
        pictures: bool = False,
    ) -> None:
        self._broker, self._topics, self._outbox = broker, topics, outbox
        self._home_assistant = home_assistant
        self._numeric = {number.name: is_numeric(number) for number in numbers}
        self._discovery = (
            discovery(home_assistant, topics, numbers, outbox.kept, pictures=pictures) if home_assistant else {}
        )
        self._pictures = pictures
        self._live: dict[str, tuple[Live, float]] = {}
        self._shown: dict[str, bytes] = {}
        """Retained topic → what it says, of what no restart needs to know."""
        self._status = status_topic(home_assistant) if home_assistant else None
        outbox.keep(self._discovery)
        self._due = Due()
        self._told = b'{"trouble":""}'
        self._retaining = threading.Lock()
        """Held by who brings what is retained up to date, so that nothing older comes after it."""
        self._closing = threading.Event()
        self._until_s = float("inf")
        self._connection, self._refusals, self._twins = Trouble(), Trouble(), Trouble()
        self._answered = False
        """Whether another stream of this name was told of us over this connection."""
        self._wake, self._nudge = socket.socketpair()
        self._nudge.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="edgereader-mqtt", daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        """What messages call it."""
        return "mqtt"

    @property
    def last_id(self) -> int:
        """The highest id that is, or was, in the queue on disk."""
        return self._outbox.last

    @property
    def trouble(self) -> str:
        """What is wrong with the connection, the broker or the queue now; "" = nothing."""
        return self._connection.line or self._twins.line or self._refusals.line or self._outbox.trouble

    def take(self, event: Event, picture: bytes | None = None) -> None:  # noqa: ARG002 - a store takes both
        """Put an event on disk, to be sent, unless it was there already."""
        topic = self._topics.state(event.name)
        with self._retaining:
            now = state(event, self._outbox.kept.get(topic), numeric=self._numeric.get(event.name, False))
            if self._outbox.add(self._topics.event(event.name), msgspec.json.encode(event), {topic: now}, event.id):
                self._due.put({topic: now})
        self._wake_up()

    def tell(self, trouble: str) -> None:
        """Say what is wrong with the stream and its sinks, retained; "" = nothing."""
        payload = msgspec.json.encode({"trouble": trouble})
        if payload != self._told:
            self._told = payload
            self._due.put({self._topics.trouble: payload})
            self._wake_up()

    def show(self, lives: Mapping[str, Live]) -> None:
        """Say what numbers say now, retained, where that has changed."""
        now, changed = time.monotonic(), {}
        for name, live in lives.items():
            before, said_s = self._live.get(name, (None, float("-inf")))
            if live != before and (before is None or live.problem != before.problem or now - said_s >= LIVE_S):
                self._live[name] = live, now
                changed[self._topics.live(name)] = msgspec.json.encode(live)
        self._put(changed)

    def picture(self, name: str, encoded: Callable[[], bytes]) -> None:
        """Say what the text of an event looks like, a JPEG file, retained, where pictures are sent."""
        if self._pictures:
            self._put({self._topics.picture(name): encoded()})

    def _put(self, changed: dict[str, bytes]) -> None:
        if changed:
            with self._retaining:
                self._shown |= changed
                self._due.put(changed)
            self._wake_up()

    def describe(self, numbers: Sequence[Number]) -> None:
        """Go on with other numbers: tell Home Assistant, and take back what is retained of those that are none."""
        with self._retaining:
            gone = self._numeric.keys() - {number.name for number in numbers}
            self._shown |= self._taken_back(gone)
            self._live = {name: live for name, live in self._live.items() if name not in gone}
            self._numeric = {number.name: is_numeric(number) for number in numbers}
            prefix = self._home_assistant
            kept, pictures = self._outbox.kept, self._pictures
            self._discovery = discovery(prefix, self._topics, numbers, kept, pictures=pictures) if prefix else {}
            self._outbox.keep(self._discovery)
            self._due.put(self._hello())
        self._wake_up()

    def close(self, seconds: float) -> None:
        """Send what waits, for at most so long, and say "offline"; what still waits stays on disk."""
        self._until_s = time.monotonic() + seconds
        self._closing.set()
        self._wake_up()
        self._thread.join(seconds + FAREWELL_S + 0.5)
        if waiting := len(self._outbox):
            log.warning("%s: %d events wait on disk for the next start", self._broker.name, waiting)
        if not self._thread.is_alive():
            self._outbox.close()
            self._wake.close()
            self._nudge.close()

    def _wake_up(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._nudge.send(b".")

    def _run(self) -> None:
        """Connect, talk, and connect again, until closed."""
        wait_s = RETRY_S
        heard = [topic for topic in (self._status, self._topics.client) if topic]
        while not self._over():
            began_s = time.monotonic()
            try:
                self._talk(Connection(self._broker, heard, self._wake))
            except Exception as exc:  # noqa: BLE001 - whatever a broker or network does, we go on trying
                if not self._over():
                    self._connection.say(f"{self._broker.name}: {why(exc)}; trying again, events wait on disk")
            wait_s = RETRY_S if time.monotonic() - began_s > STEADY_S else min(2 * wait_s, RETRY_MOST_S)
            self._closing.wait(wait_s * random.uniform(0.5, 1.0))
            if self._closing.is_set() and not self._over():
                time.sleep(0.2)

    def _over(self) -> bool:
        """Return whether nothing is to be done any more."""
        return self._closing.is_set() and (time.monotonic() >= self._until_s or self._outbox.first() is None)

    def _talk(self, connection: Connection) -> None:
        """Send over a connection, until it is lost or the sink is closed.

        Raises:
            ConnectionError: the connection is lost, or was refused.
        """
        try:
            self._await_welcome(connection)
            self._answered = False
            sender = Sender(connection, self._outbox, self._due, self._refusals, PATIENCE_S)
            with self._retaining:
                self._due.put(self._hello())
            while not connection.lost and not sender.stalled:
                sender.step()
                heard, connection.heard = connection.heard, []
                for topic, payload in heard:
                    self._hear(topic, payload)
                if self._closing.is_set():
                    sender.patient_s = 0.0
                    if sender.idle or time.monotonic() >= self._until_s:
                        self._part(connection)
                        return
            raise ConnectionError(connection.lost or "connection lost: the broker does not answer")
        finally:
            connection.drop()

    def _hear(self, topic: str, payload: bytes) -> None:
        """Describe the numbers to a Home Assistant that has started; and find another stream of the same name."""
        if topic == self._status and payload == ONLINE:
            self._due.put(self._discovery)
        elif topic == self._topics.client and payload and payload != self._outbox.part.encode():
            self._twins.say(
                f"{self._broker.name}: another stream called {self._topics.stream} speaks under our topics, and "
                "receivers miss events of both; give each a name of its own"
            )
            if not self._answered:
                self._answered = True
                self._due.put({topic: self._outbox.part.encode()})

    def _await_welcome(self, connection: Connection) -> None:
        until_s = time.monotonic() + ANSWER_S
        while not connection.up and not connection.lost and time.monotonic() < min(until_s, self._until_s):
            connection.step(0.5)
        if not connection.up:
            raise ConnectionError(connection.lost or f"no answer, is this a broker of MQTT {self._broker.version}?")
        self._connection.over(f"{self._broker.name}: connected, {len(self._outbox)} events wait")

    def _hello(self) -> dict[str, bytes]:
        """Return all that is retained, as it is now; what an earlier configuration left behind is taken back."""
        states = {self._topics.state(name) for name in self._numeric}
        others = {topic: payload for topic, payload in self._outbox.kept.items() if topic not in self._discovery}
        kept = {topic: payload if topic in states else b"" for topic, payload in others.items()}
        gone = [topic.split("/")[-2] for topic in kept if topic.endswith("/state") and topic not in states]
        kept |= self._taken_back(gone)
        own = {self._topics.trouble: self._told, self._topics.client: self._outbox.part.encode()}
        return {**kept, **self._shown, **self._discovery, **own, self._topics.availability: ONLINE}

    def _taken_back(self, names: Iterable[str]) -> dict[str, bytes]:
        """Return what makes a broker forget, beside their states, what it retains of numbers that are gone."""
        return {topic(name): b"" for name in names for topic in (self._topics.live, self._topics.picture)}

    def _part(self, connection: Connection) -> None:
        """Say "offline" and goodbye."""
        message = connection.publish(self._topics.availability, OFFLINE, retain=True)
        until_s = time.monotonic() + FAREWELL_S
        while (
            not connection.lost
            and time.monotonic() < until_s
            and all(answer.message != message for answer in connection.answers)
        ):
            connection.step(0.1)
        connection.end()


def why(exc: Exception) -> str:
    """Return an error of a connection in a few words, without secrets."""
    if isinstance(exc, ssl.SSLError):
        return f"TLS: {getattr(exc, 'verify_message', '') or exc.reason or 'failed'}"
    if isinstance(exc, TimeoutError):
        return "no answer"
    if isinstance(exc, OSError):
        return str(exc.strerror or exc)
    return f"{type(exc).__name__}: {exc}"
