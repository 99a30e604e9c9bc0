import socket
import threading
import time

import pytest

from edgereader.runtime.stream.sinks.mqtt.connection import Broker, Connection

from ...broker import Listener, needs_mosquitto
from ...fakes import until


def broker(port: int, version: str = "5") -> Broker:
    return Broker("127.0.0.1", port, version, "us", "us/availability", None, None, None)


@pytest.fixture
def wake():
    ends = socket.socketpair()
    yield ends
    for end in ends:
        end.close()


def step_until(connection: Connection, what):
    def step():
        connection.step(0.05)
        return what()

    return until(step)


@needs_mosquitto
def test_a_byte_wakes_it(mosquitto, wake):
    connection = Connection(broker(mosquitto().port), (), wake[0])
    step_until(connection, lambda: connection.up)
    wake[1].send(b".")
    began = time.monotonic()
    connection.step(60)
    assert time.monotonic() - began < 30
    connection.drop()


@needs_mosquitto
def test_what_is_published_on_a_lost_connection_is_never_sent(mosquitto, wake):
    """paho says rc 4 and would send it after a reconnection of the same client; we send it again over a new one."""
    running = mosquitto()
    connection = Connection(broker(running.port), (), wake[0])
    step_until(connection, lambda: connection.up)
    running.kill()
    step_until(connection, lambda: connection.lost)
    connection.publish("us/x", b"1", retain=False)
    running.start()
    with Listener(running.port) as listener:
        again = Connection(broker(running.port), (), wake[0])
        step_until(again, lambda: again.up)
        message = again.publish("us/x", b"1", retain=False)
        step_until(again, lambda: [answer for answer in again.answers if answer.message == message])
        connection.step(0.1)
        listener.say("last", b"")
        until(lambda: listener.last("last") is not None)
        assert [topic for topic, _, _ in listener.messages].count("us/x") == 1
    for opened in (connection, again):
        opened.step(0)
        opened.drop()


REFUSALS = [
    (b"\x20\x02\x00\x01", "5", 'Unsupported protocol version; set another version under [mqtt]: version = "3.1.1"'),
    (b"\x20\x03\x00\x84\x00", "5", 'Unsupported protocol version; set another version under [mqtt]: version = "3.1.1"'),
    (b"\x20\x02\x00\x01", "3.1.1", 'Unsupported protocol version; set another version under [mqtt]: version = "5"'),
    (b"\x20\x02\x00\x02", "3.1.1", "Client identifier not valid; change topic or the stream's name, of which its id"),
    (b"\x20\x02\x00\x03", "3.1.1", "Server unavailable; it takes no clients now"),
    (b"\x20\x02\x00\x04", "3.1.1", "Bad user name or password; check username and password"),
    (
        b"\x20\x02\x00\x05",
        "3.1.1",
        "Not authorized; check username and password, and what the broker lets this user do",
    ),
    (b"\x20\x03\x00\x97\x00", "5", "Quota exceeded; this user's share is used up"),
    (b"\x20\x03\x00\x9f\x00", "5", "Connection rate exceeded; it takes fewer connections"),
    (b"\x20\x03\x00\x80\x00", "5", "Unspecified error; the broker's log says why"),
]


@pytest.mark.parametrize(("answer", "version", "said"), REFUSALS)
def test_each_refusal_has_advice_of_its_own(wake, answer, version, said):
    def refuse(server):
        for _ in range(2):  # paho tries a refused 3.1.1 once more, as 3.1
            client, _ = server.accept()
            client.recv(1024)
            client.sendall(answer)
            client.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=refuse, args=(server,), daemon=True).start()
        connection = Connection(broker(server.getsockname()[1], version=version), (), wake[0])
        lost = step_until(connection, lambda: connection.lost)
        connection.drop()
    assert lost.startswith(f"refused: {said}")
    assert ("username" in lost) == ("user name" in said or "Not authorized" in said)


def test_another_client_of_the_same_id_is_said(wake):
    def take_over(server):
        client, _ = server.accept()
        client.recv(1024)
        client.sendall(b"\x20\x03\x00\x00\x00")
        client.sendall(b"\xe0\x02\x8e\x00")
        client.recv(1024)
        client.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=take_over, args=(server,), daemon=True).start()
        connection = Connection(broker(server.getsockname()[1]), (), wake[0])
        assert step_until(connection, lambda: connection.lost) == (
            "connection lost: Session taken over; another client has the same id, us; "
            "give each stream a name of its own"
        )
        connection.drop()


def test_the_reason_is_said_also_when_we_send_as_it_comes(wake):
    """What is sent on a connection that the other side has closed must not be all that is known of it."""
    told = threading.Event()

    def take_over(server):
        client, _ = server.accept()
        client.recv(1024)
        client.sendall(b"\x20\x03\x00\x00\x00\xe0\x02\x8e\x00")
        client.close()
        told.set()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=take_over, args=(server,), daemon=True).start()
        connection = Connection(broker(server.getsockname()[1]), (), wake[0])
        step_until(connection, lambda: connection.up)
        told.wait(20)
        for _ in range(20):
            connection.publish("us/x", bytes(100_000), retain=False)
        assert "Session taken over" in step_until(connection, lambda: connection.lost)
        connection.drop()
