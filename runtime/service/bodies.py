"""What clients send, gathered before the app gets it: who sends slowly keeps nobody from being answered."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..stream.settings import Http
from .answers import refused

MOST_COMING = 24
"""Bodies that come at the same time."""
AT_ONCE = 4
"""So many of the largest pictures may wait in memory, in all, until they are whole."""
FORM_BYTES, SETUP_BYTES = 4096, 1 << 16
"""Of a body that is no picture, before the app gets it; and of one that sets up."""
GRACE_S, LEAST_BYTES_S = 2.0, 1024
"""After so long, a body that came more slowly is cut off; where there is no room, the slowest of all is."""
CHECK_S = 0.5


@dataclass(eq=False)
class Coming:
    """A body on its way."""

    began_s: float
    size: int = 0
    cut: bool = False
    """Whether it was cut off to make room."""
    parts: deque[Message] = field(default_factory=deque)

    def rate(self, now_s: float) -> float:
        """Return bytes a second so far."""
        return self.size / max(now_s - self.began_s, 1e-3)


class Bodies:
    """Middleware that hands a request over when its body is whole, or larger than the app would take."""

    def __init__(self, app: ASGIApp, http: Http, count: Callable[[int], None]) -> None:
        """Hand over to an app; `count` is told the status of each picture that is refused here."""
        self._app, self._count = app, count
        self._most_bytes, self._seconds = int(http.max_upload_mb * 1e6), http.timeout_s
        self._largest = {"/read": self._most_bytes, "/setup": SETUP_BYTES, "/setup/look": SETUP_BYTES}
        self._coming: set[Coming] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Gather a body, then hand over."""
        most_bytes = self._largest.get(scope.get("path", ""), FORM_BYTES)
        if scope["type"] != "http" or not _comes(Headers(scope=scope), most_bytes):
            await self._app(scope, receive, send)
            return
        coming = Coming(time.monotonic())
        try:
            self._make_room(coming.began_s)
            self._coming.add(coming)
            await self._gather(coming, receive, most_bytes)
        except HTTPException as exc:
            if scope["path"] == "/read":
                self._count(exc.status_code)
            closing = {"Connection": "close", **(exc.headers or {})}
            await refused(exc.status_code, exc.detail, closing)(scope, receive, send)
            return
        finally:
            self._coming.discard(coming)

        async def replay() -> Message:
            return coming.parts.popleft() if coming.parts else await receive()

        await self._app(scope, replay, send)

    def _make_room(self, now_s: float) -> None:
        if len(self._coming) < MOST_COMING:
            return
        slow = [coming for coming in self._coming if now_s - coming.began_s > CHECK_S and not coming.cut]
        if not slow:
            raise HTTPException(503, f"{MOST_COMING} pictures come already; try again", {"Retry-After": "1"})
        min(slow, key=lambda coming: coming.rate(now_s)).cut = True

    async def _gather(self, coming: Coming, receive: Receive, most_bytes: int) -> None:
        """Take a body in until it is whole or too large, or the client is gone.

        Raises:
            HTTPException: 408 too slow, 503 too much comes at the same time.
        """
        more = True
        while more and coming.size <= most_bytes:
            message: Message | None = None
            with anyio.move_on_after(CHECK_S):
                message = await receive()
            if message is not None:
                coming.parts.append(message)
                coming.size += len(message.get("body", b""))
                more = message["type"] == "http.request" and message.get("more_body", False)
            self._check(coming, done=not more)

    def _check(self, coming: Coming, *, done: bool) -> None:
        took_s = time.monotonic() - coming.began_s
        slow = took_s > GRACE_S and coming.size < LEAST_BYTES_S * took_s
        if not done and (slow or took_s > self._seconds):
            late = f"expected the whole body within {self._seconds:g} s, got {coming.size} bytes; send it faster"
            raise HTTPException(408, late)
        if coming.cut or sum(other.size for other in self._coming) > AT_ONCE * self._most_bytes:
            raise HTTPException(503, "too much comes at the same time; try again", {"Retry-After": "1"})


def _comes(headers: Headers, most_bytes: int) -> bool:
    """Return whether a body comes that the app may want; one that is announced as too large it refuses at once."""
    announced = headers.get("content-length", "0")
    small = announced.isdecimal() and len(announced) < 16 and 0 < int(announced) <= most_bytes
    return small or "transfer-encoding" in headers
