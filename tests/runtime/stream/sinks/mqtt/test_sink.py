import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest

from edgereader.runtime.errors import ConfigError
from edgereader.runtime.stream.settings import Mqtt, Number
from edgereader.runtime.stream.sinks import open_stores
from edgereader.runtime.stream.sinks.mqtt import sender
from edgereader.runtime.stream.sinks.mqtt import sink as module
from edgereader.runtime.stream.sinks.mqtt.outbox import Outbox
from edgereader.runtime.stream.sinks.mqtt.sink import open_mqtt
from edgereader.runtime.stream.sinks.mqtt.topics import Live

from ...broker import Listener, free_port, needs_mosquitto
from ...fakes import until
from ...made import make_event

pytestmark = needs_mosquitto
WATER = Number(name="water", kind="counter", unit="m³", device_class="water")
STATE, AVAILABILITY = "edgereader/cellar/water/state", "edgereader/cellar/availability"
TROUBLE = "edgereader/cellar/trouble"
DISCOVERY = "homeassistant/device/edgereader_cellar/config"
SINGLE = "homeassistant/sensor/edgereader_cellar/water/config"
"""Where an earlier EdgeReader described to Home Assistant of each number alone."""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Connect again soon."""
    monkeypatch.setattr(module, "RETRY_S", 0.05)
    monkeypatch.setattr(module, "RETRY_MOST_S", 0.2)


@pytest.fixture
def connect(tmp_path):
    """Make sinks: connect(port, numbers=..., **settings); what is not closed is closed at the end."""
    made = []

    def make(port, numbers=(WATER,), **changes):
        settings = {"host": "127.0.0.1", "port": port, "queue": str(tmp_path / "queue.sqlite"), **changes}
        made.append(open_mqtt(Mqtt(**settings), "cellar", numbers))
        return made[-1]

    make.folder = tmp_path
    yield make
    for sink in made:
        if sink._thread.is_alive():
            sink.close(0)


def said(caplog, what: str) -> list[str]:
    return [message for message in caplog.messages if what in message]


def texts(listener: Listener) -> list[int]:
    return [int(event["text"]) for event in listener.events]


def test_a_broker_killed_in_mid_stream_again_and_again_gets_each_event_once_and_in_order(mosquitto, connect):
    """The broker forgets all it knew, as its disk is written only now and then; some events come while it is away."""
    broker = mosquitto("max_inflight_messages 0")  # holds nothing back from a slow receiver, only to forget it
    with Listener(broker.port) as listener:
        sink = connect(broker.port)
        for number in range(1, 301):
            sink.take(make_event(number))
            if number % 100 == 50:
                until(lambda least=number - 45: len(listener.events) > least)
                broker.kill()
            if number % 100 == 80:
                broker.start()
        until(lambda: len(listener.events) >= 300)
        sink.close(5)
        assert texts(listener) == list(range(1, 301))
        assert listener.doubled <= 3  # one event at a time is under way, so at most one each time
        until(lambda: listener.last(AVAILABILITY) == b"offline")


def test_a_broker_that_hangs_gets_each_event_once_and_in_order(mosquitto, connect, monkeypatch):
    """Stopped, it takes what we send and answers nothing; awake again, it may find an event that we send once more."""
    for place in (module, sender):
        monkeypatch.setattr(place, "ANSWER_S", 0.5)
    broker = mosquitto()
    with Listener(broker.port) as listener:
        sink = connect(broker.port)
        for number in range(1, 61):
            if number in {20, 40}:
                os.kill(broker._process.pid, signal.SIGSTOP)
            sink.take(make_event(number))
            if number in {25, 45}:
                time.sleep(1.5)
                os.kill(broker._process.pid, signal.SIGCONT)
        until(lambda: len(listener.events) >= 60)
        assert texts(listener) == list(range(1, 61))
        assert listener.doubled <= 2


SCRIPT = """
import sys, time
sys.path.insert(0, {tests!r})
from made import make_event
from edgereader.runtime.stream.settings import Mqtt, Number
from edgereader.runtime.stream.sinks.mqtt.sink import open_mqtt
sink = open_mqtt(Mqtt(host="127.0.0.1", port={port}, queue={queue!r}), "cellar", [Number(name="water", kind="counter")])
for number in range(1, 100_000):
    sink.take(make_event(number))
    print(number, flush=True)
"""


def killed_after(count: int, port: int, queue, tests, then=lambda: None) -> int:
    """The last event that a process took in before it was killed."""
    script = SCRIPT.format(tests=str(tests), port=port, queue=str(queue))
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        for _ in range(count):
            assert process.stdout.readline()
        then()
        process.send_signal(signal.SIGKILL)
        return count + len(process.stdout.read().splitlines())


def test_what_was_taken_in_before_we_are_killed_arrives_once_and_in_order(mosquitto, connect, tmp_path, request):
    broker = mosquitto()
    with Listener(broker.port) as listener:
        last = killed_after(150, broker.port, tmp_path / "queue.sqlite", request.path.parents[2])
        connect(broker.port).close(30)
        until(lambda: listener.events and texts(listener)[-1] >= last)
        assert texts(listener) == list(range(1, texts(listener)[-1] + 1))
        assert texts(listener)[-1] <= last + 1  # taken in, but killed before it was printed
        assert listener.doubled <= 1


def test_the_will_is_said_when_we_are_killed(mosquitto, tmp_path, request):
    broker = mosquitto()
    with Listener(broker.port) as listener:
        online = lambda: until(lambda: listener.last(AVAILABILITY) == b"online")  # noqa: E731
        killed_after(1, broker.port, tmp_path / "queue.sqlite", request.path.parents[2], online)
        until(lambda: listener.last(AVAILABILITY) == b"offline")
    with Listener(broker.port) as late:
        until(lambda: (AVAILABILITY, b"offline", True) in late.messages)


def test_the_retained_state_is_what_is_true_now_after_a_reconnection_and_a_restart(mosquitto, connect):
    broker = mosquitto()
    sink = connect(broker.port)
    sink.take(make_event(1))
    with Listener(broker.port, "+/+/+/state") as listener:
        until(lambda: listener.last(STATE) is not None)
        broker.kill()
        for number in range(2, 30):
            sink.take(make_event(number))
        listener.messages.clear()
        broker.start()
        until(lambda: listener.last(STATE) is not None)
    assert {msgspec.json.decode(payload)["text"] for _, payload, _ in listener.messages} == {"00029"}
    sink.close(5)
    broker.kill()
    broker.start()
    sink = connect(broker.port)
    with Listener(broker.port) as late:
        state = msgspec.json.decode(until(lambda: late.last(STATE)))
        assert (state["text"], state["last_sure"]) == ("00029", 29.0)
    sink.take(make_event(30, sure=False))
    with Listener(broker.port) as late:
        state = until(lambda: (found := late.last(STATE)) and b"00030" in found and msgspec.json.decode(found))
        assert (state["value"], state["sure"], state["last_sure"]) == (30.0, False, 29.0)


def test_home_assistant_finds_the_numbers_also_when_it_starts_again(mosquitto, connect):
    port = mosquitto().port
    numbers = (WATER, Number(name="gate", kind="plate"))
    connect(port, numbers)
    with Listener(port) as early:
        until(lambda: early.last(AVAILABILITY) == b"online")
    with Listener(port) as listener:
        until(lambda: (AVAILABILITY, b"online", True) in listener.messages)
        first = {topic for topic, _, retained in listener.messages if topic.endswith("/config") and retained}
        assert first == {DISCOVERY}
        assert set(msgspec.json.decode(listener.last(DISCOVERY))["cmps"]) >= {"water", "gate", "water_problem"}
        listener.messages.clear()
        listener.say("homeassistant/status", b"offline")
        listener.say("homeassistant/status", b"online")
        until(lambda: listener.last(DISCOVERY))


def test_what_an_earlier_version_sent_home_assistant_is_taken_back_first(mosquitto, connect, tmp_path):
    """Also where its queue does not know what was sent: of water; Home Assistant takes no sensor twice."""
    port, gone = mosquitto().port, SINGLE.replace("water", "gone")
    outbox = Outbox(tmp_path / "queue.sqlite", 10)
    outbox.keep({gone: b"{}"})
    outbox.close()
    with Listener(port) as listener:
        for topic in (SINGLE, gone):
            listener._client.publish(topic, b"{}", qos=1, retain=True).wait_for_publish(10)
        until(lambda: listener.last(SINGLE) == b"{}")
        listener.messages.clear()
        connect(port)
        until(lambda: listener.last(DISCOVERY))
        sent = [topic for topic, _, _ in listener.messages]
        assert sent.index(SINGLE) < sent.index(DISCOVERY)
    with Listener(port) as late:
        until(lambda: late.last(DISCOVERY))
        late.say("last", b"")
        until(lambda: late.last("last") is not None)
        assert not [topic for topic, _, _ in late.messages if topic.startswith("homeassistant/sensor")]


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_all_that_is_said_is_acknowledged(mosquitto, connect, version):
    """QoS 0, which a broker may lose, is used for nothing: neither events, states, discovery, nor the will."""
    port = mosquitto().port
    with Listener(port) as listener:
        levels = []
        listener._client.on_message = lambda _client, _data, message: (
            levels.append((message.topic, message.qos)),
            listener._take(None, None, message),
        )
        sink = connect(port, version=version)
        for number in range(1, 21):
            sink.take(make_event(number))
        until(lambda: len(listener.events) == 20 and listener.last(AVAILABILITY) == b"online")
        sink.close(5)
        until(lambda: listener.last(AVAILABILITY) == b"offline")
        sent = [("edgereader/cellar/water/event", msgspec.json.encode(make_event(n)), False) for n in range(1, 21)]
        assert [message for message in listener.messages if message[0].endswith("/event")] == sent
        assert {topic.rpartition("/")[2] for topic, _ in levels} >= {"event", "state", "config", "availability"}
        assert {qos for _, qos in levels} == {1}


def test_what_an_earlier_configuration_left_is_taken_back(mosquitto, connect):
    port = mosquitto().port
    sink = connect(port, (WATER, Number(name="gate", kind="plate")))
    sink.take(make_event(1, name="gate"))
    sink.show({"gate": Live(problem="")})
    sink.picture("gate", lambda: b"jpeg")
    sink.close(5)
    connect(port).close(5)
    with Listener(port) as late:
        sensors = msgspec.json.decode(until(lambda: late.last(DISCOVERY)))["cmps"]
    assert (sensors["gate"], "unique_id" in sensors["water"]) == ({"p": "sensor"}, True), "what is read no more"
    connect(port, home_assistant="").close(5)
    with Listener(port) as late:
        late.say("last", b"")
        until(lambda: late.last("last") is not None)
        assert {topic for topic, _, retained in late.messages if retained} == {
            AVAILABILITY,
            TROUBLE,
            "edgereader/cellar/client",
        }


def test_an_event_waits_until_somebody_listens(mosquitto, connect):
    """So a receiver that finds a restarted broker later than we do loses nothing."""
    port = mosquitto().port
    sink = connect(port)
    sink.take(make_event(1))
    with Listener(port, STATE) as other:
        until(lambda: other.messages)
    assert sink._outbox.first() is not None
    with Listener(port) as listener:
        sink.take(make_event(2))
        until(lambda: len(listener.events) == 2)
        assert texts(listener) == [1, 2]
    sink._outbox.first()
    until(lambda: sink._outbox.first() is None)


def test_a_receiver_with_a_session_misses_nothing_when_it_comes_back_after_us(mosquitto, connect):
    """The broker said of these events that somebody had subscribed to them, so they do not wait with us."""
    broker = mosquitto()
    with Listener(broker.port, name="receiver") as listener:
        sink = connect(broker.port)
        sink.take(make_event(1))
        until(lambda: listener.events)
        for number, away in enumerate((broker.stop, broker.stop, broker.kill), 2):
            away()
            sink.take(make_event(number))
            broker.start()
            until(lambda least=number: len(listener.events) >= least)
        assert texts(listener) == [1, 2, 3, 4]


def test_an_event_does_not_wait_for_ever_when_nobody_listens(mosquitto, connect, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_S", 0.0)
    sink = connect(mosquitto().port)
    for number in range(3):
        sink.take(make_event(number))
    until(lambda: sink._outbox.first() is None)


def secured(mosquitto, tmp_path, *lines: str):
    passwords = tmp_path / "passwords"
    passwords.touch(mode=0o600)
    subprocess.run(["mosquitto_passwd", "-b", passwords, "meter", "correct horse"], check=True)
    return mosquitto(f"password_file {passwords}", *lines)


def test_the_password_of_a_file_or_the_environment_is_used(mosquitto, connect, tmp_path, monkeypatch):
    broker = secured(mosquitto, tmp_path)
    (tmp_path / "secret").write_text("correct horse\n")
    sink = connect(broker.port, username="meter", password_file=str(tmp_path / "secret"))
    with Listener(broker.port, setup=lambda client: client.username_pw_set("meter", "correct horse")) as listener:
        sink.take(make_event(1))
        until(lambda: listener.events)
        sink.close(5)
        monkeypatch.setenv("EDGEREADER_MQTT_PASSWORD", "correct horse")
        connect(broker.port, username="meter").take(make_event(2))
        until(lambda: len(listener.events) == 2)


def test_a_wrong_password_is_said_once_and_never_shown(mosquitto, connect, tmp_path, caplog, monkeypatch):
    caplog.set_level("DEBUG")
    broker = secured(mosquitto, tmp_path)
    monkeypatch.setenv("EDGEREADER_MQTT_PASSWORD", "hunter2")
    sink = connect(broker.port, username="meter")
    until(lambda: said(caplog, "refused: Not authorized; check username and password"))
    attempts = (tmp_path / "mosquitto0" / "mosquitto.log").read_text
    until(lambda: attempts().count("not authorised") > 3)
    assert len(caplog.messages) == 1
    assert re.fullmatch(r"mqtt 127\.0\.0\.1:\d+: .*; trying again, events wait on disk", caplog.messages[0])
    assert "hunter2" not in caplog.text + repr(vars(sink)) + repr(sink._broker)


def test_a_broker_that_is_not_there_is_said_once_per_change(mosquitto, connect, caplog):
    broker = mosquitto()
    broker.kill()
    sink = connect(broker.port)
    sink.take(make_event(1))
    until(lambda: said(caplog, "Connection refused"))
    time.sleep(1)
    broker.start()
    until(lambda: said(caplog, "connected, 1 events wait"))
    broker.stop()
    until(lambda: said(caplog, "connection lost"))
    assert len(caplog.messages) < 6


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x20\x03\x00\x84\x00", bytes(range(256))]
)
def test_something_that_is_no_broker_is_said_and_tried_again(answer, connect, caplog, monkeypatch):
    monkeypatch.setattr(module, "ANSWER_S", 0.3)
    asked = []

    def serve(server):
        while True:
            try:
                asked.append(server.accept()[0])
                asked[-1].sendall(answer)
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        sink = connect(server.getsockname()[1])
        until(lambda: len(asked) > 3)
        assert len(said(caplog, "trying again")) >= 1
        assert len(caplog.messages) < 4
        assert sink._thread.is_alive()
        sink.close(0)
        server.shutdown(socket.SHUT_RDWR)
    for client in asked:
        client.close()


def test_what_the_broker_refuses_is_said_once_and_stays(mosquitto, connect, tmp_path, caplog):
    rights = tmp_path / "rights"
    rights.write_text("topic readwrite edgereader/cellar/availability\ntopic read #\n")
    sink = connect(mosquitto(f"acl_file {rights}").port)
    sink.take(make_event(1))
    until(lambda: said(caplog, "refused what we say under"))
    time.sleep(2.5)
    assert 1 <= len(caplog.messages) <= 6, "once for each kind of topic"
    assert all("Not authorized" in message for message in caplog.messages)
    assert sink._outbox.first() is not None


def test_closing_brings_out_what_waits_and_says_offline(mosquitto, connect):
    broker = mosquitto()
    with Listener(broker.port) as listener:
        sink = connect(broker.port)
        for number in range(1, 101):
            sink.take(make_event(number))
        sink.close(30)
        until(lambda: listener.last(AVAILABILITY) == b"offline")
        assert texts(listener) == list(range(1, 101))
        assert [payload for topic, payload, _ in listener.messages if topic == AVAILABILITY] == [b"online", b"offline"]
    assert not sink._thread.is_alive()


@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_closing_while_the_broker_is_away_takes_no_longer_than_it_may(mosquitto, connect, caplog, seconds):
    broker = mosquitto()
    broker.kill()
    sink = connect(broker.port)
    sink.take(make_event(1))
    began = time.monotonic()
    sink.close(seconds)
    assert time.monotonic() - began < seconds + 2
    assert not sink._thread.is_alive()
    assert said(caplog, "1 events wait on disk for the next start")
    broker.start()
    with Listener(broker.port) as listener:
        connect(broker.port)
        until(lambda: texts(listener) == [1])


def test_closing_when_nobody_listens_does_not_wait(mosquitto, connect):
    sink = connect(mosquitto().port)
    until(lambda: sink._connection.line == "" and sink._thread.is_alive())
    sink.take(make_event(1))
    began = time.monotonic()
    sink.close(60)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("version", ["5", pytest.param("3.1.1", marks=pytest.mark.slow)])
def test_two_streams_of_one_name_do_not_put_each_other_out(mosquitto, connect, caplog, tmp_path, version):
    """As where a configuration was copied: each has a queue, and so a client id, of its own."""
    port = mosquitto().port
    with Listener(port) as listener:
        sinks = [connect(port, queue=str(tmp_path / f"{name}.sqlite"), version=version) for name in ("one", "two")]
        assert sinks[0]._broker.client != sinks[1]._broker.client
        for number in range(1, 47):
            sinks[number % 2].take(make_event(number))

        def ids():
            came = (payload for topic, payload, _ in listener.messages if topic.endswith("/event"))
            return {msgspec.json.decode(payload)["id"] for payload in came}

        until(lambda: len(ids()) == 46)
        until(lambda: all("give each a name of its own" in sink.trouble for sink in sinks))
        for sink in sinks:
            sink.close(5)
    assert len(said(caplog, "another stream called cellar speaks under our topics")) == 2, "each of them says so"
    assert not said(caplog, "connection lost")


@pytest.mark.slow
def test_a_stream_that_comes_back_is_not_another_one(mosquitto, connect, caplog):
    """After a restart, after the broker's, and with a new queue file."""
    broker = mosquitto()
    for queue in ("a", "a", "b"):
        sink = connect(broker.port, queue=str(connect.folder / queue))
        with Listener(broker.port) as listener:
            until(lambda: listener.last(AVAILABILITY) == b"online")
            broker.kill()
            broker.start()
            until(lambda trouble=sink._connection: trouble.line)
            until(lambda trouble=sink._connection: not trouble.line)
            sink.close(5)
    assert not said(caplog, "another stream")


def test_what_is_wrong_with_the_stream_is_retained_until_it_is_over(mosquitto, connect):
    broker = mosquitto()
    sink = connect(broker.port)
    with Listener(broker.port) as listener:
        until(lambda: listener.last(TROUBLE) == b'{"trouble":""}')
        sink.tell("history: disk full")
        until(lambda: listener.last(TROUBLE) == b'{"trouble":"history: disk full"}')
        broker.kill()
        broker.start()
    with Listener(broker.port) as late:
        until(lambda: late.last(TROUBLE) == b'{"trouble":"history: disk full"}')
        sink.tell("")
        until(lambda: late.last(TROUBLE) == b'{"trouble":""}')


def test_what_changes_without_an_event_is_retained_and_not_said_too_often(mosquitto, connect):
    port = mosquitto().port
    sink = connect(port)
    with Listener(port) as listener:
        for rate in range(5):
            sink.show({"water": Live(problem="", rate=float(rate))})
        sink.show({"water": Live(problem="unsure", rate=9.0)})
        sink.picture("water", lambda: b"jpeg")
        until(lambda: listener.last("edgereader/cellar/water/picture") == b"jpeg")
        said = [payload for topic, payload, _ in listener.messages if topic.endswith("/live")]
        assert said[-1] == b'{"problem":"unsure","rate":9.0}'
        assert len(said) <= 2
    with Listener(port) as late:
        until(lambda: late.last("edgereader/cellar/water/live") == b'{"problem":"unsure","rate":9.0}')


def test_no_picture_is_sent_that_is_not_wanted(mosquitto, connect):
    sink = connect(mosquitto().port, pictures=False)
    sink.picture("water", lambda: pytest.fail("it is not even encoded"))


def test_its_own_trouble_is_its_status_until_it_is_over(mosquitto, connect):
    broker = mosquitto()
    broker.kill()
    sink = connect(broker.port)
    until(lambda: "Connection refused" in sink.trouble)
    sink.take(make_event(1))
    assert sink.last_id == make_event(1).id
    broker.start()
    until(lambda: sink.trouble == "")


def test_an_event_that_was_taken_in_is_not_taken_in_again(mosquitto, connect):
    """As a log gives it once more after a kill."""
    port = mosquitto().port
    with Listener(port) as listener:
        sink = connect(port)
        for number in (1, 2, 2, 1, 3):
            sink.take(make_event(number))
        until(lambda: len(listener.events) == 3)
        sink.close(5)
        again = connect(port)
        for number in (2, 3, 4):
            again.take(make_event(number))
        until(lambda: len(listener.events) == 4)
        assert listener.doubled == 0
        assert msgspec.json.decode(listener.last(STATE))["text"] == "00004"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority, its certificate for localhost, and another authority."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    for name in ("ca", "other"):
        new = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}")
        signs = ("-addext", "keyUsage=critical,keyCertSign")
        openssl(*new, *signs, "-keyout", f"{name}.key", "-out", f"{name}.pem")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "ask.pem")
    (folder / "names").write_text("subjectAltName=DNS:localhost")
    signed = ("x509", "-req", "-in", "ask.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial")
    openssl(*signed, "-days", "2", "-extfile", "names", "-out", "cert.pem")
    return folder


GARBAGE = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""paho leaves a socket whose TLS handshake failed to the garbage collector, at once."""


def over_tls(mosquitto, certificates):
    return mosquitto(f"certfile {certificates}/cert.pem", f"keyfile {certificates}/key.pem")


def test_events_go_over_tls_to_a_broker_that_proves_who_it_is(mosquitto, connect, certificates):
    broker = over_tls(mosquitto, certificates)

    def trust(client):
        client.tls_set_context(ssl.create_default_context(cafile=certificates / "ca.pem"))
        client.tls_insecure_set(True)

    with Listener(broker.port, setup=trust) as listener:
        sink = connect(broker.port, host="localhost", tls=True, ca_file=str(certificates / "ca.pem"))
        for number in range(1, 51):
            sink.take(make_event(number))
        until(lambda: len(listener.events) == 50)
        sink.close(5)
        until(lambda: listener.last(AVAILABILITY) == b"offline")


@GARBAGE
@pytest.mark.parametrize(
    ("host", "authority", "why"),
    [("localhost", "other", "TLS: "), ("127.0.0.1", "ca", "TLS: IP address mismatch")],
)
def test_a_broker_that_does_not_prove_who_it_is_gets_nothing(
    mosquitto, connect, certificates, caplog, host, authority, why
):
    broker = over_tls(mosquitto, certificates)
    sink = connect(broker.port, host=host, tls=True, ca_file=str(certificates / f"{authority}.pem"))
    sink.take(make_event(1))
    until(lambda: said(caplog, why))
    time.sleep(0.5)
    assert sink._outbox.first() is not None
    assert len(caplog.messages) == 1


def test_what_can_never_work_is_an_error_at_the_start(connect, tmp_path):
    (tmp_path / "rubbish").write_text("no certificate")
    for changes, words in (
        ({"tls": True, "ca_file": str(tmp_path / "no")}, "no: expected certificates, got: No such file"),
        ({"tls": True, "ca_file": str(tmp_path / "rubbish")}, "rubbish: expected certificates, got: "),
        ({"username": "me", "password_file": str(tmp_path / "no")}, "no: expected a file with a password"),
        ({"password_file": str(tmp_path / "rubbish")}, "expected username with it"),
    ):
        with pytest.raises(ConfigError, match=words):
            connect(free_port(), **changes)
    assert not (tmp_path / "queue.sqlite").exists()


def test_without_paho_the_error_says_how_to_get_it(connect, monkeypatch):
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    with pytest.raises(ConfigError, match="pip install 'paho-mqtt"):
        connect(free_port())


def test_the_configurations_sinks_are_opened_together_or_not_at_all(tmp_path):
    from edgereader.runtime.errors import SinkError
    from edgereader.runtime.stream.settings import Camera, JsonLines, Settings

    (tmp_path / "queue.sqlite").write_bytes(b"no queue at all, but a text" * 100)
    settings = Settings(
        camera=Camera(source=0),
        jsonl=[JsonLines(path=str(tmp_path / "events.jsonl"))],
        mqtt=Mqtt(host="127.0.0.1", port=free_port(), queue=str(tmp_path / "queue.sqlite")),
    )
    open_files = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(SinkError, match="queue of MQTT messages"):
        open_stores(settings)
    assert len(list(Path("/proc/self/fd").iterdir())) == open_files
    (tmp_path / "queue.sqlite").unlink()
    sinks = open_stores(settings)
    assert [type(sink).__name__ for sink in sinks] == ["LogFile", "MqttSink"]
    for sink in sinks:
        sink.close(0)


def test_other_numbers_are_told_and_what_is_retained_of_the_old_ones_is_taken_back(mosquitto, connect):
    port = mosquitto().port
    with Listener(port) as listener:
        sink = connect(port, (WATER, Number(name="gate", kind="plate")))
        sink.take(make_event(1, name="gate"))
        until(lambda: listener.last("edgereader/cellar/gate/state"))
        sink.describe([WATER, Number(name="gas", kind="counter")])
        until(lambda: listener.last("edgereader/cellar/gate/state") == b"")
        until(lambda: b'"gas"' in listener.last(DISCOVERY))
        sensors = msgspec.json.decode(listener.last(DISCOVERY))["cmps"]
        own = {name: sensor for name, sensor in sensors.items() if "_" not in name}
        assert (set(own), own["gate"]) == ({"water", "gas", "gate"}, {"p": "sensor"})
        sink.take(make_event(2, name="gas", value=2.5))
        until(lambda: listener.last("edgereader/cellar/gas/state"))
        assert msgspec.json.decode(listener.last("edgereader/cellar/gas/state"))["last_sure"] == 2.5
