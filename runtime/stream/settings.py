"""What a stream's configuration file may say, one struct a table: `example.toml` says what each key does."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import replace

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
UNNAMED = "camera"
"""The name of a stream that was given none."""
UNITS_S = {"s": 1.0, "min": 60.0, "h": 3600.0}
"""Seconds of the units in which ``every`` may be."""
Thousands = Annotated[str, Meta(pattern="^[.,'’ ]*\\Z")]


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file."""


class Camera(Table, frozen=True):
    """``[camera]``: where frames come from."""

    source: str | int
    username: str | None = None
    password_file: str | None = None
    preset: Literal["", "jetson-csi", "jetson-rtsp", "jetson-file"] = ""
    every_frame: bool = False
    loop: bool = False
    fps: Annotated[float, Meta(ge=0, le=1000)] = 0.0
    size: tuple[Count, Count] | None = None
    turn: Literal[0, 90, 180, 270] = 0
    every: str = ""
    look_frames: Count = 8
    warm_up_s: Annotated[float, Meta(ge=0, le=60)] = 0.5
    timeout_s: Seconds = 10.0
    retry_s: Seconds = 1.0
    retry_most_s: Seconds = 60.0
    frozen_s: Annotated[float, Meta(ge=0)] = 60.0
    black_s: Annotated[float, Meta(ge=0)] = 10.0

    @property
    def every_s(self) -> float:
        """Return the seconds from one look to the next; 0 = the camera never rests, or ``every`` is no time."""
        found = re.fullmatch(r"(\d{1,7}(?:\.\d{1,3})?) ?(s|min|h)", self.every)
        return float(found[1]) * UNITS_S[found[2]] if found else 0.0

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
    pattern: str | None = None
    check: str | None = None
    upright: bool = True
    min_confidence: Share = MIN_CONFIDENCE
    decimal: Decimal | None = None
    thousands: Thousands | None = None


class Detection(Table, frozen=True):
    """``[detect]``: when the detector looks at a frame; between its looks known places are read again."""

    every_frames: Count = 50
    motion: bool = True
    unsure: bool = True


class Number(Table, frozen=True):
    """``[[number]]``: something to read; without any, one of kind "free" in the whole picture."""

    name: Name = "number"
    kind: Kind = "free"
    region: Polygon | None = None
    min_confidence: Share = 0.95
    min_frames: Count = 3
    unsure_s: Annotated[float, Meta(ge=0)] = 10.0
    pattern: str | None = None
    decimal: Decimal | None = None
    thousands: Thousands | None = None
    decimals: Annotated[int, Meta(ge=0, le=9)] = 0
    digits: Annotated[int, Meta(ge=0, le=18)] = 0
    max_rate: Annotated[float, Meta(ge=0)] = 0.0
    falls: bool = False
    wheels: bool = False
    tenths: bool = False
    recover_frames: Count = 50
    recover_s: Seconds = 30.0
    unit: str = ""
    device_class: str = ""


class JsonLines(Table, frozen=True):
    """``[[jsonl]]``: a line of JSON for each event."""

    path: str = "-"
    rotate_mb: Annotated[float, Meta(gt=0)] = 10.0
    keep: Annotated[int, Meta(ge=0, le=1000)] = 5


class Mqtt(Table, frozen=True):
    """``[mqtt]``: a broker of MQTT 5, or of 3.1.1."""

    host: str
    port: Port = 1883
    version: Literal["5", "3.1.1"] = "5"
    tls: bool = False
    ca_file: str | None = None
    username: str | None = None
    password_file: str | None = None
    topic: str = "edgereader"
    home_assistant: str | None = "homeassistant"
    pictures: bool = True
    queue: str = "edgereader-mqtt.sqlite"
    queue_most: Count = 100_000


class Http(Table, frozen=True):
    """``[http]``: the live page and its data."""

    host: str = "127.0.0.1"
    port: Port = 8765
    token_file: str | None = None
    max_upload_mb: Annotated[float, Meta(gt=0, le=512)] = 16.0
    max_megapixels: Annotated[float, Meta(gt=0, le=128)] = 32.0
    timeout_s: Seconds = 10.0


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

    name: Name = UNNAMED
    camera: Camera
    reader: Reading = Reading()
    detect: Detection = Detection()
    number: list[Number] = []
    mask: list[Polygon] = []
    jsonl: list[JsonLines] = []
    mqtt: Mqtt | None = None
    http: Http | None = None
    history: History | None = None
    evidence: Evidence = Evidence()

    @property
    def numbers(self) -> list[Number]:
        """What to read, each with how it is written; tenths are one more digit, behind the point."""
        reader = self.reader
        numbers = []
        for number in self.number or [Number()]:
            if number.decimal is None and number.thousands is None:
                number = replace(number, decimal=reader.decimal, thousands=reader.thousands)  # noqa: PLW2901
            digits, decimals = number.digits + number.tenths, number.decimals + number.tenths
            numbers.append(replace(number, digits=digits, decimals=decimals))
        return numbers
