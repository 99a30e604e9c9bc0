"""One connection to a broker of MQTT, from its start to its end, driven by one thread."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

KEEPALIVE_S = 30
CONNECT_S = 5.0
"""Time for the TCP connection."""
NO_SUBSCRIBERS = 0x10
"""MQTT 5, 3.4.2.1: the message was accepted, but nobody has subscribed to it."""
REFUSED = 0x80
"""This reason code and all above it mean failure; itself, it gives no reason."""
LOGIN = "check username and password"
ADVICE = {
    0x84: "set another version under [mqtt]: {other}",
    0x85: "change topic or the stream's name, of which its id is made: {client}",
    0x86: LOGIN,
    0x87: f"{LOGIN}, and what the broker lets this user do",
    0x88: "it takes no clients now",
    0x89: "it has too much to do now",
    0x8A: "this client was shut out; ask who runs the broker",
    0x8C: f"it wants another way to log in than username and password; {LOGIN}",
    0x8E: "another client has the same id, {client}; give each stream a name of its own",
    0x90: "it does not take our topics; change topic",
    0x93: "it has too many messages under way",
    0x95: "a message is too large for it; raise its limit",
    0x96: "it takes fewer messages in a time; raise its limit",
    0x97: "this user's share is used up; raise the broker's limit",
    0x9A: "it keeps no retained messages; allow them in the broker",
    0x9B: "it acknowledges nothing (no QoS 1); take another broker",
    0x9C: "it has moved; change host",
    0x9D: "it has moved; change host",
    0x9F: "it takes fewer connections in a time",
}
"""MQTT 5 reason code → what to do; paho translates those of MQTT 3.1.1. Without one, its log says why."""


@dataclass(frozen=True)
class Broker:
    """Where to connect, and as whom; its password shows nowhere."""

    host: str
    port: int
    version: str
    """Of the protocol: "5" or "3.1.1"."""
    client: str
    """The broker knows us by it, and ends an older connection of the same name."""
    will: str
    """Topic under which the broker says "offline", retained, when the connection is lost."""
    username: str | None
    password: str | None = field(repr=False)
    tls: ssl.SSLContext | None

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"mqtt {self.host}:{self.port}"

    def advice(self, code: int) -> str:
        """Return what to do about a refusal with this reason code."""
        other = "3.1.1" if self.version == "5" else "5"
        return ADVICE.get(code, "the broker's log says why").format(client=self.client, other=f'version = "{other}"')


@dataclass(frozen=True)
class Acknowledged:
    """The broker's answer to a message."""

    message: int
    """What `Connection.publish` returned."""
    code: int
    """MQTT 5 reason code."""
    words: str
    """The same in words."""

    @property
    def refused(self) -> bool:
        """Whether the broker did not take the message."""
        return self.code >= REFUSED


class Connection:
    """A connection, new for each attempt, so that nothing is sent again but by us.

    Raises:
        OSError: no connection.
    """

    def __init__(self, broker: Broker, subscribe: Sequence[str], wake: socket.socket) -> None:
        from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY, Client
        from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

        self.up = False
        """Whether the broker has accepted us."""
        self.lost = ""
        """Why the connection is at its end; "" = it is not."""
        self.broker = broker
        self.heard: list[tuple[str, bytes]] = []
        """Topic and payload of what was said under the subscribed topics, without what was retained before."""
        self.answers: list[Acknowledged] = []
        self._subscribe, self._wake = subscribe, wake
        five = broker.version == "5"
        protocol = MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311
        clean = None if five else True
        self._client: Client = Client(CallbackAPIVersion.VERSION2, broker.client, clean, protocol=protocol)
        self._client.connect_timeout = CONNECT_S
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message
        self._client.will_set(broker.will, b"offline", qos=1, retain=True)
        if broker.username is not None:
            self._client.username_pw_set(broker.username, broker.password)
        if broker.tls is not None:
            self._client.tls_set_context(broker.tls)
        start = True if five else MQTT_CLEAN_START_FIRST_ONLY
        self._client.connect(broker.host, broker.port, KEEPALIVE_S, clean_start=start)

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> int:
        """Send a message with QoS 1; its answer will be among `answers`, unless the connection is lost before.

        What paho takes in on a lost connection (rc 4) it would send after it has connected again, which it never does:
        a new connection has a new client, and what has no answer is sent again by us.
        """
        self.step(0)  # what the broker said before it ended the connection is lost with a write
        return self._client.publish(topic, payload, qos=1, retain=retain).mid

    def step(self, seconds: float) -> None:
        """Wait for the broker or for a byte on the wake pipe, at most so long, and do what is to be done."""
        sock: Any = self._client.socket()
        if sock is None:
            self.lost = self.lost or "connection lost"
            return
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        poll.register(sock, select.POLLIN | (select.POLLOUT if self._client.want_write() else 0))
        unread = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        events = dict(poll.poll(0 if unread else seconds * 1000))
        if self._wake.fileno() in events:
            self._wake.recv(4096)
        ready = events.get(sock.fileno(), 0)
        if unread or ready & ~select.POLLOUT:
            self._client.loop_read()
        if ready & select.POLLOUT:
            self._client.loop_write()
        self._client.loop_misc()

    def end(self) -> None:
        """Say goodbye, so that the broker does not publish the will; or drop what is already lost."""
        self._client.disconnect()

    def drop(self) -> None:
        """Close the connection without a word."""
        sock: Any = self._client.socket()
        if sock is not None:
            sock.close()

    def _on_connect(
        self, client: Client, _userdata: Any, _flags: ConnectFlags, code: ReasonCode, properties: Properties | None
    ) -> None:
        if code.is_failure:
            self.lost = f"refused: {code}; {self.broker.advice(code.value)}"
        elif getattr(properties, "MaximumQoS", 1) < 1:
            self.lost = "refused: the broker acknowledges nothing (its highest QoS is 0)"
        else:
            self.up = True
            if self._subscribe:
                client.subscribe([(topic, 1) for topic in self._subscribe])

    def _on_disconnect(
        self, _client: Client, _userdata: Any, flags: DisconnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        advice = f"; {self.broker.advice(code.value)}" if flags.is_disconnect_packet_from_server else ""
        why = f": {code}{advice}" if code.value > REFUSED else ""
        self.lost = self.lost or f"connection lost{why}"

    def _on_publish(
        self, _client: Client, _userdata: Any, message: int, code: ReasonCode, _properties: Properties
    ) -> None:
        self.answers.append(Acknowledged(message, code.value, str(code)))

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        if not message.retain:
            self.heard.append((message.topic, bytes(message.payload)))
