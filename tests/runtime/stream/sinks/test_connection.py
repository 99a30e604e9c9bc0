import socket
import threading

import pytest

from edgereader.runtime.stream.sinks.connection import Broker, Connection

from ..broker import Listener, free_port, needs_mosquitto, wait_for


def broker(port: int, **changes) -> Broker:
    return Broker(
        **{
            "host": "127.0.0.1",
            "port": port,
            "version": "5",
            "client": "us",
            "will": "us/availability",
            "username": None,
            "password": None,
            "tls": None,
            **changes,
        }
    )


@pytest.fixture
def wake():
    ends = socket.socketpair()
    yield ends
    for end in ends:
        end.close()


def until(connection: Connection, what):
    def step():
        connection.step(0.05)
        return what()

    return wait_for(step)


def test_a_password_does_not_show():
    assert "hunter2" not in repr(broker(1, username="me", password="hunter2"))


def test_nobody_there(wake):
    with pytest.raises(ConnectionRefusedError):
        Connection(broker(free_port()), None, wake[0])


@needs_mosquitto
def test_a_connection_from_its_start_to_its_end(mosquitto, wake):
    port = mosquitto().port
    with Listener(port) as listener:
        connection = Connection(broker(port), "news", wake[0])
        until(connection, lambda: connection.up)
        message = connection.publish("us/x", b"1", retain=True)
        (answer,) = until(connection, lambda: connection.answers)
        assert (answer.message, answer.refused) == (message, False)
        threading.Thread(target=listener.say, args=("news", b"hello")).start()
        until(connection, lambda: connection.heard == [b"hello"])
        connection.end()
        connection.drop()
        listener.say("last", b"")
        wait_for(lambda: listener.last("last") is not None)
        assert listener.last("us/x") == b"1"
        assert listener.last("us/availability") is None


@needs_mosquitto
def test_a_byte_wakes_it(mosquitto, wake):
    connection = Connection(broker(mosquitto().port), None, wake[0])
    until(connection, lambda: connection.up)
    wake[1].send(b".")
    connection.step(60)
    connection.drop()


@needs_mosquitto
def test_a_lost_broker_is_noticed(mosquitto, wake):
    running = mosquitto()
    connection = Connection(broker(running.port), None, wake[0])
    until(connection, lambda: connection.up)
    running.kill()
    assert until(connection, lambda: connection.lost) == "connection lost"
    connection.step(0)
    connection.drop()


@needs_mosquitto
def test_what_is_published_on_a_lost_connection_is_never_sent(mosquitto, wake):
    """paho says rc 4 and would send it after a reconnection of the same client; we send it again over a new one."""
    running = mosquitto()
    connection = Connection(broker(running.port), None, wake[0])
    until(connection, lambda: connection.up)
    running.kill()
    until(connection, lambda: connection.lost)
    connection.publish("us/x", b"1", retain=False)
    running.start()
    with Listener(running.port) as listener:
        again = Connection(broker(running.port), None, wake[0])
        until(again, lambda: again.up)
        message = again.publish("us/x", b"1", retain=False)
        until(again, lambda: [answer for answer in again.answers if answer.message == message])
        connection.step(0.1)
        listener.say("last", b"")
        wait_for(lambda: listener.last("last") is not None)
        assert [topic for topic, _, _ in listener.messages].count("us/x") == 1
    for opened in (connection, again):
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
        connection = Connection(broker(server.getsockname()[1], version=version), None, wake[0])
        lost = until(connection, lambda: connection.lost)
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
        connection = Connection(broker(server.getsockname()[1]), None, wake[0])
        assert until(connection, lambda: connection.lost) == (
            "connection lost: Session taken over; another client has the same id, us; "
            "give each stream a name of its own"
        )
        connection.drop()
