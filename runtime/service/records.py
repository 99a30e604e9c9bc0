"""What was read before: events, a number's course, pictures, and corrections."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import msgspec
from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..stream.numbers.events import Event
from .answers import answer
from .board import Board
from .uploads import read_body

if TYPE_CHECKING:
    from ..stream.sinks.history import History

MOST_EVENTS = 1000
MOST_HOURS = 24 * 366
PART = 200
"""Events that are taken from the history at a time."""
FORM_BYTES = 4096
FORM_S = 10.0


class Correction(msgspec.Struct, forbid_unknown_fields=True):
    """What a person says that a picture says."""

    id: Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
    """The event's."""
    text: Annotated[str, msgspec.Meta(max_length=64)]
    """What it says; empty = there is no number."""


class Evidence(Protocol):
    """Pictures of readings, by the event's id."""

    def __contains__(self, number: object, /) -> bool:
        """Return whether there is one."""

    def picture(self, number: int, /) -> bytes | None:
        """Return its JPEG file, if there is one."""

    def correct(self, number: int, text: str, /) -> bool:
        """Note what it really says; return whether there is one."""


class Records:
    """The past of a stream: from its history, or without one from what the board has."""

    def __init__(self, board: Board, history: History | None, evidence: Evidence | None) -> None:
        self._board, self._history, self._evidence = board, history, evidence

    def latest(self, most: int, name: str | None = None) -> list[dict[str, Any]]:
        """Return the newest events, of one number or all, the newest first."""
        if self._history is not None:
            return [self.row(row.event, row.corrected) for row in self._history.latest(most, name)]
        return [self.row(event) for event in reversed(self._board.since(0)) if name in {None, event.name}][:most]

    def after(self, number: int) -> list[dict[str, Any]]:
        """Return the next events of the history after an id, at most ``PART``, the oldest first."""
        if self._history is None:
            return []
        return [self.row(row.event, row.corrected) for row in self._history.since(number, PART)]

    def series(self, name: str, from_s: float) -> Sequence[object]:
        """Return seconds since 1970 and value of a number's sure events, the oldest first."""
        if self._history is not None:
            return self._history.series(name, from_s)
        events = [
            event for event in self._board.since(0) if event.name == name and event.sure and event.value is not None
        ]
        points = [
            (datetime.fromisoformat(event.at.replace("Z", "+00:00")).timestamp(), event.value) for event in events
        ]
        return [point for point in points if point[0] >= from_s]

    def row(self, event: Event, corrected: str | None = None) -> dict[str, Any]:
        """Return an event as the page gets it: with its correction by a person, and whether it has a picture."""
        picture = self._evidence is not None and event.id in self._evidence
        return {**msgspec.to_builtins(event), "corrected": corrected, "picture": picture}

    def picture(self, number: int) -> bytes | None:
        """Return the JPEG file of what was read, if it is kept."""
        return None if self._evidence is None else self._evidence.picture(number)

    def correct(self, number: int, text: str) -> bool:
        """Note what a picture really says; return whether there is one."""
        if self._evidence is None or not self._evidence.correct(number, text):
            return False
        if self._history is not None:
            self._history.correct(number, text)
        return True


class RecordRoutes:
    """Serves the past."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/history", self._latest),
            Route("/series", self._series),
            Route("/crop/{number:int}", self._crop),
            Route("/correct", self._correct, methods=["POST"]),
        ]

    async def _latest(self, request: Request) -> Response:
        """Answer with the newest events: ``?n=50&name=NUMBER``."""
        most, name = _number(request, "n", 50, MOST_EVENTS), request.query_params.get("name")
        return answer({"events": await run_sync(self._records.latest, most, name)})

    async def _series(self, request: Request) -> Response:
        """Answer with a number's course: ``?name=NUMBER&hours=24``."""
        from_s = time.time() - 3600 * _number(request, "hours", 24, MOST_HOURS)
        points = await run_sync(self._records.series, request.query_params.get("name", ""), from_s)
        return answer({"points": points})

    async def _crop(self, request: Request) -> Response:
        number = request.path_params["number"]
        picture = await run_sync(self._records.picture, number) if number < 1 << 63 else None
        if picture is None:
            raise HTTPException(404, "no picture of this reading is kept")
        return Response(picture, headers={"Cache-Control": "private, max-age=3600"}, media_type="image/jpeg")

    async def _correct(self, request: Request) -> Response:
        """Note what a picture says: ``{"id": 1, "text": "00123"}``."""
        try:
            found = msgspec.json.decode(await read_body(request, FORM_BYTES, FORM_S), type=Correction)
        except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
            raise HTTPException(400, f'expected {{"id": NUMBER, "text": "WHAT IT SAYS"}}, got: {exc}') from exc
        text = found.text.strip()
        if not text.isprintable():
            raise HTTPException(400, "text: expected at most 64 printable characters, got others")
        if not await run_sync(self._records.correct, found.id, text):
            raise HTTPException(404, "no picture of this reading is kept; see keep under [evidence]")
        return answer({"id": found.id, "text": text})


def _number(request: Request, name: str, default: int, most: int) -> int:
    given = request.query_params.get(name, str(default))
    if not (given.isascii() and given.isdecimal() and len(given) < 10 and 1 <= int(given) <= most):
        raise HTTPException(400, f"{name}: expected a whole number from 1 to {most}")
    return int(given)
