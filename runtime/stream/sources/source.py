"""Where frames come from: cameras, streams, videos and pictures behind one call."""

from dataclasses import replace
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Protocol

from ...errors import ConfigError, ImageError, SourceError
from ...geometry.files import SUFFIXES, find_photos
from ...geometry.images import Frame
from ..addresses import PORTS, Address, is_pipeline, masked, split_url
from ..secrets import CAMERA, read_password
from ..settings import Camera
from .opencv import open_file, open_pipeline, open_url, open_v4l2
from .pictures import Pictures
from .videos import Video
from .web import ask
from .web_pictures import MotionJpeg, Stills

_TO_BGR = "nvvidconv ! video/x-raw,format=BGRx ! videoconvert ! video/x-raw,format=BGR"
_LATEST = "appsink drop=1 max-buffers=1 sync=0"
_EVERY = "appsink max-buffers=4 sync=0"


class Source(Protocol):
    """Gives one frame after another."""

    live: bool
    """A camera: it has no end, only the latest frame counts, and a lost one may come back."""

    def read(self) -> tuple[Frame, float | None] | None:
        """Wait for the next frame (H, W, 3) uint8 BGR, and its seconds into the file; None = the end.

        Raises:
            ImageError: this frame is broken; the next may not be.
            SourceError: there are no more; a camera may come back when it is opened again.
        """

    def close(self) -> None:
        """Let go of the camera or file."""


def open_source(camera: Camera) -> Source:
    """Open what a camera's settings name.

    Raises:
        SourceError: it is not there, or cannot be opened, and trying again does not help.
        SourceLost: a camera that does not answer now.
    """
    source, name = str(camera.source), masked(str(camera.source))
    if camera.preset or is_pipeline(source):
        pipeline = jetson_pipeline(source, camera) if camera.preset else source
        live = camera.preset != "jetson-file"
        return Video(partial(open_pipeline, pipeline, name), name, camera, live=live)
    if source.isdecimal() or source.startswith("/dev/video"):
        device = f"/dev/video{int(source)}" if source.isdecimal() else source
        return Video(partial(open_v4l2, device, camera), device, camera, live=True)
    if "://" in source:
        address = address_of(camera)
        return (_open_web if address.scheme.startswith("http") else _open_video)(address, camera)
    return _open_path(source, camera)


def address_of(camera: Camera, schemes: tuple[str, ...] = tuple(PORTS)) -> Address:
    """Return the address of a network camera, with the login of its settings where they have one.

    Raises:
        SourceError: not an address of these schemes, or no password where there should be one.
    """
    address = split_url(str(camera.source), schemes)
    if camera.username is None:
        return address
    try:
        return replace(address, username=camera.username, password=read_password(camera.password_file, CAMERA))
    except ConfigError as exc:
        raise SourceError(str(exc)) from exc


def _open_video(address: Address, camera: Camera) -> Source:
    stamped = address.scheme.startswith("rtsp")
    return Video(partial(open_url, address, camera), address.shown, camera, live=True, stamped=stamped)


def _open_web(address: Address, camera: Camera) -> Source:
    """Open what an address answers with: pictures one by one, pictures in a row, or a video for FFmpeg."""
    try:
        answer = ask(address, address.shown, camera.timeout_s)
    except HTTPException:
        answer = None  # FFmpeg is less strict about HTTP
    kind = "" if answer is None else answer.headers.get_content_type()
    if answer is not None and kind.startswith("image/"):
        return Stills(answer, address, camera)
    if answer is not None and kind == "multipart/x-mixed-replace":
        return MotionJpeg(answer, address.shown, camera)
    if answer is not None:
        answer.close()
    return _open_video(address, camera)


def _open_path(source: str, camera: Camera) -> Source:
    path = Path(source)
    if path.is_file() and path.suffix.lower() not in SUFFIXES:
        return Video(partial(open_file, path), source, camera, live=False)
    try:
        photos = find_photos(source) if source else []
    except ImageError as exc:
        raise SourceError(str(exc)) from exc
    if not photos or not photos[0].is_file():
        raise SourceError(
            f"{masked(source)!r}: expected a camera's number, a URL, a video, a folder of pictures or a pipeline, "
            "got a path that is not there; check it"
        )
    return Pictures(photos, source, camera)


def jetson_pipeline(source: str, camera: Camera) -> str:
    """Write the GStreamer pipeline of a preset: decoded and converted by the Jetson's hardware.

    Args:
        source: jetson-csi: the sensor's number; jetson-rtsp: the URL of H.264; jetson-file: an MP4 of H.264.
        camera: its preset, size and fps.

    Raises:
        SourceError: the source does not fit the preset.
    """
    if camera.preset == "jetson-csi":
        if not source.isdecimal():
            raise SourceError(
                f"{masked(source)!r}: expected the number of a CSI camera, got another source; use 0 or 1"
            )
        width, height = camera.size or (1280, 720)
        form = f"format=NV12,width={width},height={height}" + (f",framerate={round(camera.fps)}/1" * bool(camera.fps))
        return f"nvarguscamerasrc sensor-id={int(source)} ! video/x-raw(memory:NVMM),{form} ! {_TO_BGR} ! {_LATEST}"
    if camera.preset == "jetson-rtsp":
        address = address_of(camera, ("rtsp", "rtsps"))
        start = f"rtspsrc location={_quoted(address.url)} protocols=tcp latency=100 ! rtph264depay"
        sink = _LATEST
    else:
        if not Path(source).is_file():
            raise SourceError(f"{masked(source)!r}: expected an MP4 file, got a path that is not there; check it")
        start = f"filesrc location={_quoted(str(Path(source).resolve()))} ! qtdemux"
        sink = _EVERY
    return f"{start} ! h264parse ! nvv4l2decoder ! {_TO_BGR} ! {sink}"


def _quoted(text: str) -> str:
    """Return a value of a GStreamer pipeline, that cannot end early."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
