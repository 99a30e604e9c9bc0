"""What a stream's configuration file may say: one struct a table; `config.py` reads the file."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ..reader import MIN_CONFIDENCE
from ..text.alphabets import NUMBERS, Find
from .addresses import masked

Share = Annotated[float, Meta(ge=0, le=1)]
"""0..1; of a picture's width or height, so that a region stays where it is when a camera changes its size."""
Polygon = Annotated[list[tuple[Share, Share]], Meta(min_length=3, max_length=64)]
"""Corners x, y."""
Seconds = Annotated[float, Meta(gt=0, le=1e7)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Port = Annotated[int, Meta(ge=1, le=65535)]
Name = Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9_-]{0,63}\\Z")]
"""Part of topics, metrics and file names."""
Kind = Literal["free", "plate", "counter"]
Decimal = Literal[".", ","]
Thousands = Annotated[str, Meta(pattern="^[.,'’ ]*\\Z")]


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file."""


class Camera(Table, frozen=True):
    """``[camera]``: where frames come from."""

    source: str | int
    """V4L2 index or device, RTSP or HTTP URL (MJPEG, still pictures), video file, folder of pictures, or a GStreamer
    pipeline."""
    username: str | None = None
    """Of a network camera, as it is, not encoded as in a URL."""
    password_file: str | None = None
    """First line = the password, as it is; without it, the environment's EDGEREADER_CAMERA_PASSWORD."""
    preset: Literal["", "jetson-csi", "jetson-rtsp", "jetson-file"] = ""
    """Decode in the Jetson's hardware, with JetPack's OpenCV."""
    every_frame: bool = False
    """Read every frame of a file; cameras give their latest one."""
    loop: bool = False
    """Start a file or folder again at its end."""
    fps: Annotated[float, Meta(ge=0, le=1000)] = 0.0
    """Play a file or folder at this speed, or ask a camera for it; 0 = a file's own, a camera's default, of still
    pictures one a second."""
    size: tuple[Count, Count] | None = None
    """Width and height in pixels that a V4L2 camera is asked for."""
    turn: Literal[0, 90, 180, 270] = 0
    """Degrees clockwise that frames are turned by."""
    timeout_s: Seconds = 10.0
    """A camera that gives no new frame for so long is lost."""
    retry_s: Seconds = 1.0
    """Wait before the first reconnection; twice as long before each next one, and some chance."""
    retry_most_s: Seconds = 60.0
    """Longest wait between two reconnections."""
    frozen_s: Annotated[float, Meta(ge=0)] = 60.0
    """Frames that are exactly the same for so long are a frozen feed; 0 = never."""
    black_s: Annotated[float, Meta(ge=0)] = 10.0
    """Frames that are dark and without contrast for so long are a black feed; 0 = never."""

    def __repr__(self) -> str:
        """Return where frames come from, without secrets."""
        return f"Camera(source={masked(str(self.source))!r}, ...)"


class Reading(Table, frozen=True):
    """``[reader]``: what reads; see `Reader`."""

    bundle: str = "digits-edge"
    backend: str = "auto"
    precision: str | None = None
    threads: Count | None = None
    long_side_px: Annotated[int, Meta(ge=64, le=8192)] | None = None
    find: Find | None = None
    alphabet: str = NUMBERS
    all_text: bool = False
    """The same as ``find = "text"``."""
    pattern: str | None = None
    check: str | None = None
    upright: bool = True
    min_confidence: Share = MIN_CONFIDENCE
    decimal: Decimal | None = None
    thousands: Thousands | None = None
    """These two also of every number that does not say its own."""


class Detection(Table, frozen=True):
    """``[detect]``: when the detector looks at a frame; between its looks known places are read again."""

    every_frames: Count = 50
    """At the latest after so many frames."""
    motion: bool = True
    """When something moved in the picture."""
    unsure: bool = True
    """When a place cannot be read any more, or what is read there changes its shape."""


class Number(Table, frozen=True):
    """``[[number]]``: something to read; without any, one of kind "free" in the whole picture."""

    name: Name = "number"
    kind: Kind = "free"
    region: Polygon | None = None
    """Only in here."""
    min_confidence: Share = 0.95
    """An event is sure when the fused reading is at least as likely right as this."""
    min_frames: Count = 3
    """An event needs so many frames that say the same."""
    unsure_s: Annotated[float, Meta(ge=0)] = 10.0
    """What stays unsure for so long is emitted as "unsure"; 0 = never."""
    pattern: str | None = None
    """Regular expression that a whole reading must match."""
    decimal: Decimal | None = None
    """What stands before decimals; without it what can mean nothing else, and of a counter its only point or comma."""
    thousands: Thousands | None = None
    """Characters that group digits by threes, "" = none."""
    decimals: Annotated[int, Meta(ge=0, le=9)] = 0
    """Counter: digits behind the point, where the meter shows none."""
    digits: Annotated[int, Meta(ge=0, le=18)] = 0
    """Counter: how many the meter shows, leading zeros too; 0 = as first read. It rolls over after them."""
    max_rate: Annotated[float, Meta(ge=0)] = 0.0
    """Counter: most units an hour; 0 = any."""
    falls: bool = False
    """Counter: it may go down (a thermometer, a level)."""
    recover_frames: Count = 50
    """Counter: a value that should not be is believed, as a changed meter, after so many frames in a row ..."""
    recover_s: Seconds = 30.0
    """... and so long."""
    unit: str = ""
    """For Home Assistant and the page: "m³", "kWh"."""
    device_class: str = ""
    """For Home Assistant: "water", "gas", "energy"."""


class JsonLines(Table, frozen=True):
    """``[[jsonl]]``: a line of JSON for each event."""

    path: str = "-"
    """A file, or "-" for standard output."""
    rotate_mb: Annotated[float, Meta(gt=0)] = 10.0
    keep: Annotated[int, Meta(ge=0, le=1000)] = 5
    """Rotated files that stay."""


class Mqtt(Table, frozen=True):
    """``[mqtt]``: a broker of MQTT 5, or of 3.1.1."""

    host: str
    port: Port = 1883
    version: Literal["5", "3.1.1"] = "5"
    """Of the protocol. A broker of 3.1.1 does not say whether anybody has subscribed."""
    tls: bool = False
    ca_file: str | None = None
    username: str | None = None
    password_file: str | None = None
    """First line = the password; without it, the environment's EDGEREADER_MQTT_PASSWORD."""
    topic: str = "edgereader"
    """Topics are TOPIC/STREAM/NUMBER/state, …/event and TOPIC/STREAM/availability."""
    home_assistant: str | None = "homeassistant"
    """Prefix of discovery topics; "" = none."""
    queue: str = "edgereader-mqtt.sqlite"
    """File in which events wait while the broker is away; relative to the folder of the configuration."""
    queue_most: Count = 100_000
    """The oldest go when more wait."""


class Http(Table, frozen=True):
    """``[http]``: the live page and its data."""

    host: str = "127.0.0.1"
    port: Port = 8765
    token_file: str | None = None
    """First line = the token that every request must carry; without it, the environment's EDGEREADER_TOKEN. Any
    address but this machine's own needs one."""
    max_upload_mb: Annotated[float, Meta(gt=0, le=512)] = 16.0
    max_megapixels: Annotated[float, Meta(gt=0, le=128)] = 32.0
    timeout_s: Seconds = 10.0
    """A request's body must be here by then."""


class History(Table, frozen=True):
    """``[history]``: events of the past, for the page."""

    path: str = "edgereader-history.sqlite"
    days: Annotated[float, Meta(gt=0)] = 90.0
    max_mb: Annotated[float, Meta(ge=1)] = 100.0


class Evidence(Table, frozen=True):
    """``[evidence]``: crops with what was read, to look at and to learn from."""

    keep: Literal["unsure", "all", "none"] = "none"
    folder: str = "edgereader-evidence"
    max_mb: Annotated[float, Meta(ge=1)] = 100.0


class Settings(Table, frozen=True, kw_only=True):
    """The whole file."""

    name: Name = "camera"
    """Of the stream."""
    camera: Camera
    reader: Reading = Reading()
    detect: Detection = Detection()
    number: list[Number] = []
    mask: list[Polygon] = []
    """``mask = [[[x, y], ...], ...]``: parts of the picture that are never looked at."""
    jsonl: list[JsonLines] = []
    mqtt: Mqtt | None = None
    http: Http | None = None
    history: History | None = None
    evidence: Evidence = Evidence()

    @property
    def numbers(self) -> list[Number]:
        """What to read, each with how it is written."""
        reader = self.reader
        return [
            msgspec.structs.replace(number, decimal=reader.decimal, thousands=reader.thousands)
            if number.decimal is None and number.thousands is None
            else number
            for number in self.number or [Number()]
        ]
