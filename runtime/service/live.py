"""The state of a stream, and the server-sent events that keep a page up to date."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import msgspec
from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from .answers import answer
from .board import Board
from .records import Records

MOST_VIEWERS = 16
"""Clients of the event stream."""
POLL_S = 0.25
"""The board is asked for new events so often."""
STATE_S = 0.5
"""The state is sent so often, which is the heartbeat too."""
STALLED_S = 60.0
"""A live camera whose frames nobody looked at for so long: the stream hangs."""


def trouble(board: Board) -> str:
    """Return why no numbers are read now; empty when they are."""
    status = board.status
    if status is None:
        return "camera: not opened yet"
    if status.state == "resting":
        return ""
    if status.state != "live":
        return f"camera {status.state}: {status.reason}".rstrip(": ")
    if min(board.idle_s, time.time() - status.since_s) > STALLED_S:
        return f"no frame was looked at for {board.idle_s:.0f} s"
    return ""


def sick_sinks(board: Board) -> str:
    """Return what is wrong with the log and the stores of events; empty when all is well."""
    return "; ".join(f"{sink.name}: {sink.trouble}" for sink in board.sinks() if sink.trouble)


def absent(board: Board) -> str:
    """Return what is to be said of numbers that were never found; empty when there are none."""
    return "; ".join(board.missing().values())


def state(board: Board) -> dict[str, Any]:
    """Return what the page shows besides the picture and the events."""
    status, figures, shot = board.status, board.figures, board.shot
    latencies = {"reading": figures.reading.now(), "event": figures.event.now()}
    return {
        "stream": board.stream,
        "now": time.time(),
        "camera": None if status is None else msgspec.to_builtins(status),
        "trouble": trouble(board),
        "sinks": msgspec.to_builtins(board.sinks()),
        "lost": board.lost(),
        "missing": board.missing(),
        "setup": board.setup,
        "readings": board.readings(),
        "picture": None if shot is None else shot.number,
        "counts": figures.counts,
        "rates": figures.rates,
        "latency_s": {name: [latency.quantile(0.5), latency.quantile(0.99)] for name, latency in latencies.items()},
    }


class Live:
    """What a stream shows now: its state, its picture, and server-sent events to a bounded number of clients.

    Nothing is queued for a client: it gets what is new when it has taken what was before, and a server that finds it
    does not take anything ends its connection.
    """

    def __init__(self, board: Board, records: Records, stopping: Callable[[], bool]) -> None:
        """Serve until ``stopping`` says so."""
        self._board, self._records, self._stopping = board, records, stopping
        self._said: tuple[float, bytes] = (-STATE_S, b"")
        self.viewers = 0

    def routes(self) -> list[Route]:
        """Return the routes."""
        snapshot = Route("/snapshot.jpg", self._snapshot)
        return [Route("/state", self._state), Route("/events", self._events), snapshot]

    async def _state(self, _request: Request) -> Response:
        return answer(state(self._board))

    async def _events(self, request: Request) -> Response:
        if request.method != "GET":
            raise HTTPException(405, "expected GET", {"Allow": "GET"})
        after = request.headers.get("last-event-id") or request.query_params.get("after") or ""
        if after and not (after.isascii() and after.isdecimal() and len(after) < 19):
            raise HTTPException(400, "expected the id of an event as Last-Event-ID or ?after=, got something else")
        if self.viewers >= MOST_VIEWERS:
            raise HTTPException(503, f"{MOST_VIEWERS} clients look already; try again", {"Retry-After": "5"})
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # the second is for nginx
        return _Watched(self, self._news(int(after) if after else None), headers)

    async def _snapshot(self, _request: Request) -> Response:
        picture = await run_sync(self._board.picture)
        if picture is None:
            raise HTTPException(503, "no picture was taken yet", {"Retry-After": "1"})
        return Response(picture.jpeg, headers={"Cache-Control": "no-store"}, media_type="image/jpeg")

    async def _news(self, after: int | None) -> AsyncIterator[bytes]:
        """Yield messages to a client that has the events up to this id; None = it wants those from now on."""
        yield b"retry: 2000\n\n"
        last, said_s = self._newest() if after is None else after, -STATE_S
        while after is not None and (missed := await run_sync(self._records.after, last)):
            for row in missed:
                yield message("reading", row, row["id"])
            last = missed[-1]["id"]
        while not self._stopping():
            for event in self._board.since(last):
                yield message("reading", self._records.row(event), event.id)
                last = event.id
            if time.monotonic() - said_s >= STATE_S:
                said_s = time.monotonic()
                yield self._state_message()
            await anyio.sleep(POLL_S)

    def _newest(self) -> int:
        return max((event.id for event in self._board.since(0)), default=0)

    def _state_message(self) -> bytes:
        """Make the state at most once each ``STATE_S`` / 2, for all clients."""
        now = time.monotonic()
        if now - self._said[0] >= STATE_S / 2:
            self._said = now, message("state", state(self._board))
        return self._said[1]


def message(kind: str, data: object, number: int | None = None) -> bytes:
    """Return a server-sent event; JSON has no line breaks of its own."""
    head = b"" if number is None else f"id: {number}\n".encode()
    return head + b"event: " + kind.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"


class _Watched(StreamingResponse):
    """Counts its client as long as it looks."""

    def __init__(self, live: Live, content: AsyncIterator[bytes], headers: dict[str, str]) -> None:
        super().__init__(content, headers=headers, media_type="text/event-stream")
        self._live = live

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._live.viewers += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._live.viewers -= 1
