"""Cameras that give pictures over HTTP: one after another in one answer, or one for each request."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from email.message import Message
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse

from ...errors import ImageError, SourceError, SourceLost
from ...geometry.files import decode_photo
from ...geometry.images import Frame
from ..addresses import Address
from ..settings import Camera
from .frames import MOST_PIXELS
from .trouble import no_new_frames
from .web import ask

MOST_BYTES = 64 << 20
"""Of a picture."""
LINE_BYTES = 1 << 16
MOST_GARBAGE = 1 << 20
"""Bytes between two pictures that are passed over at once."""
HEADER = re.compile(rb"content-(type|length)\s*:", re.IGNORECASE)
STILLS_S = 1.0
"""A still picture is asked for so often, unless the settings say another speed."""


class MotionJpeg:
    """One answer of many pictures (multipart/x-mixed-replace); its frames have no time stamps.

    Args:
        answer: its body is still to be read; it is closed with this.
    """

    live = True

    def __init__(self, answer: HTTPResponse, name: str, camera: Camera) -> None:
        self.name = name
        self._answer, self._camera = answer, camera
        self._boundary = (answer.headers.get_boundary() or "").strip("-").encode("latin-1")
        self._at_boundary = self._parted = False
        """Whether the next part's boundary was read; and whether any was: some cameras announce another one."""

    def read(self) -> tuple[Frame, None]:
        """Wait for the next picture.

        Raises:
            ImageError: this one is broken, or much came that is none; the next may not be.
            SourceLost: the camera is silent, or gives none any more.
        """
        try:
            data = self._part()
        except ImageError:
            raise
        except TimeoutError as exc:
            raise no_new_frames(self.name, self._camera.timeout_s) from exc
        except (EOFError, OSError, HTTPException, ValueError) as exc:
            raise SourceLost(
                f"{self.name}: expected frames, got no more; check the camera, its power and network"
            ) from exc
        return decode_photo(data, self.name, MOST_PIXELS).frame, None

    def _part(self) -> bytes:
        """Read the next part that is not empty."""
        while True:
            length = self._length(self._to_part())
            data = self._up_to_boundary() if length is None else self._answer.read(length)
            if length is not None and len(data) < length:
                raise EOFError
            if data.strip():
                return data

    def _to_part(self) -> bytes:
        """Pass over what lies before the next boundary; return the first line after it."""
        size = 0
        while not self._at_boundary:
            line = self._line()
            self._at_boundary = self._is_boundary(line) or self._ends_in_boundary(line)
            if not self._parted and HEADER.match(line):
                return line
            size += len(line)
            if size > MOST_GARBAGE:
                raise ImageError(f"{self.name}: expected pictures, got other data between them; check the camera")
        self._at_boundary = False
        return self._line()

    def _length(self, line: bytes) -> int | None:
        """Read a part's head, of which this is the first line; return the picture's length if it is given."""
        length = None
        while line.strip():
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-length" and value.strip().isdigit() and len(value) < 20:
                length = min(int(value), MOST_BYTES)
            line = self._line()
        return length

    def _up_to_boundary(self) -> bytes:
        lines, size = [], 0
        while not self._is_boundary(line := self._line()):
            lines.append(line)
            size += len(line)
            if size > MOST_BYTES:
                raise EOFError
        self._at_boundary = True
        return b"".join(lines).removesuffix(b"\n").removesuffix(b"\r")

    def _line(self) -> bytes:
        if not (line := self._answer.readline(LINE_BYTES)):
            raise EOFError
        return line

    def _is_boundary(self, line: bytes) -> bool:
        found = line.startswith(b"--") and line.strip().strip(b"-") == self._boundary
        self._parted = self._parted or found
        return found

    def _ends_in_boundary(self, line: bytes) -> bool:
        return bool(self._boundary) and line.rstrip(b"\r\n-").endswith(b"--" + self._boundary)

    def close(self) -> None:
        """End the connection."""
        self._answer.close()


class Stills:
    """An address that answers with one picture: it is asked again and again, and only a new picture is a frame.

    A picture is new when the camera does not say that it is the last one ("not modified", or the same ETag or time with
    the same bytes). The first one must not have been taken longer than ``timeout_s`` before the answer, as far as the
    camera tells both times: one that comes back with its old picture is still silent.

    Args:
        answer: the first one; its body is still to be read.
        clock: monotonic seconds.

    Raises:
        SourceError: the time between two pictures is longer than the one after which a camera is lost.
    """

    live = True

    def __init__(
        self,
        answer: HTTPResponse,
        address: Address,
        camera: Camera,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = address.shown
        self._first: HTTPResponse | None = answer
        self._address, self._camera, self._clock, self._sleep = address, camera, clock, sleep
        self._every_s = 1 / camera.fps if camera.fps else min(STILLS_S, camera.timeout_s / 2)
        self._asked_s = self._new_s = clock()
        self._last: dict[str, str] = {}
        """What asks for a newer picture than the last one."""
        self._data: bytes | None = None
        """The last one."""
        if self._every_s >= camera.timeout_s:
            raise SourceError(
                f"{self.name}: expected a timeout_s above the {self._every_s:g} s between two still pictures, got "
                f"{camera.timeout_s:g}; raise timeout_s or fps under [camera]"
            )

    def read(self) -> tuple[Frame, None]:
        """Wait for the next new picture.

        Raises:
            ImageError: it is broken; the next may not be.
            SourceLost: the camera is silent, or gives no new picture.
        """
        while True:
            answer, self._first = self._first or self._ask(), None
            if answer is not None:
                with answer:
                    data = self._body(answer)
                if data is not None:
                    self._new_s = self._clock()
                    return decode_photo(data, self.name, MOST_PIXELS).frame, None
            if self._clock() - self._new_s >= self._camera.timeout_s:
                raise no_new_frames(self.name, self._camera.timeout_s)

    def _ask(self) -> HTTPResponse | None:
        """Ask when it is time to."""
        self._sleep(max(self._asked_s + self._every_s - self._clock(), 0.0))
        self._asked_s = self._clock()
        try:
            return ask(self._address, self.name, self._camera.timeout_s, self._last)
        except HTTPException as exc:
            raise SourceLost(f"{self.name}: expected a picture, got no HTTP; check the camera") from exc

    def _body(self, answer: HTTPResponse) -> bytes | None:
        """Return the picture, or None if it is not new."""
        last = {
            asks: answer.headers[says]
            for asks, says in (("If-None-Match", "ETag"), ("If-Modified-Since", "Last-Modified"))
            if says in answer.headers
        }
        try:
            data = answer.read(MOST_BYTES)
        except TimeoutError as exc:
            raise no_new_frames(self.name, self._camera.timeout_s) from exc
        except (OSError, HTTPException) as exc:
            raise ImageError(f"{self.name}: expected a picture, got the beginning of one; check the network") from exc
        old = _age_s(answer.headers) > self._camera.timeout_s if self._data is None else last and data == self._data
        self._last, self._data = last, data
        return None if old else data

    def close(self) -> None:
        """Close the first answer, if it was never read: nothing else stays open."""
        if self._first is not None:
            self._first.close()


def _age_s(headers: Message) -> float:
    """Return the seconds from a picture to the answer, both by the camera's clock; 0 where it does not say."""
    try:
        now, then = (parsedate_to_datetime(headers[name]) for name in ("Date", "Last-Modified"))
        return (now - then).total_seconds()
    except (TypeError, ValueError):
        return 0.0
