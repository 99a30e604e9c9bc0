"""A mosquitto that tests start, kill and start again, and a receiver that follows the rules for "once"."""

import shutil
import signal
import socket
import subprocess
import threading
from pathlib import Path

import msgspec
import pytest

from .fakes import until

PROGRAM = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
needs_mosquitto = pytest.mark.skipif(PROGRAM is None, reason="needs mosquitto: apt install mosquitto")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Mosquitto:
    """A broker on a free port of 127.0.0.1. It keeps what it must on disk, as Debian's does: now and then."""

    def __init__(self, folder: Path, *lines: str) -> None:
        self.port = free_port()
        self._config, self._log, self._process = folder / "mosquitto.conf", folder / "mosquitto.log", None
        (folder / "data").mkdir()
        access = () if any(line.startswith("password_file") for line in lines) else ("allow_anonymous true",)
        own = (
            f"listener {self.port} 127.0.0.1",
            f"persistence_location {folder}/data/",
            "persistence true",
            "user root",
        )
        self._config.write_text("\n".join((*own, *access, *lines)) + "\n")

    def start(self) -> None:
        """Begin, or go on after `hang`."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            return
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([PROGRAM, "-c", self._config], stdout=log, stderr=log)
        until(self._answers)

    def kill(self) -> None:
        """As a power cut does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def hang(self) -> None:
        """Answer nothing, until `start`."""
        self._process.send_signal(signal.SIGSTOP)

    def _end(self, how: int) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(10)
            self._process = None

    def _answers(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


SESSION_S = 3600


class Listener:
    """A receiver: of each event it takes the first, by its id, as MqttSink says that receivers do.

    With a `name`, the broker keeps for it what comes while it is away, an hour long. Without one, mosquitto may say
    after a restart that an event has a receiver, though that was the client of before, which never comes back.
    """

    def __init__(self, port: int, *topics: str, name: str = "", setup=lambda _: None) -> None:
        from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY, Client, MQTTv5
        from paho.mqtt.enums import CallbackAPIVersion
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        self.messages = []
        """(topic, payload, retained) of all that came."""
        self.events = []
        """Events, each once."""
        self.doubled = 0
        """Events that came again."""
        self.subscribed = threading.Event()
        self._topics = topics or ("#",)
        self._client = Client(CallbackAPIVersion.VERSION2, name, protocol=MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe([(topic, 1) for topic in self._topics])
        self._client.on_subscribe = lambda *_: self.subscribed.set()
        self._client.on_disconnect = lambda *_: self.subscribed.clear()
        self._client.on_message = self._take
        self._client.reconnect_delay_set(1, 1)
        setup(self._client)
        session = Properties(PacketTypes.CONNECT)
        session.SessionExpiryInterval = SESSION_S if name else 0
        start = False if name else MQTT_CLEAN_START_FIRST_ONLY
        self._client.connect_async("127.0.0.1", port, 30, clean_start=start, properties=session)
        self._client.loop_start()

    def _take(self, _client, _userdata, message) -> None:
        if message.topic.endswith("/event"):
            event = msgspec.json.decode(message.payload)
            if self.events and event["id"] <= self.events[-1]["id"]:
                self.doubled += 1
            else:
                self.events.append(event)
        self.messages.append((message.topic, message.payload, message.retain))

    def last(self, topic: str):
        """The last payload under a topic."""
        return next((payload for under, payload, _ in reversed(self.messages) if under == topic), None)

    def say(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload, qos=1).wait_for_publish(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def __enter__(self):
        assert self.subscribed.wait(20)
        return self

    def __exit__(self, *_) -> None:
        self.close()


@pytest.fixture
def mosquitto(tmp_path):
    """Make brokers: mosquitto(*lines of its configuration) -> a running Mosquitto."""
    made = []

    def make(*lines: str) -> Mosquitto:
        folder = tmp_path / f"mosquitto{len(made)}"
        folder.mkdir()
        made.append(Mosquitto(folder, *lines))
        made[-1].start()
        return made[-1]

    yield make
    for broker in made:
        broker.kill()
