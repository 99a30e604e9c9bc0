"""Captures of real network cameras: GStreamer over RTSP, and JPEG pictures over HTTP."""

import contextlib
import logging
import signal
import socket
import string
import subprocess
import sys
import threading
import time
import traceback
from urllib.parse import quote

import cv2
import msgspec
import pytest

from edgereader.runtime.errors import SourceError, SourceLost
from edgereader.runtime.service import metrics
from edgereader.runtime.service.board import Board
from edgereader.runtime.service.live import state, trouble
from edgereader.runtime.stream.settings import Camera
from edgereader.runtime.stream.sources import opencv as captures
from edgereader.runtime.stream.sources.capture import Capture
from edgereader.runtime.stream.sources.source import open_source

from .fakes import until, write_video
from .rtsp_server import RtspServer, missing

needs_rtsp = pytest.mark.skipif(bool(missing()), reason=missing())
LIMITS = {"timeout_s": 5, "retry_s": 0.1, "retry_most_s": 0.5}


@pytest.fixture
def rtsp(tmp_path):
    video = write_video(tmp_path / "clip.avi", 100)
    with RtspServer(video, tmp_path / "frames", login=("anna", "geheim")) as server:
        yield server


def shots_until(capture, condition, seconds=60):
    end = time.monotonic() + seconds
    for shot in capture:
        yield shot
        if condition():
            return
        assert time.monotonic() < end, capture.status


@needs_rtsp
def test_a_camera_over_rtsp_that_is_killed_and_restarted_comes_back(rtsp, caplog):
    with Capture(Camera(source=rtsp.url, **LIMITS)) as capture:
        for shot in shots_until(capture, lambda: capture.status.frames >= 20):
            assert shot.frame.shape == (240, 320, 3)
        rtsp.kill()
        until(lambda: capture.status.state == "lost")
        rtsp.start()
        after = list(shots_until(capture, lambda: capture.status.reconnects and capture.status.frames >= 40))
        assert after[-1].at_s - after[0].at_s > 0
        assert capture.status.state == "live"
        assert capture.status.reconnects == 1
    assert "geheim" not in caplog.text
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("edgereader-ca")]


@needs_rtsp
@pytest.mark.parametrize("threads", [1, 4])
def test_frames_that_a_decoder_held_back_are_no_new_ones(tmp_path, threads, monkeypatch):
    """FFmpeg gives them after each timeout, as if they had just come: one for each of its threads."""
    real = cv2.VideoCapture
    more = [cv2.CAP_PROP_N_THREADS, threads]
    monkeypatch.setattr(captures.cv2, "VideoCapture", lambda url, backend, given: real(url, backend, given + more))
    video = write_video(tmp_path / "clip.mp4", 500, fourcc="mp4v")
    with RtspServer(video, tmp_path, whole=True) as server:
        source = open_source(Camera(source=server.url, timeout_s=1))
        for _ in range(20):
            source.read()
        server.process.send_signal(signal.SIGSTOP)
        try:
            seconds = []
            with pytest.raises(SourceLost, match="no new frames within 1 s"):
                for _ in range(50):
                    began = time.monotonic()
                    source.read()
                    seconds.append(time.monotonic() - began)
            assert max(seconds, default=0) < 1
            assert time.monotonic() - began < 5
        finally:
            server.process.send_signal(signal.SIGCONT)
            source.close()


@needs_rtsp
def test_a_camera_over_rtsp_that_stops_sending_is_lost_within_its_timeout(rtsp):
    """Its last frame comes once, and not as a new one."""
    with Capture(Camera(source=rtsp.url, **{**LIMITS, "timeout_s": 2})) as capture:
        list(shots_until(capture, lambda: capture.status.frames >= 10))
        rtsp.process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        try:
            until(lambda: capture.status.state == "lost")
            assert time.monotonic() - began < 4
            assert "no new frames within 2 s" in capture.status.reason
        finally:
            rtsp.process.send_signal(signal.SIGCONT)
        list(shots_until(capture, lambda: capture.status.reconnects))


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_no_piece_of_a_password_reaches_log_errors_page_or_metrics(scheme, caplog, capfd):
    """Every sign of a keyboard, as it is and encoded; nobody answers at this port."""
    caplog.set_level(logging.DEBUG)
    shown = []
    for sign in [sign for sign in string.printable if not sign.isalnum()]:
        for written in {sign, quote(sign, "")}:
            camera = Camera(source=f"{scheme}://Yd1:Qa3{written}Wb7@127.0.0.1:1/x?pwd=Xc5{written}Ze9", timeout_s=1)
            with Capture(camera) as capture:
                board = Board("cellar", status=lambda capture=capture: capture.status)
                with contextlib.suppress(SourceError):
                    capture.start()
                    until(lambda capture=capture: capture.status.state in {"lost", "ended"})
                    if capture.status.state == "ended":
                        list(capture)
                shown += [msgspec.json.encode(state(board)).decode(), trouble(board), *metrics.of_stream(board)]
                shown += traceback.format_exception(capture._error) if capture._error else []
    output = capfd.readouterr()
    said = "".join([*shown, caplog.text, output.out, output.err])
    assert "127.0.0.1:1" in said
    assert not [piece for piece in ("Yd1", "Qa3", "Wb7", "Xc5", "Ze9") if piece in said]


@needs_rtsp
@pytest.mark.parametrize("password", ["Se#c/r?e't:@ \"%!", "%41%zz+&=;,"])
def test_any_password_is_understood_over_rtsp(tmp_path, password):
    """As FFmpeg decodes it, from the file of the settings; the server is GStreamer's."""
    (tmp_path / "password").write_text(password)
    with RtspServer(write_video(tmp_path / "a.avi", 20), tmp_path / "frames", login=("anna", password)) as server:
        url = server.url.partition("://")[0] + "://" + server.url.rpartition("@")[2]
        for camera in (
            Camera(source=server.url),
            Camera(source=url, username="anna", password_file=str(tmp_path / "password")),
        ):
            source = open_source(camera)
            assert source.read()[0].shape == (240, 320, 3)
            source.close()


@needs_rtsp
def test_a_wrong_password_or_path_is_lost_and_no_secret_reaches_an_output(rtsp):
    """In a process of its own: FFmpeg writes to the file of the standard error."""
    program = (
        "import logging, sys\n"
        "from edgereader.runtime.stream.sources.source import open_source\n"
        "from edgereader.runtime.stream.settings import Camera\n"
        "from edgereader.runtime.errors import SourceLost\n"
        "for url in sys.stdin.read().split():\n"
        "    try:\n"
        "        open_source(Camera(source=url, timeout_s=5))\n"
        "        print('opened')\n"
        "    except SourceLost as exc:\n"
        "        print(exc)\n"
    )
    urls = [rtsp.url.replace("geheim", "falsch"), rtsp.url.replace("/video", "/none?token=falsch"), rtsp.url]
    urls.append(f"http://anna:falsch@127.0.0.1:{rtsp.port}/x")
    done = subprocess.run(
        [sys.executable, "-c", program], input="\n".join(urls), capture_output=True, text=True, check=True, timeout=120
    )
    lines = done.stdout.splitlines()
    assert ["opened" in line for line in lines] == [False, False, True, False]
    assert "user name and password" in lines[0]
    assert "falsch" not in done.stdout + done.stderr
    assert "geheim" not in done.stdout + done.stderr
    assert not done.stderr  # neither FFmpeg nor OpenCV writes at every try


def test_a_camera_that_accepts_and_says_nothing_is_lost_in_time_and_stop_does_not_wait():
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"rtsp://anna:geheim@127.0.0.1:{server.getsockname()[1]}/x"
        with Capture(Camera(source=url, **LIMITS)) as capture:
            capture.start()
            time.sleep(0.3)
            began = time.monotonic()
            capture.close()
            assert time.monotonic() - began < 5
        assert capture.status.reason == "stopped"
    until(lambda: not any(thread.name == "edgereader-camera" for thread in threading.enumerate()))
