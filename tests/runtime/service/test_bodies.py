import contextlib
import select
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import httpx
import pytest

from edgereader.runtime.service import bodies
from edgereader.runtime.service.app import make_app
from edgereader.runtime.stream.settings import Http

READER = SimpleNamespace(read=lambda _frame: [])


@pytest.fixture
def address(serve):
    return serve(make_app(Http(timeout_s=60, max_upload_mb=1), None, None, None, None, READER))


@pytest.fixture
def drip(address):
    """drip(path, *heads) opens a connection that sends the head of a POST and then a byte each tenth of a second."""
    lines, ended = [], threading.Event()

    def send():
        while not ended.wait(0.1):
            for line in list(lines):
                try:
                    line.sendall(b"x")
                except OSError:
                    lines.remove(line)

    def start(length, path="/read"):
        parsed = httpx.URL(address)
        line = socket.create_connection((parsed.host, parsed.port), timeout=20)
        line.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n".encode())
        lines.append(line)
        return line

    thread = threading.Thread(target=send)
    thread.start()
    yield start
    ended.set()
    thread.join()
    for line in lines:
        line.close()


def posts(address, photo, count):
    with ThreadPoolExecutor(2) as pool:
        sent = pool.map(lambda _: httpx.post(f"{address}/read", content=photo, timeout=30).status_code, range(count))
        return list(sent)


@pytest.mark.parametrize(
    "clients", [8, pytest.param(20, marks=pytest.mark.slow), pytest.param(bodies.MOST_COMING, marks=pytest.mark.slow)]
)
def test_who_sends_slowly_keeps_nobody_from_being_answered(address, photo, drip, clients):
    slow = [drip(100_000) for _ in range(clients)]
    time.sleep(bodies.CHECK_S + 0.2)
    assert posts(address, photo, 20) == [200] * 20
    assert httpx.get(f"{address}/healthz").status_code == 200
    for line in slow:
        answer = line.recv(65536)
        assert answer[:12] in {b"HTTP/1.1 408", b"HTTP/1.1 503"}, answer
        assert b"connection: close" in answer.lower()
    counts = httpx.get(f"{address}/metrics").text
    assert 'edgereader_uploads_total{status="200"} 20\n' in counts
    assert 'edgereader_uploads_total{status="408"}' in counts


@pytest.mark.slow
def test_a_slow_body_is_cut_off_soon_and_says_how_much_came(address, drip):
    began = time.monotonic()
    answer = drip(100_000).recv(65536)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"send it faster" in answer
    assert time.monotonic() - began < 30


def test_a_body_that_comes_fast_enough_must_be_whole_in_time(serve):
    parsed = httpx.URL(serve(make_app(Http(timeout_s=1, max_upload_mb=1), None, None, None, None, READER)))
    with socket.create_connection((parsed.host, parsed.port), timeout=20) as line:
        line.sendall(b"POST /read HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
        for _ in range(60):
            line.sendall(bytes(4000))
            if select.select([line], [], [], 0.1)[0]:
                break
        assert line.recv(65536).startswith(b"HTTP/1.1 408")


def test_the_slowest_makes_room(address, photo, drip, monkeypatch):
    monkeypatch.setattr(bodies, "MOST_COMING", 3)
    monkeypatch.setattr(bodies, "GRACE_S", 60.0)
    slow = [drip(100_000) for _ in range(3)]
    slow[1].sendall(bytes(3000))
    slow[2].sendall(bytes(3000))
    time.sleep(bodies.CHECK_S + 0.3)
    assert posts(address, photo, 1) == [200]
    assert slow[0].recv(65536).startswith(b"HTTP/1.1 503")
    for line in slow[1:]:
        line.settimeout(0.1)
        with pytest.raises(TimeoutError):
            line.recv(1)


def test_what_comes_at_the_same_time_is_bounded_in_memory(address, drip, monkeypatch):
    monkeypatch.setattr(bodies, "AT_ONCE", 2)
    lines = [drip(1_000_000) for _ in range(4)]
    for line in lines:
        with contextlib.suppress(ConnectionError):  # one that is refused takes no more
            line.sendall(bytes(900_000))
    refused, _, _ = select.select(lines, [], [], 20)
    assert 0 < len(refused) <= 2


@pytest.mark.parametrize("path", ["/login", "/correct", "/healthz"])
def test_what_is_no_picture_may_be_short_only(address, path):
    answer = httpx.post(f"{address}{path}", content=bytes(bodies.FORM_BYTES + 1), timeout=30)
    assert answer.status_code in {404, 405, 413}
    chunks = (bytes(1000) for _ in range(100))
    assert httpx.post(f"{address}{path}", content=chunks, timeout=30).status_code in {404, 405, 413}


@pytest.mark.parametrize("sizes", [[0], [1], [65536], [1, 65535, 1, 4000], [5] * 300])
def test_the_app_gets_what_was_sent_however_it_was_cut(serve, sizes):
    got = []

    async def app(scope, receive, send):
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        got.append(body)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    sent = [bytes([number % 256]) * size for number, size in enumerate(sizes)]
    made = bodies.Bodies(app, Http(), lambda _: None)
    made.state = SimpleNamespace(stopping=False)
    address = serve(made)
    assert httpx.post(f"{address}/read", content=iter(sent), timeout=30).status_code == 200
    assert httpx.post(f"{address}/read", content=b"".join(sent), timeout=30).status_code == 200
    assert got == [b"".join(sent)] * 2
