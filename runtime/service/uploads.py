"""Pictures that are sent: bounded while they come, looked at before they are decoded, read a few at a time."""

from __future__ import annotations

import time
from typing import Any

import anyio
from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from ..commands.batch import described
from ..errors import ImageError
from ..geometry.files import decode_photo
from ..reader import Reader
from ..stream.settings import Http

MOST_READS = 4
"""Pictures that come in, wait or are read at the same time."""
MOST_SCANS = 64
"""Of a JPEG, which may hide thousands of passes over a large picture in a small file; cameras make 10 or so."""


async def read_body(request: Request, most_bytes: int, seconds: float) -> bytes:
    """Return a request's body.

    What comes after a refusal is thrown away by the server, so that a client which is still sending gets the answer.

    Raises:
        HTTPException: 413 more bytes than this, announced or sent; 408 not here within so many seconds.
    """
    too_large = HTTPException(413, f"expected at most {most_bytes} bytes, got more; send less")
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or len(announced) > 15 or int(announced) > most_bytes:
        raise too_large
    body = bytearray()
    try:
        with anyio.fail_after(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most_bytes:
                    raise too_large
    except TimeoutError as exc:
        late = f"expected the whole body within {seconds:g} s, got {len(body)} bytes; send it faster"
        raise HTTPException(408, late) from exc
    except ClientDisconnect as exc:
        raise HTTPException(400, "expected the whole body, got its beginning") from exc
    return bytes(body)


async def read_form(request: Request) -> bytes:
    """Return a request's short body; errors are those of `read_body`."""
    return await read_body(request, 4096, 10.0)


class Pictures:
    """Reads the pictures of ``POST /read``, each in a thread, with a reader that others may use too."""

    def __init__(self, http: Http, reader: Reader) -> None:
        self._most_bytes = int(http.max_upload_mb * 1e6)
        self._most_pixels = int(http.max_megapixels * 1e6)
        self._seconds = http.timeout_s
        self._reader = reader
        self._inside = 0

    async def read(self, request: Request) -> dict[str, Any]:
        """Read the picture in a request's body.

        Returns:
            "readings" as ``edgereader read --json`` has them, "frame_hw": the picture's height and width in pixels,
            "ms": milliseconds that reading took.

        Raises:
            HTTPException: 400 no picture, 408 too slow, 413 too large, 415 a form, 503 too many at the same time.
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
            body = await read_body(request, self._most_bytes, self._seconds)
            return await run_sync(self._read, body)
        except ImageError as exc:
            raise HTTPException(400, str(exc)) from exc
        finally:
            self._inside -= 1

    def _read(self, data: bytes) -> dict[str, Any]:
        if data.startswith(b"\xff\xd8") and data.count(b"\xff\xda") > MOST_SCANS:
            raise ImageError(f"picture: expected a JPEG of at most {MOST_SCANS} scans, got more; save it anew")
        photo = decode_photo(data, "picture", self._most_pixels)
        start = time.perf_counter()
        readings = self._reader.read(photo.frame)
        took_s = time.perf_counter() - start
        height, width = photo.frame.shape[:2]
        return {
            "readings": described(readings, photo.shrunk),
            "frame_hw": (height * photo.shrunk, width * photo.shrunk),
            "ms": round(took_s * 1000, 1),
        }
