"""Captures of real network cameras: GStreamer over RTSP, and JPEG pictures over HTTP."""

import itertools
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from edgereader.runtime.errors import SourceLost
from edgereader.runtime.stream.capture import Capture
from edgereader.runtime.stream.settings import Camera
from edgereader.runtime.stream.source import open_source

from .clips import jpeg, numbered, write_video
from .mjpeg_server import MjpegServer
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
        end = time.monotonic() + 20
        while capture.status.state != "lost":
            assert time.monotonic() < end, capture.status
            time.sleep(0.02)
        rtsp.start()
        after = list(shots_until(capture, lambda: capture.status.reconnects and capture.status.frames >= 40))
        assert after[-1].at_s - after[0].at_s > 0
        assert capture.status.state == "live"
        assert capture.status.reconnects == 1
    assert "geheim" not in caplog.text
    assert not [each.name for each in threading.enumerate() if each.name.startswith("edgereader-ca")]


@needs_rtsp
def test_a_camera_over_rtsp_that_says_nothing_any_more_is_lost(rtsp):
    source = open_source(Camera(source=rtsp.url, timeout_s=1))
    source.read()
    rtsp.process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(SourceLost, match="got no more"):
            for _ in range(1000):
                source.read()
    finally:
        rtsp.process.send_signal(signal.SIGCONT)
        source.close()


@needs_rtsp
def test_a_wrong_password_or_path_is_lost_and_no_secret_reaches_an_output(rtsp):
    """In a process of its own: FFmpeg writes to the file of the standard error."""
    program = (
        "import logging, sys\n"
        "from edgereader.runtime.stream.source import open_source\n"
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
    assert ["opened" in each for each in lines] == [False, False, True, False]
    assert "user name and password" in lines[0]
    assert "falsch" not in done.stdout + done.stderr
    assert "geheim" not in done.stdout + done.stderr
    assert not done.stderr  # neither FFmpeg nor OpenCV writes at every try


@needs_rtsp
def test_a_camera_over_rtsp_that_freezes_is_said(tmp_path):
    video = write_video(tmp_path / "clip.avi", 10)
    with (
        RtspServer(video, tmp_path / "frames", loop=False) as server,
        Capture(Camera(source=server.url, frozen_s=1, **LIMITS)) as capture,
    ):
        list(shots_until(capture, lambda: capture.status.state == "frozen"))
        assert capture.status.reconnects == 0


def test_a_camera_over_http_gives_pictures_and_comes_back_when_it_hangs_up():
    def frames():
        yield from (jpeg(numbered(number)) for number in range(30))

    with (
        MjpegServer(frames, login=("anna", "geheim")) as server,
        Capture(Camera(source=server.url, **LIMITS)) as capture,
    ):
        shots = list(shots_until(capture, lambda: capture.status.reconnects == 2))
    assert shots[0].frame.shape == (240, 320, 3)
    assert server.clients >= 3
    assert capture.status.frames >= 50


def test_a_camera_over_http_may_change_the_size_of_its_pictures_and_send_damaged_ones():
    sizes = [(240, 320), (480, 640), (120, 160), (240, 320)]
    broken = jpeg(numbered(1))[:1500]

    def frames():
        for size_hw in sizes:
            yield from [jpeg(numbered(number, size_hw)) for number in range(20)]
            yield broken

    with MjpegServer(frames) as server, Capture(Camera(source=server.url, **LIMITS)) as capture:
        shots = list(shots_until(capture, lambda: capture.status.frames >= 60))
        assert capture.status.reconnects == 0
    assert {shot.frame.shape for shot in shots} == {(240, 320, 3)}  # FFmpeg scales to the first size
    bottoms = [float(shot.frame[-10:].mean()) for shot in shots]
    assert max(bottoms[30:40]) < 60  # the whole picture, not its upper left part


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
    end = time.monotonic() + 30
    while any(each.name == "edgereader-camera" for each in threading.enumerate()):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_file_leaves_no_thread_and_no_open_file(tmp_path):
    clip = write_video(tmp_path / "clip.avi")
    with Capture(Camera(source=str(clip), loop=True, every_frame=True)) as capture:
        shots = list(itertools.islice(capture, 120))
    assert [shot.number for shot in shots] == list(range(120))
    assert shots[100].taken_s - shots[0].taken_s == pytest.approx(4)
    assert clip.resolve() not in [each.resolve() for each in Path("/proc/self/fd").iterdir()]
