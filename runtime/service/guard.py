"""Around every request: whether it is answered at all, and the headers of its answer."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .answers import HEADERS, refused
from .auth import Gate
from .pages import OPEN, Pages


class Guard:
    """Lets requests through that the gate lets through; who lacks the token gets the login for the page."""

    def __init__(self, app: ASGIApp, gate: Gate, pages: Pages) -> None:
        self._app, self._gate, self._pages = app, gate, pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand over."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        app = self._refusal(Request(scope)) or self._app
        await app(scope, receive, send_secured)

    def _refusal(self, request: Request) -> Response | None:
        if {"content-length", "transfer-encoding"} <= {*request.headers}:  # a proxy may read it otherwise
            two = "expected Content-Length or Transfer-Encoding, got both; send one of them"
            return refused(400, two, {"Connection": "close"})
        found, path = self._gate.refusal(request), request.scope["path"]  # never request.url: it is made of the Host
        if found is None or (found.status == 401 and path in OPEN):
            return None
        if found.status == 401 and path == "/":
            return self._pages.login(401)
        return refused(found.status, found.error, {"WWW-Authenticate": "Bearer"} if found.status == 401 else None)
