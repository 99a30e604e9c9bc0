"""Answers in JSON, and the headers of every answer."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.responses import Response

from ..errors import one_line

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Of every answer: no scripts but ours, in no other page, for no other origin."""


def answer(data: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return JSON that nobody keeps."""
    kept = {"Cache-Control": "no-store", **(headers or {})}
    return Response(msgspec.json.encode(data), status, kept, "application/json")


def refused(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return JSON of one line that says why there is nothing else."""
    return answer({"error": one_line(text)}, status, {**HEADERS, **(headers or {})})
