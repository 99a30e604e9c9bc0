"""Pictures that are sent: bounded while they come, looked at before they are decoded, read a few at a time."""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from ..commands.batch import described
from ..commands.terminal import give_memory_back
from ..errors import ImageError
from ..geometry.avif import Data
from ..geometry.files import Photo, decode_photo, photo_bytes
from ..reader import Reader
from ..stream.settings import Http
from .bodies import FORM_BYTES

MOST_READS = 4
"""Pictures that come in, wait, are decoded or read at the same time."""
LEAST_BYTES, BYTES_PER_PIXEL = 8 << 20, 4
"""Memory for pictures, and for each pixel that one may have; a JPEG takes 6, so that large ones are read at a half."""


async def read_body(request: Request, most_bytes: int) -> Data:
    """Return a request's body, which `Bodies` has gathered.

    What comes after a refusal is thrown away by the server, so that a client which is still sending gets the answer.

    Raises:
        HTTPException: 413 more bytes than this, announced or sent; 400 only a beginning.
    """
    too_large = HTTPException(413, f"expected at most {most_bytes} bytes, got more; send less")
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or len(announced) > 15 or int(announced) > most_bytes:
        raise too_large
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > most_bytes:
                raise too_large
    except ClientDisconnect as exc:
        raise HTTPException(400, "expected the whole body, got its beginning") from exc
    return body


async def read_form(request: Request) -> Data:
    """Return a request's short body; errors are those of `read_body`."""
    return await read_body(request, FORM_BYTES)


def reads_at_once(reader: Reader) -> int:
    """Return how many pictures are read at once: as many as there are cores for, as each takes buffers of its own."""
    threads = getattr(reader, "threads", None)
    return 1 if threads is None else min(MOST_READS, max((os.cpu_count() or 1) // threads, 1))


class Budget:
    """Bytes of memory that threads share: one that wants more than are left waits until others have given theirs back.

    Safe to share between threads.
    """

    def __init__(self, total: int) -> None:
        self._left = total
        self._changed = threading.Condition()

    @contextmanager
    def taking(self, count: int) -> Iterator[None]:
        """Take so many bytes, no more than there are in all, for as long as the block runs."""
        with self._changed:
            self._changed.wait_for(lambda: self._left >= count)
            self._left -= count
        try:
            yield
        finally:
            with self._changed:
                self._left += count
                self._changed.notify_all()


class Pictures:
    """Reads the pictures of ``POST /read``, each in a thread, with a reader that others may use too.

    However many come at once, the memory they are decoded in is never more than the largest one may take:
    ``LEAST_BYTES``, and ``BYTES_PER_PIXEL`` for each pixel that it may have.
    """

    def __init__(self, http: Http, reader: Reader) -> None:
        self._most_bytes = int(http.max_upload_mb * 1e6)
        self._most_pixels = int(http.max_megapixels * 1e6)
        self._memory_bytes = LEAST_BYTES + BYTES_PER_PIXEL * self._most_pixels
        self._memory = Budget(self._memory_bytes)
        self._reader = reader
        self._inside = 0
        self._turns = threading.Semaphore(reads_at_once(reader))
        give_memory_back()

    async def read(self, request: Request) -> dict[str, Any]:
        """Read the picture in a request's body.

        Returns:
            "readings" as ``edgereader read --json`` has them, "frame_hw": the picture's height and width in pixels,
            "ms": milliseconds that reading took.

        Raises:
            HTTPException: 400 no picture, 413 too large, 415 a form, 503 too many at the same time.
            EdgeReaderError: the reader fails.
        """
        if request.headers.get("content-type", "").startswith("multipart/"):
            form = "expected a picture as the body, got a form; send it with: curl --data-binary @photo.jpg"
            raise HTTPException(415, form)
        if self._inside >= MOST_READS:
            busy = f"{MOST_READS} pictures are being read; try again"
            raise HTTPException(503, busy, {"Retry-After": "1"})
        self._inside += 1
        try:
            found = await run_sync(self._read, await read_body(request, self._most_bytes))
        finally:
            self._inside -= 1
        if isinstance(found, str):
            raise HTTPException(400, found)
        return found

    def _read(self, data: Data) -> dict[str, Any] | str:
        """Read a picture, or say why it cannot be: an error would keep it in memory."""
        try:
            with self._memory.taking(photo_bytes(data, "picture", self._most_pixels, self._memory_bytes)):
                return self._found(decode_photo(data, "picture", self._most_pixels, self._memory_bytes))
        except ImageError as exc:
            return str(exc)
        except Exception as exc:
            traceback.clear_frames(exc.__traceback__)
            raise

    def _found(self, photo: Photo) -> dict[str, Any]:
        with self._turns:
            start = time.perf_counter()
            readings = self._reader.read(photo.frame)
            took_s = time.perf_counter() - start
        height, width = photo.frame.shape[:2]
        return {
            "readings": described(readings, photo.shrunk),
            "frame_hw": (height * photo.shrunk, width * photo.shrunk),
            "ms": round(took_s * 1000, 1),
        }
