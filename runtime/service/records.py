"""What was read before: events, a number's course, pictures, and corrections."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..stream.numbers.events import Event
from ..stream.sinks.history import corrected_value, is_number
from .answers import answer
from .board import Board
from .uploads import read_form

if TYPE_CHECKING:
    from ..stream.sinks.evidence import Evidence
    from ..stream.sinks.history import History

log = logging.getLogger("edgereader")

MOST_EVENTS = 1000
MOST_HOURS = 24 * 366
PART = 200
"""Events that are taken from the history at a time."""


class Correction(msgspec.Struct, forbid_unknown_fields=True):
    """What a person says that a picture says."""

    id: Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
    """The event's."""
    text: Annotated[str, msgspec.Meta(max_length=64)]
    """What it says; empty = there is no number."""


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
        events = [event for event in self._board.since(0) if event.name == name and event.taken_s >= from_s]
        return [(event.taken_s, event.value) for event in events if event.sure and event.value is not None]

    def row(self, event: Event, corrected: str | None = None) -> dict[str, Any]:
        """Return an event as the page gets it: with its correction by a person, what to show ("" = there is no number),
        and whether it has a picture.
        """
        picture = self._evidence is not None and event.id in self._evidence
        about = {"corrected": corrected, "shown": self._shown(event, corrected), "picture": picture}
        return {**msgspec.to_builtins(event), **about}

    def _shown(self, event: Event, corrected: str | None) -> str:
        if corrected is None:
            return self._board.shown(event.name, event.text, event.value)
        return self._board.shown(event.name, corrected, corrected_value(event, corrected))

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

    def _correct(self, number: int, text: str) -> bool:
        """Check a correction and note it; return whether there is a picture.

        Raises:
            HTTPException: 400 a number in characters that the reader does not know, 507 it cannot be written now.
        """
        foreign = any(character.isdecimal() and not character.isascii() for character in text)
        if foreign or (text and self._is_counter(number) and not is_number(text)):
            raise HTTPException(400, "text: expected a number in digits 0 to 9, such as 00123.4, got something else")
        try:
            return self.correct(number, text)
        except OSError as exc:
            log.error("correction of %d: %s", number, exc)  # noqa: TRY400 - a full disk is no bug
            raise HTTPException(
                507, "expected room for the correction, got none; check the disk, and try again"
            ) from exc

    def _is_counter(self, number: int) -> bool:
        event = self._event(number)
        return event is not None and event.kind == "counter"

    def _event(self, number: int) -> Event | None:
        past = [] if self._history is None else [row.event for row in self._history.since(number - 1, 1)]
        return next((event for event in (*past, *self._board.since(number - 1)) if event.id == number), None)

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/history", self._answer_latest),
            Route("/series", self._answer_series),
            Route("/crop/{number:int}", self._answer_picture),
            Route("/correct", self._take_correction, methods=["POST"]),
        ]

    async def _answer_latest(self, request: Request) -> Response:
        """Answer with the newest events: ``?n=50&name=NUMBER``."""
        most, name = _number(request, "n", 50, MOST_EVENTS), request.query_params.get("name")
        return answer({"events": await run_sync(self.latest, most, name)})

    async def _answer_series(self, request: Request) -> Response:
        """Answer with a number's course: ``?name=NUMBER&hours=24``."""
        from_s = time.time() - 3600 * _number(request, "hours", 24, MOST_HOURS)
        points = await run_sync(self.series, request.query_params.get("name", ""), from_s)
        return answer({"points": points})

    async def _answer_picture(self, request: Request) -> Response:
        number = request.path_params["number"]
        picture = await run_sync(self.picture, number) if number < 1 << 63 else None
        if picture is None:
            raise HTTPException(404, "no picture of this reading is kept")
        return Response(picture, headers={"Cache-Control": "private, max-age=3600"}, media_type="image/jpeg")

    async def _take_correction(self, request: Request) -> Response:
        """Note what a picture says: ``{"id": 1, "text": "00123"}``."""
        try:
            found = msgspec.json.decode(await read_form(request), type=Correction)
        except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
            raise HTTPException(400, f'expected {{"id": NUMBER, "text": "WHAT IT SAYS"}}, got: {exc}') from exc
        text = found.text.strip()
        if not text.isprintable():
            raise HTTPException(400, "text: expected at most 64 printable characters, got others")
        if not await run_sync(self._correct, found.id, text):
            raise HTTPException(404, "no picture of this reading is kept; see keep under [evidence]")
        event = await run_sync(self._event, found.id)
        return answer({"id": found.id, "text": text, "shown": text if event is None else self._shown(event, text)})


def _number(request: Request, name: str, default: int, most: int) -> int:
    given = request.query_params.get(name, str(default))
    if not (given.isascii() and given.isdecimal() and len(given) < 10 and 1 <= int(given) <= most):
        raise HTTPException(400, f"{name}: expected a whole number from 1 to {most}")
    return int(given)
