import contextlib
import socket
import threading
import time

import httpx
import pytest

from edgereader.runtime.errors import ServiceError
from edgereader.runtime.service import server
from edgereader.runtime.service.server import Server, listen
from edgereader.runtime.stream.settings import Http

from ..stream.fakes import until


def connect(address):
    parsed = httpx.URL(address)
    return socket.create_connection((parsed.host, parsed.port), timeout=20)


def ended(line):
    """Whether the other side ends the connection without a word."""
    try:
        return line.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_taken_port_is_a_clear_error(stand):
    with Server(stand.app(), Http(port=0)) as running:
        with pytest.raises(
            ServiceError, match=rf"127.0.0.1:{running.port}: expected a free address.*in use.*another port"
        ):
            Server(stand.app(), Http(port=running.port)).start()
        assert httpx.get(running.url + "healthz").status_code == 200


@pytest.mark.parametrize("host", ["203.0.113.7", "no-such-host.invalid"])
def test_an_address_of_another_machine(host):
    with pytest.raises(ServiceError, match=f"{host}.*expected"):
        listen(Http(host=host))


def test_it_listens_where_it_was_reported_and_ends(stand):
    before = threading.active_count()
    Server(stand.app(), Http(port=0)).stop()  # never started
    running = Server(stand.app(), Http(port=0))
    running.start()
    assert running.url == f"http://127.0.0.1:{running.port}/"
    assert httpx.get(running.url).status_code == 200
    start = time.monotonic()
    running.stop()
    assert time.monotonic() - start < server.STOP_S
    with pytest.raises(httpx.ConnectError):
        httpx.get(running.url)
    until(lambda: threading.active_count() <= before)
    again = Server(stand.app(), Http(port=running.port))
    again.start()
    again.stop()


def test_an_address_of_ipv6(stand):
    if not socket.has_ipv6:
        pytest.skip("needs IPv6")
    try:
        listen(Http(host="::1", port=0)).close()
    except ServiceError:
        pytest.skip("needs IPv6 on this machine")
    with Server(stand.app(), Http(host="::1", port=0)) as running:
        assert running.url.startswith("http://[::1]:")
        assert httpx.get(running.url + "state").status_code == 200


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: localh", b"POST /read HTTP/1.1\r\nX: " + b"y" * 3000])
def test_who_sends_no_whole_request_is_dropped(stand, serve, monkeypatch, sent):
    monkeypatch.setattr(server, "PATIENCE_S", 0.3)
    with connect(serve(stand.app())) as line:
        line.sendall(sent)
        assert ended(line)


def test_drops_of_a_request_do_not_help(stand, serve, monkeypatch):
    monkeypatch.setattr(server, "PATIENCE_S", 0.5)
    with connect(serve(stand.app())) as line, pytest.raises((BrokenPipeError, ConnectionResetError)):
        for _ in range(500):
            line.sendall(b"G")
            time.sleep(0.02)


def test_a_half_request_after_a_whole_one(stand, serve, monkeypatch):
    monkeypatch.setattr(server, "PATIENCE_S", 0.5)
    with connect(serve(stand.app())) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hea")
        answer = b""
        while data := line.recv(65536):
            answer += data
        assert answer.count(b"HTTP/1.1 200") == 1


def test_a_long_answer_is_not_cut_off_by_impatience(stand, serve, monkeypatch, photo):
    monkeypatch.setattr(server, "PATIENCE_S", 1)

    class Slow:
        def read(self, _frame):
            time.sleep(2.5)
            return []

    stand.reader = Slow()
    assert httpx.post(serve(stand.app()) + "/read", content=photo, timeout=20).status_code == 200


def test_connections_are_bounded(stand, serve, monkeypatch):
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 5)
    address = serve(stand.app())
    lines = [connect(address) for _ in range(20)]
    try:
        for line in lines[5:]:
            assert ended(line)
    finally:
        for line in lines:
            line.close()

    def answers():
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(address + "/healthz").status_code == 200

    until(answers, "an answer when the others are gone")


@pytest.mark.parametrize(
    "sent",
    [
        b"\0\1\2\3\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"x" * 99999,
        b"\x16\x03\x01\x02\x00\x01",
    ],
)
def test_what_is_no_request(stand, serve, sent, caplog):
    address = serve(stand.app())
    with connect(address) as line:
        line.sendall(sent)
        line.shutdown(socket.SHUT_WR)
        assert line.recv(65536)[:12] in {b"HTTP/1.1 400", b"HTTP/1.1 421", b""}
    assert httpx.get(address + "/healthz").status_code == 200
    assert [record for record in caplog.records if record.name.startswith("uvicorn")] == [], "nobody can fill the log"
