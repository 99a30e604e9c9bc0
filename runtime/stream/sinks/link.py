"""One connection to a broker of MQTT 5, from its start to its end, driven by one thread."""

from __future__ import annotations

import select
import socket
import ssl
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


@dataclass(frozen=True)
class Broker:
    """Where to connect, and as whom; its password shows nowhere."""

    host: str
    port: int
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


@dataclass(frozen=True)
class Acknowledged:
    """The broker's answer to a message."""

    message: int
    """What `Link.publish` returned."""
    code: int
    """MQTT 5 reason code."""
    words: str
    """The same in words."""

    @property
    def refused(self) -> bool:
        """Whether the broker did not take the message."""
        return self.code >= REFUSED


class Link:
    """A connection, new for each attempt, so that nothing is sent again but by us.

    Raises:
        OSError: no connection.
    """

    def __init__(self, broker: Broker, subscribe: str | None, wake: socket.socket) -> None:
        from paho.mqtt.client import Client, MQTTv5
        from paho.mqtt.enums import CallbackAPIVersion

        self.up = False
        """Whether the broker has accepted us."""
        self.lost = ""
        """Why the connection is at its end; "" = it is not."""
        self.heard: list[bytes] = []
        """Payloads under the subscribed topic."""
        self.answers: list[Acknowledged] = []
        self.name = broker.name
        self._subscribe, self._wake = subscribe, wake
        self._client: Client = Client(CallbackAPIVersion.VERSION2, client_id=broker.client, protocol=MQTTv5)
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
        self._client.connect(broker.host, broker.port, KEEPALIVE_S, clean_start=True)

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> int:
        """Send a message; its answer will be among `answers`, unless the connection is lost before."""
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
            self.lost = f"refused: {code}; check username and password"
        elif getattr(properties, "MaximumQoS", 1) < 1:
            self.lost = "refused: the broker acknowledges nothing (its highest QoS is 0)"
        else:
            self.up = True
            if self._subscribe is not None:
                client.subscribe(self._subscribe, qos=1)

    def _on_disconnect(
        self, _client: Client, _userdata: Any, _flags: DisconnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        why = "" if code.value == REFUSED else f": {code}"
        self.lost = self.lost or f"connection lost{why}"

    def _on_publish(
        self, _client: Client, _userdata: Any, message: int, code: ReasonCode, _properties: Properties
    ) -> None:
        self.answers.append(Acknowledged(message, code.value, str(code)))

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        self.heard.append(bytes(message.payload))
