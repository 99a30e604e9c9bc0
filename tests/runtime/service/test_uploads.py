import gc
import json
import socket
import struct
import threading
import time
import weakref
import zlib
from concurrent.futures import ThreadPoolExecutor, as_completed
from http.client import HTTPConnection
from types import SimpleNamespace

import cv2
import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgereader.runtime.commands.batch import described
from edgereader.runtime.errors import BackendError
from edgereader.runtime.geometry.footprint import MOST_SCANS
from edgereader.runtime.service.app import make_app
from edgereader.runtime.service.server import Server
from edgereader.runtime.service.uploads import MOST_READS, Budget, reads_at_once
from edgereader.runtime.stream.settings import Http

from ..graphs import paint_word

BOUNDS = {"max_upload_mb": 0.5, "max_megapixels": 1.0, "timeout_s": 1.0}
KINDS = ("image/jpeg", "text/html", "application/json", "application/x-www-form-urlencoded", "x" * 3000, ";=")
MAGICS = (
    b"\xff\xd8\xff\xe0",
    b"\x89PNG\r\n\x1a\n",
    b"RIFF\0\0\0\0WEBPVP8 ",
    b"BM",
    b"GIF89a",
    b"II*\0",
    b"MM\0*",
    b"P6 ",
)


@pytest.fixture(scope="module")
def address(reader):
    """A service without a camera, with small bounds."""
    with Server(make_app(Http(**BOUNDS), None, None, None, None, reader), Http(port=0)) as server:
        yield server.url


@pytest.fixture(scope="module")
def client(address):
    with httpx.Client(base_url=address, timeout=30) as made:
        yield made


@pytest.fixture
def still_answers(client, photo):
    """After the test the service must be as good as before."""
    yield
    assert client.get("/healthz").status_code == 200
    answer = client.post("/read", content=photo)
    assert [reading["text"] for reading in answer.json()["readings"]] == ["7", "5"]


def talk(address, *parts, wait_s=0.0, seconds=10.0):
    """Send parts of a request, a while between them; what comes back until the connection ends."""
    parsed = httpx.URL(address)
    with socket.create_connection((parsed.host, parsed.port), timeout=seconds) as line:
        try:
            for part in parts:
                line.sendall(part)
                time.sleep(wait_s)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has answered and ended the connection
        found = b""
        try:
            while data := line.recv(65536):
                found += data
        except ConnectionResetError:
            pass
        return found


def head(*lines):
    return "\r\n".join(("POST /read HTTP/1.1", "Host: localhost", *lines, "", "")).encode()


def test_a_picture_in_json_out(client, photo, reader):
    answer = client.post("/read", content=photo)
    assert answer.status_code == 200
    found = answer.json()
    frame = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
    assert found["readings"] == json.loads(json.dumps(described(reader.read(frame)))), "as `read --json` has them"
    assert found["frame_hw"] == [480, 640]
    assert found["ms"] > 0
    chunked = client.post("/read", content=(photo[at : at + 1000] for at in range(0, len(photo), 1000)))
    assert chunked.json()["readings"] == found["readings"]


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    suffix=st.sampled_from((".jpg", ".png", ".webp", ".bmp", ".tiff", ".gif", ".ppm")),
    share=st.floats(0, 1),
    changes=st.lists(st.tuples(st.floats(0, 0.9999), st.integers(0, 255)), max_size=20),
)
def test_cut_and_damaged_pictures(client, still_answers, suffix, share, changes):
    frame = np.random.default_rng(2).integers(0, 255, (40, 60, 3), np.uint8)
    data = bytearray(cv2.imencode(suffix, frame)[1].tobytes())
    for place, value in changes:
        data[int(place * len(data))] = value
    cut = share < 1 and not changes and suffix in {".jpg", ".png"}
    answer = client.post("/read", content=bytes(data[: int(len(data) * share)]))
    assert answer.status_code in ({400} if cut else {200, 400})


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.sampled_from((b"", *MAGICS)), rest=st.binary(max_size=300), kind=st.sampled_from(KINDS))
def test_what_is_no_picture(client, still_answers, start, rest, kind):
    answer = client.post("/read", content=start + rest, headers={"Content-Type": kind})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("picture: expected")


def png_of(width, height, data):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


BOMBS = {
    "more data than its size": png_of(2, 2, zlib.compress(bytes(1 << 24))),
    "jpeg": b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03"
    + bytes(30)
    + b"\xff\xda\x00\x08"
    + bytes(99)
    + b"\xff\xd9",
    "gif": b"GIF89a\xff\xff\xff\xff" + bytes(50),
    "pnm": b"P6 99999 99999 255\n",
    "webp": b"RIFF\x20\0\0\0WEBPVP8X" + bytes(8) + b"\xff\xff\xff\xff\xff\xff" + bytes(30),
}


@pytest.mark.parametrize("name", BOMBS)
def test_decompression_bombs(client, still_answers, name):
    start = time.perf_counter()
    answer = client.post("/read", content=BOMBS[name])
    if name.startswith("more"):
        assert answer.status_code == 200
    else:
        assert answer.status_code == 400
        assert "pixels" in answer.text or "got something else" in answer.text, "it must not come to decoding"
    assert time.perf_counter() - start < 5


def test_more_pixels_than_allowed(client, still_answers):
    whole = cv2.imencode(".png", np.zeros((1100, 1000, 3), np.uint8))[1].tobytes()
    answer = client.post("/read", content=whole)
    assert answer.status_code == 400
    assert "expected up to 1000000 pixels, got 1100000" in answer.json()["error"]


def test_a_jpeg_of_endless_scans(client, still_answers):
    whole = cv2.imencode(".jpg", np.zeros((64, 64, 3), np.uint8), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1))[1].tobytes()
    assert client.post("/read", content=whole).status_code == 200
    answer = client.post("/read", content=whole[:-2] + b"\xff\xda\x00\x08\x01\x01\0\0\x3f\0" * MOST_SCANS + whole[-2:])
    assert answer.status_code == 400
    assert f"at most {MOST_SCANS} are read" in answer.json()["error"]


@pytest.mark.parametrize("announced", ["multipart/form-data; boundary=x", "multipart/mixed"])
def test_forms_get_the_command_that_works(client, still_answers, photo, announced):
    answer = client.post("/read", content=photo, headers={"Content-Type": announced})
    assert answer.status_code == 415
    assert "curl --data-binary @photo.jpg" in answer.json()["error"]


def test_too_many_bytes(address, client, still_answers):
    assert client.post("/read", content=bytes(600_000)).status_code == 413
    assert client.post("/read", content=(bytes(10_000) for _ in range(60))).status_code == 413
    for announced in ("500001", "9" * 15, "9" * 19):
        answer = talk(address, head(f"Content-Length: {announced}", "Expect: 100-continue", "Connection: close"))
        assert answer.startswith(b"HTTP/1.1 413"), announced
        assert b"100 Continue" not in answer


def test_who_sends_too_much_in_one_go_gets_the_answer(address, still_answers):
    parsed = httpx.URL(address)
    for _ in range(5):
        line = HTTPConnection(parsed.host, parsed.port, timeout=20)
        line.request("POST", "/read", bytes(5_000_000))
        assert line.getresponse().status == 413
        line.close()


def test_an_endless_body_ends_the_connection(address, still_answers, monkeypatch):
    monkeypatch.setattr("edgereader.runtime.service.server.PATIENCE_S", 0.5)
    chunk, sent = b"ffff\r\n" + bytes(0xFFFF) + b"\r\n", 0
    parsed = httpx.URL(address)
    with socket.create_connection((parsed.host, parsed.port), timeout=20) as line:
        line.sendall(head("Transfer-Encoding: chunked"))
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            while sent < 1e10:
                line.sendall(chunk)
                sent += len(chunk)


@pytest.mark.parametrize("announced", ["-1", "x", "1e3", "0x10", "10, 11"])
def test_lengths_that_are_none(address, still_answers, announced):
    assert talk(address, head(f"Content-Length: {announced}"), b"x").startswith(b"HTTP/1.1 400")


def test_fewer_bytes_than_reported(address, still_answers, photo):
    short = f"Content-Length: {len(photo) + 10}"
    assert talk(address, head(short, "Connection: close"), photo).startswith(b"HTTP/1.1 408"), "the client waits"
    parsed = httpx.URL(address)
    with socket.create_connection((parsed.host, parsed.port)) as line:
        line.sendall(head(short) + photo)  # the client goes away


def test_more_bytes_than_reported(address, still_answers, photo):
    answer = talk(address, head(f"Content-Length: {len(photo)}"), photo + b"\0\1\2 nonsense\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1 400" in answer


def test_slow_bodies(address, still_answers, photo):
    start = time.perf_counter()
    drops = [photo[at : at + 1] for at in range(30)]
    answer = talk(address, head(f"Content-Length: {len(photo)}", "Connection: close"), *drops, wait_s=0.1)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"expected the whole body within 1 s" in answer
    assert time.perf_counter() - start < 9


def test_pictures_at_the_same_time_keep_their_readings(reader, serve):
    """One reader reads them all; every picture has a number of its own."""
    address = serve(make_app(Http(timeout_s=60), None, None, None, None, reader))
    photos = {}
    for text in "4567":
        frame = np.zeros((480, 640, 3), np.uint8)
        paint_word(frame, text, 60, 50)
        photos[text] = cv2.imencode(".png", frame)[1].tobytes()

    def read(text):
        answers = [httpx.post(f"{address}/read", content=photos[text], timeout=60) for _ in range(4)]
        return [[reading["text"] for reading in answer.json()["readings"]] for answer in answers]

    with ThreadPoolExecutor(len(photos)) as pool:
        assert list(pool.map(read, photos)) == [[[text]] * 4 for text in photos]


def test_more_at_the_same_time_than_allowed(photo, serve, client, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: MOST_READS)
    going, ended = threading.Semaphore(0), threading.Event()

    def read(_frame):
        going.release()
        ended.wait(60)
        return []

    address = serve(make_app(Http(), None, None, None, None, SimpleNamespace(read=read, threads=1)))
    with ThreadPoolExecutor(MOST_READS + 1) as pool:
        sent = [pool.submit(httpx.post, f"{address}/read", content=photo, timeout=60) for _ in range(MOST_READS + 1)]
        first = next(as_completed(sent))  # whichever of them came last: the others wait for the event
        refused = first.result()
        assert refused.status_code == 503
        assert all(going.acquire(timeout=20) for _ in range(MOST_READS)), "all at the same time"
        assert refused.headers["retry-after"] == "1"
        assert httpx.get(f"{address}/healthz").status_code == 200, "what reads does not stop the rest"
        ended.set()
        assert [one.result().status_code for one in sent if one is not first] == [200] * MOST_READS
    assert httpx.post(f"{address}/read", content=photo).status_code == 200
    figures = httpx.get(f"{address}/metrics").text
    assert 'edgereader_uploads_total{status="503"}' in figures


def test_large_pictures_wait_for_one_another():
    """However many come, no more memory is taken than there is; who needs all of it gets it in the end."""
    budget, most, lock, taken = Budget(100), [0], threading.Lock(), [0]

    def take(count):
        with budget.taking(count):
            with lock:
                taken[0] += count
                most[0] = max(most[0], taken[0])
            time.sleep(0.005)
            with lock:
                taken[0] -= count

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(take, [100, 60, 30, 60, 30, 100, 10, 90] * 3))
    assert 60 <= most[0] <= 100
    with pytest.raises(KeyError), budget.taking(100):
        raise KeyError
    with budget.taking(100):
        pass


def test_pictures_share_the_memory_of_the_largest(serve, reader, monkeypatch):
    """Four at once that need all of it are read one after another, and a fifth that needs more is refused."""
    monkeypatch.setattr("os.cpu_count", lambda: MOST_READS)
    inside, most, lock = [0], [0], threading.Lock()

    def read(frame):
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        time.sleep(0.05)
        with lock:
            inside[0] -= 1
        return reader.read(frame)

    http = Http(max_megapixels=6, max_upload_mb=0.1, timeout_s=60)
    address = serve(make_app(http, None, None, None, None, SimpleNamespace(read=read, threads=1)))
    large, deep = (cv2.imencode(".png", np.zeros((2000, 2000, 3), kind))[1].tobytes() for kind in (np.uint8, np.uint16))
    with ThreadPoolExecutor(MOST_READS) as pool:
        sent = [pool.submit(httpx.post, f"{address}/read", content=large, timeout=60) for _ in range(MOST_READS)]
    assert [one.result().status_code for one in sent] == [200] * MOST_READS
    assert most == [1]
    refused = httpx.post(f"{address}/read", content=deep, timeout=60)
    assert refused.status_code == 400
    assert "bytes of memory to decode it, got" in refused.json()["error"]


def test_errors_keep_no_picture_in_memory(serve):
    """Neither a refusal nor a failure of the reader: the frame is freed without the garbage collector."""
    frames = []

    def read(frame):
        frames.append(weakref.ref(frame))
        raise BackendError("the backend fails")

    address = serve(make_app(Http(), None, None, None, None, SimpleNamespace(read=read)))
    whole = cv2.imencode(".png", np.zeros((400, 400, 3), np.uint8))[1].tobytes()
    gc.disable()
    try:
        for _ in range(3):
            assert httpx.post(f"{address}/read", content=whole, timeout=60).status_code == 500
        assert [frame() for frame in frames] == [None] * 3
    finally:
        gc.enable()


def test_the_largest_jpegs_are_read_at_a_half(serve, reader):
    """They take more memory than there is; quads and size are those of the file all the same."""
    address = serve(make_app(Http(max_megapixels=10, timeout_s=60), None, None, None, None, reader))
    frame = np.zeros((2560, 3840, 3), np.uint8)
    paint_word(frame, "7", 1200, 1000)
    found = httpx.post(f"{address}/read", content=cv2.imencode(".jpg", frame)[1].tobytes(), timeout=60).json()
    assert found["frame_hw"] == [2560, 3840]
    (reading,) = found["readings"]
    assert reading["text"] == "7"
    assert np.abs(np.array(reading["quad"])[0] - (1200, 1000)).max() < 40


def test_as_many_are_read_at_once_as_there_are_cores_for(monkeypatch, reader):
    assert reads_at_once(reader) == 1, "with a thread for each core, one picture has them all"
    for cores, threads, expected in ((4, 1, 4), (4, 2, 2), (4, 8, 1), (64, 1, MOST_READS), (None, 1, 1)):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        assert reads_at_once(SimpleNamespace(threads=threads)) == expected
