import itertools
import threading
import time
from email.utils import formatdate

import pytest

from edgereader.runtime.errors import ImageError, SourceError, SourceLost
from edgereader.runtime.stream.settings import Camera
from edgereader.runtime.stream.sources.capture import Capture
from edgereader.runtime.stream.sources.frames import MOST_PIXELS
from edgereader.runtime.stream.sources.source import open_source
from edgereader.runtime.stream.sources.web_pictures import MotionJpeg, Stills

from ..fakes import jpeg, numbered, until, write_video
from .http_camera import HttpCamera, pictures_in_a_row

JPEG = {"Content-Type": "image/jpeg"}


def still(server, **options):
    return open_source(Camera(source=server.url, **{"fps": 50, "timeout_s": 5, **options}))


def number_of(frame):
    """What `numbered` made it of."""
    return round(float(frame[20, 20, 0]) / 10)


def test_a_camera_of_still_pictures_is_asked_again_and_again():
    with HttpCamera(lambda number: (200, JPEG, jpeg(numbered(number)))) as server:
        source = still(server)
        assert isinstance(source, Stills)
        assert (source.live, source.name) == (True, server.url.replace("?channel=1", "***"))
        frames = [source.read() for _ in range(5)]
        source.close()
    assert [number_of(frame) for frame, _ in frames] == list(range(5))
    assert {seconds for _, seconds in frames} == {None}


def test_the_speed_is_the_one_asked_for_or_one_a_second():
    waits = []
    clock = itertools.count(0, 0).__next__
    with HttpCamera(lambda number: (200, JPEG, jpeg(numbered(number)))) as server:
        for fps in (0, 4):
            source = open_source(Camera(source=server.url, fps=fps))
            source._clock, source._asked_s, source._sleep = clock, 0, waits.append
            source.read()
            source.read()
    assert waits == [1.0, 0.25]


def test_a_picture_that_has_not_changed_is_no_new_frame():
    """It is asked for on condition, by ETag and by time; and a server that answers all the same is seen through."""
    began = time.time()

    def answer(number):
        round_ = number // 4
        headers = {**JPEG, "ETag": f'"{round_}"', "Last-Modified": formatdate(began + round_, usegmt=True)}
        return (304, headers, b"") if number % 4 == 2 else (200, headers, jpeg(numbered(round_)))

    with HttpCamera(answer) as server:
        source = still(server)
        assert [number_of(source.read()[0]) for _ in range(3)] == [0, 1, 2]
        assert [headers.get("If-None-Match") for headers in server.asked] == [None, *['"0"'] * 4, *['"1"'] * 4]
        assert server.asked[5]["If-Modified-Since"] == formatdate(began + 1, usegmt=True)


def test_a_time_that_never_changes_hides_no_picture():
    """Some cameras tell the time of their firmware: it costs the first picture only."""
    headers = {**JPEG, "Last-Modified": "Thu, 01 Jan 1970 00:00:00 GMT"}
    with HttpCamera(lambda number: (200, headers, jpeg(numbered(number)))) as server:
        source = still(server)
        assert [number_of(source.read()[0]) for _ in range(3)] == [1, 2, 3]


def test_equal_pictures_of_a_camera_that_tells_nothing_are_frames():
    """Whether they are frozen is judged as of any camera."""
    with HttpCamera(lambda _: (200, JPEG, jpeg(numbered(1)))) as server:
        source = still(server)
        assert [number_of(source.read()[0]) for _ in range(3)] == [1, 1, 1]


@pytest.mark.parametrize("status", [200, 304])
def test_a_camera_whose_picture_does_not_change_has_no_new_frames(status):
    def answer(number):
        body = b"" if number and status == 304 else jpeg(numbered(1))
        return status if number else 200, {**JPEG, "ETag": '"a"'}, body

    with HttpCamera(answer) as server:
        source = still(server, timeout_s=0.5)
        source.read()
        began = time.monotonic()
        with pytest.raises(SourceLost, match=r"/picture.jpg\*\*\*: no new frames within 0.5 s"):
            source.read()
        assert 0.4 < time.monotonic() - began < 5


def test_a_camera_that_comes_back_with_its_old_picture_is_still_silent():
    """By the camera's clock alone: that of its answer and that of its picture."""

    def answer(number):
        taken = time.time() - (100 if number < 3 else 1)
        headers = {**JPEG, "Last-Modified": formatdate(taken, usegmt=True)}
        return 200, headers, jpeg(numbered(0 if number < 3 else number))

    with HttpCamera(answer) as server:
        assert number_of(still(server).read()[0]) == 3


def test_a_broken_picture_is_reported_and_the_next_one_read():
    with HttpCamera(lambda number: (200, JPEG, jpeg(numbered(number))[: 900 if number == 1 else None])) as server:
        source = still(server)
        source.read()
        with pytest.raises(ImageError, match="cut short"):
            source.read()
        assert number_of(source.read()[0]) == 2


def test_a_time_between_pictures_that_is_longer_than_the_timeout_is_an_error():
    said = "expected a timeout_s above the 20 s between two still pictures, got 10"
    server = HttpCamera(lambda number: (200, JPEG, jpeg(numbered(number))))
    with server, pytest.raises(SourceError, match=said):
        open_source(Camera(source=server.url, fps=0.05, timeout_s=10))


def test_a_camera_of_still_pictures_with_a_login_comes_back(tmp_path, caplog):
    (tmp_path / "password").write_text("ge#h/e?im@'\"\n")
    gone = threading.Event()

    def answer(number):
        return (503, {}, b"") if gone.is_set() else (200, JPEG, jpeg(numbered(number)))

    with HttpCamera(answer, login=("anna", "ge#h/e?im@'\""), schemes=("MD5",)) as server:
        waits = {"retry_s": 0.05, "retry_most_s": 0.1}
        login = {"username": "anna", "password_file": str(tmp_path / "password")}
        with Capture(Camera(source=server.url, fps=50, **login, **waits)) as capture:
            shots = iter(capture)
            next(shots)
            gone.set()
            until(lambda: capture.status.state == "lost")
            assert "HTTP status 503" in capture.status.reason
            gone.clear()
            while not capture.status.reconnects:
                next(shots)
    assert not [piece for piece in ("anna", "ge#h", "im@") if piece in caplog.text]


def row(body, boundary="frame"):
    """A server of pictures in a row."""
    return HttpCamera(lambda _: (200, {"Content-Type": f"multipart/x-mixed-replace; boundary={boundary}"}, body))


def parts(*bodies, head=b"", boundary=b"--frame", length=True, end=b""):
    """A body of multipart/x-mixed-replace."""
    made = [
        b"%s\r\nContent-Type: image/jpeg\r\n%s\r\n%s\r\n"
        % (boundary, b"Content-Length: %d\r\n" % len(body) if length else b"", body)
        for body in bodies
    ]
    return head + b"".join(made) + end


BODIES = [jpeg(numbered(number)) for number in range(4)]


@pytest.mark.parametrize(
    ("body", "boundary"),
    [
        (parts(*BODIES), "frame"),
        (parts(*BODIES), '"frame"'),
        (parts(*BODIES), "--frame"),
        (parts(*BODIES, head=b"\r\n", end=b"--frame--\r\n"), "frame"),
        (parts(*BODIES, length=False, end=b"--frame\r\n"), "frame"),
        (parts(*BODIES, boundary=b"--a=b(c)"), '"a=b(c)"'),
        (b"".join(b"--frame\n\n%s\n" % body for body in BODIES) + b"--frame--\n", "frame"),
    ],
)
def test_pictures_in_a_row_are_read_however_they_are_parted(body, boundary):
    with row(body, boundary) as server:
        source = open_source(Camera(source=server.url))
        assert isinstance(source, MotionJpeg)
        assert [number_of(source.read()[0]) for _ in BODIES] == [0, 1, 2, 3]
        with pytest.raises(SourceLost, match="got no more"):
            source.read()
        source.close()


@pytest.mark.parametrize("body", [b"", b"no part at all", parts(BODIES[0])[:-900], bytes(range(256)) * 999])
def test_a_row_that_is_none_is_lost(body):
    with row(body) as server:
        source = open_source(Camera(source=server.url))
        with pytest.raises(SourceLost, match="got no more"):
            source.read()


def test_a_part_that_is_no_picture_is_a_broken_frame():
    with row(parts(b"busy", BODIES[1])) as server:
        source = open_source(Camera(source=server.url))
        with pytest.raises(ImageError, match="got something else"):
            source.read()
        assert number_of(source.read()[0]) == 1


@pytest.mark.parametrize("sent", [0, 700])
def test_a_row_that_stops_without_closing_has_no_new_frames(sent):
    """Also in the middle of a picture."""
    hold = threading.Event()

    def frames():
        yield from BODIES
        if sent:
            yield b"\xff\xd8" + bytes(sent)
        hold.wait(30)

    with pictures_in_a_row(frames) as server:
        source = open_source(Camera(source=server.url, timeout_s=0.5))
        assert [number_of(source.read()[0]) for _ in BODIES] == [0, 1, 2, 3]
        if sent:
            with pytest.raises(ImageError):
                source.read()
        began = time.monotonic()
        with pytest.raises(SourceLost, match="no new frames within 0.5 s"):
            source.read()
        assert 0.3 < time.monotonic() - began < 5
        hold.set()


def test_what_is_neither_picture_nor_row_is_for_ffmpeg(tmp_path):
    video = write_video(tmp_path / "a.avi", 20).read_bytes()
    with HttpCamera(lambda _: (200, {"Content-Type": "video/x-msvideo"}, video)) as server:
        source = open_source(Camera(source=server.url))
        assert type(source).__name__ == "Video"
        assert source.read()[0].shape == (240, 320, 3)
        source.close()


GARBAGE = {
    "nothing": b"",
    "empty lines": b"\r\n" * 20,
    "text": b"status: all is well\r\nand more of it\r\n\r\n",
    "a head that is none": b"Content-Length: 5\r\n\r\nhello\r\n\r\n",
    "bytes": bytes(range(256)) * 200,
    "an empty part": b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 0\r\n\r\n\r\n",
    "an empty part without a length": b"--frame\r\nContent-Type: image/jpeg\r\n\r\n\r\n",
    "a wrong length": b"--frame\r\nContent-Length: many\r\n\r\n\r\n",
    "a negative length": b"--frame\r\nContent-Length: -5\r\n\r\n\r\n",
    "boundaries in a row": b"--frame\r\n\r\n--frame\r\n\r\n",
    "another boundary": b"--other\r\nContent-Length: 3\r\n\r\nabc\r\n",
}


@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_what_lies_between_pictures_costs_none_of_them(garbage, length):
    body = b"".join(
        parts(picture, length=length) + (b"--frame\r\n" if not length else b"") + garbage for picture in BODIES
    )
    body = body if length else body.replace(b"--frame\r\n--frame\r\n", b"--frame\r\n")
    with row(parts(BODIES[0]) + body + b"--frame--\r\n") as server:
        source = open_source(Camera(source=server.url))
        got = []
        with pytest.raises(SourceLost, match="got no more"):
            while True:
                try:
                    got.append(number_of(source.read()[0]))
                except ImageError:
                    assert not length, "where no length is given, garbage is a part"
        source.close()
    assert got == [0, 0, 1, 2, 3]


def test_a_flood_between_pictures_is_a_broken_frame_and_is_said(caplog):
    flood = bytes(range(1, 256)) * 20_000

    def frames():
        for picture in BODIES:
            yield b"--frame\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(picture), picture)
            yield flood
        while True:
            yield flood

    kind = {"Content-Type": "multipart/x-mixed-replace; boundary=frame"}
    with HttpCamera(lambda _: (200, kind, frames())) as server:
        with Capture(Camera(source=server.url, timeout_s=1, retry_s=30, retry_most_s=30)) as capture:
            shots = iter(capture)
            assert number_of(next(shots).frame) >= 0
            status = until(lambda: capture.status.state == "lost" and capture.status)
        assert "only broken ones: expected pictures, got other data between them" in status.reason
    assert caplog.text.count("got other data between them; check the camera") <= len(BODIES) + 2


@pytest.mark.parametrize("side", [5761, 8000, 65000])
def test_a_frame_that_is_too_large_is_refused_before_it_is_decoded(side):
    picture = bytearray(jpeg(numbered(1)))
    at = picture.index(b"\xff\xc0")
    picture[at + 5 : at + 9] = side.to_bytes(2, "big") * 2
    with row(parts(bytes(picture), BODIES[2])) as server:
        source = open_source(Camera(source=server.url))
        with pytest.raises(ImageError, match=f"expected up to {MOST_PIXELS} pixels, got {side * side}"):
            source.read()
        assert number_of(source.read()[0]) == 2


def test_a_camera_that_is_slower_than_the_timeout_is_told_what_to_set():
    hold = threading.Event()

    def frames():
        yield BODIES[0]
        hold.wait(30)

    with pictures_in_a_row(frames) as server:
        source = open_source(Camera(source=server.url, timeout_s=0.3))
        source.read()
        with pytest.raises(SourceLost, match=r"raise timeout_s under \[camera\] if it takes longer between two frames"):
            source.read()
        hold.set()
