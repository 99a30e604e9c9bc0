import contextlib
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from edgereader.runtime.errors import ServiceError
from edgereader.runtime.service import server, uploads
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


HEADS = {
    "nothing": b"",
    "half a head": b"GET / HTTP/1.1\r\nHost: localh",
    "after a whole request": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


@pytest.mark.parametrize("sent", HEADS.values(), ids=HEADS)
@pytest.mark.parametrize(
    "count", [pytest.param(40, marks=pytest.mark.slow), 64, pytest.param(200, marks=pytest.mark.slow)]
)
def test_idle_connections_keep_nobody_out(stand, serve, sent, count):
    """However many there are, all routes answer, at once; the oldest idle one makes room."""
    address = serve(stand.app())
    lines = [connect(address) for _ in range(count)]
    try:
        for line in lines:
            with contextlib.suppress(OSError):
                line.sendall(sent)
        for path in ("/healthz", "/", "/state", "/metrics", "/healthz"):
            assert httpx.get(address + path, timeout=5).status_code == 200
        open_now = []
        for line in lines:
            line.settimeout(0.01)
            try:
                while data := line.recv(65536):
                    assert data[:12] in {b"HTTP/1.1 200", b"HTTP/1.1 503"}
                open_now.append(False)
            except TimeoutError:
                open_now.append(True)
            except OSError:
                open_now.append(False)
        assert sum(open_now) >= server.MOST_OF_PEER - 5
        if sent != HEADS["after a whole request"]:  # those may have been busy when others came
            assert open_now == sorted(open_now), "the oldest go first"
    finally:
        for line in lines:
            line.close()


def test_connections_of_all_peers_together_are_bounded_too(stand, serve, monkeypatch):
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 4)
    parsed = httpx.URL(serve(stand.app()))
    lines = []
    for peer in range(1, 6):
        lines.append(socket.create_connection((parsed.host, parsed.port), 20, (f"127.0.0.{peer}", 0)))
        time.sleep(0.05)  # so that they come in this order
    assert ended(lines[0])
    for line in lines[1:]:
        line.settimeout(0.05)
        with pytest.raises(TimeoutError):
            line.recv(1)
    for line in lines:
        line.close()


def test_who_is_busy_is_not_put_out_and_the_next_one_is_told(stand, serve, monkeypatch, photo):
    monkeypatch.setattr(server, "MOST_OF_PEER", 3)
    monkeypatch.setattr(uploads, "reads_at_once", lambda _reader: 3)
    going, ended = threading.Semaphore(0), threading.Event()

    class Slow:
        def read(self, _frame):
            going.release()
            ended.wait(30)
            return []

    stand.reader = Slow()
    address = serve(stand.app())
    with ThreadPoolExecutor(3) as pool:
        sent = [pool.submit(httpx.post, f"{address}/read", content=photo, timeout=30) for _ in range(3)]
        assert all(going.acquire(timeout=20) for _ in range(3))
        answer = httpx.get(f"{address}/healthz")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "too many connections" in answer.json()["error"]
        ended.set()
        assert [one.result().status_code for one in sent] == [200] * 3
    assert httpx.get(f"{address}/healthz").status_code == 200


def test_a_peer_is_an_address_or_a_network_of_ipv6():
    def peer(host):
        made = server.Connection.__new__(server.Connection)
        made.client = host and (host, 1)
        return made.peer

    assert peer("10.0.0.1") != peer("10.0.0.2")
    assert peer("2001:db8::1") == peer("2001:db8::ffff:2") == peer("2001:db8::1%eth0")
    assert peer("2001:db8::1") != peer("2001:db8:0:1::1")
    assert peer(None) == ""


@pytest.mark.parametrize(
    "heads",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5",
        b"transfer-encoding:chunked\r\ncontent-length:0",
    ],
)
@pytest.mark.parametrize("path", [b"/read", b"/login", b"/healthz"])
def test_a_request_of_two_lengths_is_refused_and_the_connection_closed(stand, serve, heads, path):
    """A proxy may take the rest for another request."""
    with connect(serve(stand.app())) as line:
        line.sendall(b"POST %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n0\r\n\r\n" % (path, heads))
        with contextlib.suppress(OSError):
            line.sendall(b"GET /state HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while data := line.recv(65536):
                answer += data
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1") == 1


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
