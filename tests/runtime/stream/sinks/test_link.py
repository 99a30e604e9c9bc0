import socket
import threading

import pytest

from edgereader.runtime.stream.sinks.link import Broker, Link

from ..broker import Listener, free_port, needs_mosquitto, wait_for


def broker(port: int, **changes) -> Broker:
    return Broker(
        **{
            "host": "127.0.0.1",
            "port": port,
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


def until(link: Link, what):
    def step():
        link.step(0.05)
        return what()

    return wait_for(step)


def test_a_password_does_not_show():
    assert "hunter2" not in repr(broker(1, username="me", password="hunter2"))


def test_nobody_there(wake):
    with pytest.raises(ConnectionRefusedError):
        Link(broker(free_port()), None, wake[0])


@needs_mosquitto
def test_a_connection_from_its_start_to_its_end(mosquitto, wake):
    port = mosquitto().port
    with Listener(port) as listener:
        link = Link(broker(port), "news", wake[0])
        until(link, lambda: link.up)
        message = link.publish("us/x", b"1", retain=True)
        (answer,) = until(link, lambda: link.answers)
        assert (answer.message, answer.refused) == (message, False)
        threading.Thread(target=listener.say, args=("news", b"hello")).start()
        until(link, lambda: link.heard == [b"hello"])
        link.end()
        link.drop()
        listener.say("last", b"")
        wait_for(lambda: listener.last("last") is not None)
        assert listener.last("us/x") == b"1"
        assert listener.last("us/availability") is None


@needs_mosquitto
def test_a_dropped_connection_lets_the_broker_say_the_will(mosquitto, wake):
    port = mosquitto().port
    with Listener(port) as listener:
        link = Link(broker(port), None, wake[0])
        until(link, lambda: link.up)
        link.drop()
        wait_for(lambda: listener.last("us/availability") == b"offline")


@needs_mosquitto
def test_a_byte_wakes_it(mosquitto, wake):
    link = Link(broker(mosquitto().port), None, wake[0])
    until(link, lambda: link.up)
    wake[1].send(b".")
    link.step(60)
    link.drop()


@needs_mosquitto
def test_a_lost_broker_is_noticed(mosquitto, wake):
    running = mosquitto()
    link = Link(broker(running.port), None, wake[0])
    until(link, lambda: link.up)
    running.kill()
    assert until(link, lambda: link.lost) == "connection lost"
    link.step(0)
    link.drop()
