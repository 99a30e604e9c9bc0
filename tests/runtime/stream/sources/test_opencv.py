import os
import random
import subprocess
import sys

import cv2
import pytest

from edgereader.runtime.errors import SourceError, SourceLost
from edgereader.runtime.stream.addresses import split_url
from edgereader.runtime.stream.settings import Camera
from edgereader.runtime.stream.sources import opencv as captures
from edgereader.runtime.stream.sources.opencv import open_file, open_pipeline, open_url, open_v4l2

from ..fakes import write_video

OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"


class Fake:
    """Stands for cv2.VideoCapture."""

    opens = True

    def __init__(self, *arguments):
        self.arguments = arguments
        self.options = os.environ.get(OPTIONS)
        self.asked = {}

    def isOpened(self):
        return self.opens

    def set(self, name, value):
        self.asked[name] = value
        return True


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", Fake)
    monkeypatch.setattr(Fake, "opens", True)
    monkeypatch.delenv(OPTIONS, raising=False)
    return Fake


def test_rtsp_goes_over_tcp_with_limits_of_time_and_no_other_protocols(fake):
    capture = open_url(split_url("rtsp://cam/x"), Camera(source="", timeout_s=3))
    assert "rtsp_transport;tcp" in capture.options
    allowed = capture.options.split("protocol_whitelist;")[1].split(",")
    assert set(allowed) == {"rtp", "tcp", "tls", "udp"}
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, 10000, cv2.CAP_PROP_READ_TIMEOUT_MSEC, 3000]
    assert capture.arguments == ("rtsp://cam/x", cv2.CAP_FFMPEG, limits)
    assert OPTIONS not in os.environ


def test_the_users_own_options_of_ffmpeg_come_last_and_stay(fake, monkeypatch):
    monkeypatch.setenv(OPTIONS, "rtsp_transport;udp")
    assert open_url(split_url("rtsp://cam/x"), Camera(source="")).options.endswith("|rtsp_transport;udp")
    assert os.environ[OPTIONS] == "rtsp_transport;udp"


def test_options_are_taken_back_when_opening_fails(fake, monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        open_url(split_url("http://cam/x"), Camera(source=""))
    assert OPTIONS not in os.environ
    assert captures._environment.acquire(blocking=False)
    captures._environment.release()


def test_a_stream_that_hangs_while_it_is_opened_does_not_block_others_for_ever(fake, monkeypatch):
    monkeypatch.setattr(captures, "OPEN_S", 0.01)
    with captures._environment, pytest.raises(SourceLost, match="another that hangs"):
        open_url(split_url("http://cam/x"), Camera(source=""))


@pytest.fixture
def device(tmp_path):
    path = tmp_path / "video0"
    path.touch()
    return str(path)


def test_a_v4l2_camera_is_asked_for_size_and_speed(fake, device):
    capture = open_v4l2(device, Camera(source="", size=(1280, 720), fps=15))
    assert capture.arguments == (device, cv2.CAP_V4L2)
    assert capture.asked[cv2.CAP_PROP_FRAME_WIDTH] == 1280
    assert capture.asked[cv2.CAP_PROP_FRAME_HEIGHT] == 720
    assert capture.asked[cv2.CAP_PROP_FPS] == 15
    assert capture.asked[cv2.CAP_PROP_BUFFERSIZE] == 1


def test_a_v4l2_camera_that_is_not_there_or_not_permitted_is_an_error(monkeypatch, device, tmp_path):
    with pytest.raises(SourceError, match=r"got no such device \(there are: "):
        open_v4l2(str(tmp_path / "video9"), Camera(source=""))
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(SourceError, match="add the user to its group"):
        open_v4l2(device, Camera(source=""))


def test_a_v4l2_camera_that_is_busy_may_come_back(fake, monkeypatch, device):
    monkeypatch.setattr(fake, "opens", False)
    with pytest.raises(SourceLost, match="close other programs"):
        open_v4l2(device, Camera(source=""))


def test_a_pipeline_needs_an_appsink():
    with pytest.raises(SourceError, match="cam: .*add ! videoconvert"):
        open_pipeline("videotestsrc ! fakesink", "cam")


@pytest.mark.skipif(cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER), reason="this OpenCV has GStreamer")
def test_an_opencv_without_gstreamer_is_an_error_that_says_what_to_do():
    with pytest.raises(SourceError, match="expected one with GStreamer.*JetPack"):
        open_pipeline("videotestsrc ! appsink", "cam")


def test_a_pipeline_is_handed_to_gstreamer(fake, monkeypatch):
    monkeypatch.setattr(cv2.videoio_registry, "hasBackend", lambda _: True)
    assert open_pipeline("videotestsrc ! appsink", "cam").arguments == ("videotestsrc ! appsink", cv2.CAP_GSTREAMER)
    monkeypatch.setattr(fake, "opens", False)
    with pytest.raises(SourceLost, match="cam: .*gst-launch"):
        open_pipeline("nothing ! appsink", "cam")


def test_a_file_opens_no_other_protocols(fake, tmp_path):
    path = tmp_path / "a.mp4"
    path.touch()
    assert open_file(path).options == "protocol_whitelist;file"


def test_a_file_without_permission_is_an_error(tmp_path):
    with pytest.raises(SourceError, match="expected a video file, got: Is a directory"):
        open_file(tmp_path)


def test_opencv_writes_errors_only_while_it_opens_and_all_as_before_after_it(fake, monkeypatch):
    levels = []
    monkeypatch.setattr(cv2, "setLogLevel", lambda level: levels.append(level) or 3, raising=False)
    open_url(split_url("rtsp://cam/x"), Camera(source=""))
    assert levels == [2, 3]


PLAYING = """
import contextlib, sys
from edgereader.runtime.errors import EdgeReaderError, ImageError
from edgereader.runtime.stream.settings import Camera
from edgereader.runtime.stream.sources.source import open_source
for path in sys.argv[1:]:
    with contextlib.suppress(EdgeReaderError):
        source, more = open_source(Camera(source=path)), True
        while more:
            with contextlib.suppress(ImageError):
                more = source.read() is not None
print("played")
"""


def test_damaged_videos_write_nothing_into_the_log_but_our_own_lines(tmp_path):
    chance, paths = random.Random(1), []
    for fourcc, suffix in (("XVID", "avi"), ("MJPG", "avi"), ("mp4v", "mp4"), ("FFV1", "avi")):
        path = write_video(tmp_path / f"{fourcc}.{suffix}", 20, fourcc=fourcc)
        data = bytearray(path.read_bytes())
        for _ in range(100):
            data[chance.randrange(len(data) // 8, 7 * len(data) // 8)] = chance.randrange(256)
        path.write_bytes(data)
        paths.append(str(path))

    def lines(**environment):
        command = [sys.executable, "-c", PLAYING, *paths]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **environment})
        return (done.stdout + done.stderr).splitlines()

    assert len(lines(OPENCV_FFMPEG_LOGLEVEL="16")) > 5, "FFmpeg has something to say of them"
    assert not [line for line in lines() if line != "played" and "expected" not in line]
