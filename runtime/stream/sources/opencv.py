"""OpenCV's captures, opened: V4L2, FFmpeg and GStreamer, with what each must know and what it does not say."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from ...errors import SourceError, SourceLost
from ..addresses import Address, why_silent
from ..settings import Camera

OPEN_S = 10.0
"""A camera has at least so long for its first frame: FFmpeg looks at a stream for up to five seconds."""
FILE = "protocol_whitelist;file"
"""FFmpeg's options. A playlist in a file opens no network, and one from the network opens no file."""
HTTP = "fflags;nobuffer|protocol_whitelist;http,https,httpproxy,tcp,tls"
LONGEST_LOGIN = 127
"""Bytes of an encoded "user:password" that FFmpeg's RTSP client takes; it cuts off the rest without a word."""
RTSP = "fflags;nobuffer|rtsp_transport;tcp|protocol_whitelist;rtp,tcp,tls,udp"
_ERRORS = 2
"""OpenCV's log level."""
_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
_environment = threading.Lock()


def open_v4l2(device: str, camera: Camera) -> cv2.VideoCapture:
    """Open a camera on this machine: "/dev/video0".

    Raises:
        SourceError: no such device, or no permission.
        SourceLost: it cannot be opened; another program may use it.
    """
    if not Path(device).exists():
        there = ", ".join(sorted(str(device) for device in Path("/dev").glob("video*"))) or "none"
        raise SourceError(f"{device}: expected a camera, got no such device (there are: {there}); check its cable")
    if not os.access(device, os.R_OK | os.W_OK):
        raise SourceError(f"{device}: expected permission to use it, got none; add the user to its group (video)")
    with _quiet():
        capture = cv2.VideoCapture(device, cv2.CAP_V4L2)
    if not capture.isOpened():
        raise SourceLost(f"{device}: expected a camera, got none that opens; close other programs that use it")
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    if camera.size:
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, camera.size[0])
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, camera.size[1])
    if camera.fps:
        capture.set(cv2.CAP_PROP_FPS, camera.fps)
    return capture


def open_url(address: Address, camera: Camera) -> cv2.VideoCapture:
    """Open a network camera through FFmpeg.

    Raises:
        SourceError: a login that FFmpeg would cut off.
        SourceLost: it does not answer, or gives no video.
    """
    rtsp = address.scheme.startswith("rtsp")
    if rtsp and len(address.login) > LONGEST_LOGIN:
        raise SourceError(
            f"{address.shown}: expected up to {LONGEST_LOGIN} characters of user name and encoded password, "
            f"got {len(address.login)}; give the camera a shorter password"
        )
    open_s = max(camera.timeout_s, OPEN_S)
    began_s = time.monotonic()
    capture = _open_ffmpeg(address.url, RTSP if rtsp else HTTP, open_s, camera.timeout_s)
    if not capture.isOpened():
        late = time.monotonic() - began_s > 0.9 * open_s
        got = f"no video within {open_s:g} s" if late else why_silent(address, OPEN_S)
        raise SourceLost(
            f"{address.shown}: expected a video stream, got {got}; check the address, user name and password"
        )
    return capture


def open_file(path: Path) -> cv2.VideoCapture:
    """Open a video file.

    Raises:
        SourceError: it cannot be opened as one.
    """
    try:
        path.open("rb").close()
    except OSError as exc:
        raise SourceError(f"{path}: expected a video file, got: {exc.strerror}; check the path") from exc
    capture = _open_ffmpeg(str(path.resolve()), FILE, OPEN_S, OPEN_S)
    if not capture.isOpened():
        raise SourceError(f"{path}: expected a video, got a file that is damaged or none; convert or copy it again")
    return capture


def open_pipeline(pipeline: str, name: str) -> cv2.VideoCapture:
    """Open a GStreamer pipeline that ends in an appsink of BGR frames; errors call it by a name without secrets.

    Raises:
        SourceError: no appsink, or this OpenCV has no GStreamer.
        SourceLost: the pipeline does not start.
    """
    if "appsink" not in pipeline:
        raise SourceError(
            f"{name}: expected a pipeline that ends in an appsink, got none; "
            "add ! videoconvert ! video/x-raw,format=BGR ! appsink drop=1 max-buffers=1 sync=0"
        )
    _demand(cv2.CAP_GSTREAMER, "GStreamer", "pip's has none: remove it and use JetPack's or Debian's python3-opencv")
    with _quiet():
        capture = cv2.VideoCapture(pipeline, cv2.CAP_GSTREAMER)
    if not capture.isOpened():
        raise SourceLost(f"{name}: expected a pipeline that plays, got none; try it with gst-launch-1.0, GST_DEBUG=2")
    return capture


def _demand(backend: int, name: str, fix: str) -> None:
    if not cv2.videoio_registry.hasBackend(backend):
        raise SourceError(f"OpenCV {cv2.__version__}: expected one with {name}, got one without; {fix}")


def _open_ffmpeg(address: str, options: str, open_s: float, read_s: float) -> cv2.VideoCapture:
    _demand(cv2.CAP_FFMPEG, "FFmpeg", "use pip's opencv-python-headless, or give a GStreamer pipeline")
    limits = (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, open_s), (cv2.CAP_PROP_READ_TIMEOUT_MSEC, read_s)
    parameters = [part for name, limit_s in limits for part in (name, max(round(limit_s * 1000), 1))]
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # one damaged file writes thousands of lines
    with _ffmpeg_options(options), _quiet():
        return cv2.VideoCapture(address, cv2.CAP_FFMPEG, parameters)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep OpenCV from writing a warning at every try; what fails is said in an error."""
    set_level = getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel  # OpenCV 4, 5
    before = set_level(_ERRORS)
    try:
        yield
    finally:
        set_level(before)


@contextmanager
def _ffmpeg_options(ours: str) -> Iterator[None]:
    """Let OpenCV hand options to FFmpeg, for which there is the environment only; the user's own come last and win."""
    if not _environment.acquire(timeout=OPEN_S):
        raise SourceLost(
            "expected FFmpeg to open a stream, got another that hangs while it is opened; it is tried again"
        )
    theirs = os.environ.get(_OPTIONS)
    os.environ[_OPTIONS] = f"{ours}|{theirs}" if theirs else ours
    try:
        yield
    finally:
        if theirs is None:
            del os.environ[_OPTIONS]
        else:
            os.environ[_OPTIONS] = theirs
        _environment.release()
