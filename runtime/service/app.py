"""The HTTP service: the live page and its data, and ``POST /read``."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..errors import EdgeReaderError
from ..reader import Reader
from ..stream.figures import Histogram
from ..stream.settings import Http
from . import metrics
from .answers import answer, refused
from .auth import Gate
from .board import Board
from .guard import Guard
from .live import Feed, state, trouble
from .pages import Pages
from .records import Evidence, RecordRoutes, Records
from .uploads import Pictures

if TYPE_CHECKING:
    from ..stream.sinks.history import History

log = logging.getLogger("edgereader")


def make_app(
    http: Http,
    token: str | None,
    board: Board | None,
    history: History | None,
    evidence: Evidence | None,
    reader: Reader,
) -> Starlette:
    """Make the service; it ends its event streams when its ``state.stopping`` becomes true.

    Args:
        http: bounds of what is sent.
        token: what every request must carry; None = the service answers only this machine's own names.
        board: what a stream shows; None = there is no stream, and the page reads photos only.
        history: events of the past; None = those that the board has.
        evidence: pictures of readings; None = none are kept, and nothing can be corrected.
        reader: what reads the pictures of ``POST /read``, in threads.
    """
    gate = Gate(token)
    pages, photos = Pages(gate), Photos(Pictures(http, reader))
    routes = [*pages.routes(), *Health(board, photos).routes(), Route("/read", photos.read, methods=["POST"])]
    app = Starlette(
        middleware=[Middleware(Guard, gate=gate, pages=pages)],
        exception_handlers={HTTPException: _refused, EdgeReaderError: _failed, Exception: _crashed},
    )
    app.state.stopping = False
    if board is None:
        routes.append(Route("/state", _no_stream))
    else:
        records = Records(board, history, evidence)
        feed = Feed(board, records, lambda: bool(app.state.stopping))
        routes += [*Live(board, feed).routes(), *RecordRoutes(records).routes()]
    app.router.routes.extend(routes)
    app.router.redirect_slashes = False
    return app


async def _no_stream(_request: Request) -> Response:
    return answer({"stream": None})


class Photos:
    """``POST /read``, counted."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures
        self.statuses: Counter[str] = Counter()
        self.latency = Histogram()

    async def read(self, request: Request) -> Response:
        """Read the picture that is the request's body."""
        try:
            found = await self._pictures.read(request)
        except HTTPException as exc:
            self.statuses[str(exc.status_code)] += 1
            raise
        except Exception:
            self.statuses["500"] += 1
            raise
        self.statuses["200"] += 1
        self.latency.add(found["ms"] / 1000)
        return answer(found)


class Live:
    """What a stream shows now."""

    def __init__(self, board: Board, feed: Feed) -> None:
        self._board, self._feed = board, feed

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/state", self._state),
            Route("/events", self._events),
            Route("/snapshot.jpg", self._snapshot),
        ]

    async def _state(self, _request: Request) -> Response:
        return answer(state(self._board))

    async def _events(self, request: Request) -> Response:
        if request.method != "GET":
            raise HTTPException(405, "expected GET", {"Allow": "GET"})
        after = request.headers.get("last-event-id") or request.query_params.get("after") or ""
        if after and not (after.isascii() and after.isdecimal() and len(after) < 19):
            raise HTTPException(400, "expected the id of an event as Last-Event-ID or ?after=, got something else")
        return self._feed.response(int(after) if after else None)

    async def _snapshot(self, _request: Request) -> Response:
        picture = await run_sync(self._board.picture)
        if picture is None:
            raise HTTPException(503, "no picture was taken yet", {"Retry-After": "1"})
        return Response(picture.jpeg, headers={"Cache-Control": "no-store"}, media_type="image/jpeg")


class Health:
    """Whether all is well, and figures."""

    def __init__(self, board: Board | None, photos: Photos) -> None:
        self._board, self._photos = board, photos

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [Route("/healthz", self._health), Route("/metrics", self._metrics)]

    async def _health(self, _request: Request) -> Response:
        reason = "" if self._board is None else trouble(self._board)
        return answer({"ok": not reason, "reason": reason}, 503 if reason else 200)

    async def _metrics(self, _request: Request) -> Response:
        lines = [*metrics.of_process(), *metrics.of_reads(self._photos.statuses, self._photos.latency.now())]
        if self._board is not None:
            lines += metrics.of_stream(self._board)
        return Response("".join(f"{line}\n" for line in lines), headers={"Content-Type": metrics.CONTENT_TYPE})


async def _refused(_request: Request, exc: Exception) -> Response:
    if not isinstance(exc, HTTPException):
        raise exc
    return refused(exc.status_code, exc.detail, exc.headers)


async def _failed(request: Request, exc: Exception) -> Response:
    log.error("%s %r: %s", request.method, request.scope["path"], exc)
    return refused(500, f"{type(exc).__name__}: the service's log says more")


async def _crashed(_request: Request, _exc: Exception) -> Response:
    """Answer for a bug: the server logs its traceback, which is nobody else's business."""
    return refused(500, "internal error: the service's log says more")
