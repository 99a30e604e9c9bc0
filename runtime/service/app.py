"""The HTTP service: the live page and its data, and ``POST /read``."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

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
from .bodies import Bodies
from .guard import Guard
from .live import Live, absent, sick_sinks, trouble
from .pages import Pages
from .records import Records
from .setup import Setup
from .uploads import Pictures

if TYPE_CHECKING:
    from ..stream.configuration.editing import Editor
    from ..stream.sinks.evidence import Evidence
    from ..stream.sinks.history import History

log = logging.getLogger("edgereader")
START = "start with: edgereader stream --setup SOURCE"
NO_TOKEN = (
    f"expected a token, as whoever sets up changes what is read, got none; set token_file under [http], or {START}"
)
NO_FILE = f"expected a configuration file of its own numbers, to write into, got none; {START}"
"""Why nothing can be set up."""


def make_app(
    http: Http,
    token: str | None,
    board: Board | None,
    history: History | None,
    evidence: Evidence | None,
    reader: Reader,
    editor: Editor | None = None,
) -> Starlette:
    """Make the service; it ends its event streams when its ``state.stopping`` becomes true.

    Args:
        http: bounds of what is sent.
        token: what every request must carry; None = the service answers only this machine's own names.
        board: what a stream shows; None = there is no stream, and the page reads photos only.
        history: events of the past; None = those that the board has.
        evidence: pictures of readings; None = none are kept, and nothing can be corrected.
        reader: what reads the pictures of ``POST /read``, in threads.
        editor: of the stream's configuration, which the page may then change; only with a token.
    """
    gate = Gate(token)
    pages, photos = Pages(gate), Photos(Pictures(http, reader), board)
    routes = [*pages.routes(), *photos.routes()]
    app = Starlette(
        middleware=[Middleware(Guard, gate=gate, pages=pages), Middleware(Bodies, http=http, count=photos.count)],
        exception_handlers={HTTPException: _refused, EdgeReaderError: _failed, Exception: _crashed},
    )
    app.state.stopping = False
    if board is None:
        routes.append(Route("/state", _no_stream))
    else:
        records = Records(board, history, evidence)
        live = Live(board, records, lambda: bool(app.state.stopping))
        setup = Setup(board, reader, editor, why_not=NO_TOKEN if token is None else "" if editor else NO_FILE)
        routes += [*live.routes(), *records.routes(), *setup.routes()]
    app.router.routes.extend(routes)
    app.router.redirect_slashes = False
    return app


async def _no_stream(_request: Request) -> Response:
    return answer({"stream": None})


class Photos:
    """What is there with and without a stream: ``POST /read``, counted, the health, and the figures."""

    def __init__(self, pictures: Pictures, board: Board | None) -> None:
        self._pictures, self._board = pictures, board
        self._statuses: Counter[str] = Counter()
        self._latency = Histogram()

    def routes(self) -> list[Route]:
        """Return the routes."""
        read = Route("/read", self._read, methods=["POST"])
        return [read, Route("/healthz", self._health), Route("/metrics", self._metrics)]

    def count(self, status: int) -> None:
        """Count a picture by the status of its answer."""
        self._statuses[str(status)] += 1

    async def _read(self, request: Request) -> Response:
        status = 500
        try:
            found = await self._pictures.read(request)
            status = 200
        except HTTPException as exc:
            status = exc.status_code
            raise
        finally:
            self.count(status)
        self._latency.add(found["ms"] / 1000)
        return answer(found)

    async def _health(self, _request: Request) -> Response:
        board = self._board
        reason = "" if board is None else trouble(board) or sick_sinks(board) or absent(board)
        return answer({"ok": not reason, "reason": reason}, 503 if reason else 200)

    async def _metrics(self, _request: Request) -> Response:
        lines = [*metrics.of_process(), *metrics.of_reads(self._statuses, self._latency.now())]
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
