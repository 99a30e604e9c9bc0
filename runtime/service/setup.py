"""Setting up on the page: where a number is drawn on the camera's picture, what is read there, and what it becomes.

Whoever saves changes what a device does for good: without a token nobody may, not even on this machine.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

import cv2
import msgspec
import numpy as np
from anyio.to_thread import run_sync
from msgspec import Meta
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..errors import AlphabetError, ConfigError
from ..geometry.images import Frame
from ..reader import Reader
from ..stream.configuration.editing import MOST, Edit, Editor, Outdated, Refused
from ..stream.numbers.steps import figure
from ..stream.settings import Detection, Number, Polygon
from ..stream.sources.frames import Shot
from ..stream.tracking.watcher import Watcher
from ..text.values import Notation, shown
from .answers import answer
from .board import DRAWN, Board, jpeg
from .bodies import SETUP_BYTES
from .uploads import read_body

log = logging.getLogger("edgereader")

MOST_LOOKS = 2
"""Looks at the same time."""
CUT_PX = 640
"""Longest side of a cut."""
MARGIN = 0.05
"""What is cut out has so much around it, of the region's longer side."""
COUNTS_FROM = 5
"""A number of so many digits, or one that begins with a zero, is a counter's."""
RED, MUCH_RED = 40, 0.2
"""A digit on red has this share of pixels that are redder than any other colour by so much, 0..255."""
Body = TypeVar("Body")


class Look(msgspec.Struct, forbid_unknown_fields=True):
    """What a person draws."""

    number: Number
    """Without a region: the whole picture."""
    mask: Annotated[list[Polygon], Meta(max_length=MOST)] = []


class Setup:
    """The routes under ``/setup``."""

    def __init__(self, board: Board, reader: Reader, editor: Editor | None, *, why_not: str = "") -> None:
        """Begin.

        Args:
            board: has the picture.
            reader: what reads, safe to share.
            editor: of the configuration; None = there is no file, or it cannot be changed.
            why_not: why nothing can be set up; "" = it can.
        """
        self._board, self._reader, self._editor, self._why_not = board, reader, editor, why_not
        self._looking = 0

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/setup", self._answer_now, methods=["GET"]),
            Route("/setup", self._save, methods=["POST"]),
            Route("/setup/look", self._look, methods=["POST"]),
            Route("/setup/frame.jpg", self._answer_frame),
        ]

    def _demand(self) -> Editor:
        if self._editor is None or self._why_not:
            raise HTTPException(403, self._why_not)
        return self._editor

    async def _answer_now(self, _request: Request) -> Response:
        try:
            return answer(await run_sync(self._demand().now))
        except ConfigError as exc:
            raise HTTPException(409, str(exc)) from exc

    async def _answer_frame(self, _request: Request) -> Response:
        """Answer with the latest frame as it is."""
        self._demand()
        picture = await run_sync(jpeg, self._shot().frame)
        return Response(picture, headers={"Cache-Control": "no-store"}, media_type="image/jpeg")

    async def _look(self, request: Request) -> Response:
        """Answer with what is read where a person draws, in the latest frame."""
        self._demand()
        look = await _decoded(request, Look)
        if self._looking >= MOST_LOOKS:
            raise HTTPException(503, f"{MOST_LOOKS} looks are taken already; try again", {"Retry-After": "1"})
        self._looking += 1
        try:
            return answer(await run_sync(self._seen, look, self._shot()))
        except AlphabetError as exc:
            raise HTTPException(400, str(exc)) from exc
        finally:
            self._looking -= 1

    async def _save(self, request: Request) -> Response:
        editor = self._demand()
        edit = await _decoded(request, Edit)
        try:
            await run_sync(editor.save, edit)
        except Refused as exc:
            return answer({"error": str(exc), "places": exc.places}, 400)
        except Outdated as exc:
            raise HTTPException(409, f"{exc}; look at it anew") from exc
        except (ConfigError, AlphabetError) as exc:
            raise HTTPException(400, str(exc)) from exc
        except OSError as exc:
            log.error("setup: %s", exc)  # noqa: TRY400 - a folder that is read only is no bug
            why = f"expected a configuration that can be written, got: {exc.strerror}; check its folder and its owner"
            raise HTTPException(507, why) from exc
        self._board.setup = False
        return answer(await run_sync(editor.now))

    def _shot(self) -> Shot:
        if (shot := self._board.shot) is None:
            raise HTTPException(503, "no picture was taken yet", {"Retry-After": "1"})
        return shot

    def _seen(self, look: Look, shot: Shot) -> dict[str, Any]:
        """Return the cut, what is read in it as the stream would, and what settings that makes likely."""
        watcher = Watcher(self._reader, Detection(), [look.number], look.mask)
        (seen,) = watcher.look([shot])
        size = np.array(shot.frame.shape[1::-1], np.float32)
        tracks = sorted(seen.tracks, key=lambda track: -track.fused.confidence)
        tracks = [track for track in tracks if track.fused.confidence >= DRAWN]
        found = [
            {
                "text": track.fused.text,
                "shown": _shown(track.fused.text, look.number),
                "confidence": round(track.fused.confidence, 4),
                "quad": (track.quad / size).round(4).tolist(),
            }
            for track in tracks
        ]
        cut = None if look.number.region is None else jpeg(cut_out(shot.frame, look.number.region), CUT_PX)
        proposal = propose(tracks[0].fused.text, tracks[0].best) if tracks else None
        picture = None if cut is None else base64.b64encode(cut).decode()
        return {"cut": picture, "found": found, "proposal": proposal}


async def _decoded(request: Request, kind: type[Body]) -> Body:
    try:
        return msgspec.json.decode(await read_body(request, SETUP_BYTES), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise HTTPException(400, f"expected JSON of what was drawn, got: {exc}") from exc


def _shown(text: str, number: Number) -> str:
    """Return a text as the page will show it with a number's settings."""
    if number.kind != "counter":
        return shown(text, Notation(number.decimal, number.thousands).value_of(text), number.decimals)
    read = figure(text, number)
    if read is None:
        return text
    places = number.decimals if read.decimals is None else read.decimals
    return shown(text, read.units / float(10**places), number.decimals)


def cut_out(frame: Frame, region: Sequence[tuple[float, float]]) -> Frame:
    """Return the part of a frame (H, W, 3) around a region, corners x, y as shares of its width and height."""
    height, width = frame.shape[:2]
    corners = np.array(region, np.float32) * (width, height)
    low, high = corners.min(axis=0), corners.max(axis=0)
    margin = MARGIN * float((high - low).max())
    left, top = np.clip(low - margin, 0, (width - 1, height - 1)).astype(int).tolist()
    right, bottom = np.clip(np.ceil(high + margin), (left + 1, top + 1), (width, height)).astype(int).tolist()
    return frame[top:bottom, left:right]


def propose(text: str, picture: Frame) -> dict[str, Any]:
    """Return kind, digits and decimals that a reading makes likely.

    Args:
        text: what was read.
        picture: of it, upright, (H, W, 3) uint8 BGR: wheels behind the point of a meter that shows none are red.
    """
    digits = sum(map(str.isdecimal, text))
    kind = "free"
    if any(map(str.isalpha, text)):
        kind = "plate"
    elif digits >= COUNTS_FROM or (text.startswith("0") and digits > 1):
        kind = "counter"
    if kind != "counter":
        return {"kind": kind, "digits": 0, "decimals": 0}
    return {"kind": kind, "digits": digits, "decimals": red_digits(picture, digits) if text.isdecimal() else 0}


def red_digits(picture: Frame, digits: int) -> int:
    """Return how many of a text's last digits are on red, or in it, while the others are not; 0 = it cannot be told."""
    blue, green, red = cv2.split(picture.astype(np.int16))
    much = (red - np.maximum(blue, green) > RED).astype(np.float32)
    if len(much[0]) < digits:
        return 0
    cells = [float(cell.mean()) for cell in np.array_split(much, digits, axis=1)]
    last = next((count for count, cell in enumerate(reversed(cells)) if cell < MUCH_RED), digits)
    return last if 0 < last < digits and max(cells[: digits - last]) < MUCH_RED / 2 else 0
