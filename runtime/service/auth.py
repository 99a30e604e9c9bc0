"""Who may ask: a token, a cookie for it, and the checks that keep other web pages out."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..stream.secrets import is_local

if TYPE_CHECKING:
    from starlette.requests import Request

HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::\d{1,5})?")
COOKIE_S = 30 * 86400
"""A browser stays logged in for so long."""


@dataclass(frozen=True)
class Refusal:
    """Why a request is not answered."""

    status: int
    """Of HTTP."""
    error: str
    """For the one who asked."""


class Gate:
    """Decides whether a request is answered."""

    def __init__(self, token: str | None) -> None:
        """Without a token, requests are answered that were sent to this machine's own names."""
        self._token = None if token is None else token.encode()
        key = self._token or os.urandom(16)
        self.cookie_name = "edgereader_" + _derived(key, "name")[:8]
        """Of its own for each token, as browsers send a cookie to all ports of a host."""
        self.cookie = _derived(key, "cookie")
        """Shows that its holder knew the token; the token cannot be told from it."""

    def refusal(self, request: Request) -> Refusal | None:
        """Return why a request is refused; None = it is answered."""
        host = request.headers.get("host", "")
        if self._token is None and not is_local(_hostname(host)):
            return Refusal(421, "expected this machine's own name as Host; without a token no other is answered")
        if request.method not in {"GET", "HEAD"} and not _same_origin(host, request.headers):
            return Refusal(403, "expected a request from the page itself, got one from another; open the page")
        if not self.knows(request):
            return Refusal(401, "expected the token: log in on the page, or send Authorization: Bearer TOKEN")
        return None

    def knows(self, request: Request) -> bool:
        """Return whether a request carries the token or a cookie for it, or none is needed."""
        if self._token is None:
            return True
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.fits(given.strip())
        cookie = request.cookies.get(self.cookie_name, "")
        return hmac.compare_digest(cookie.encode(errors="replace"), self.cookie.encode())

    def fits(self, given: str) -> bool:
        """Return whether this is the token; what is nearly right takes as long as what is not."""
        return self._token is not None and hmac.compare_digest(given.encode(errors="replace"), self._token)


def _derived(key: bytes, what: str) -> str:
    return hmac.new(key, f"edgereader {what}".encode(), hashlib.sha256).hexdigest()


def _hostname(host: str) -> str:
    """Return the name in a Host header, without the port; empty when it is none."""
    found = HOST.fullmatch(host)
    return found[1] if found else ""


def _same_origin(host: str, headers: Mapping[str, str]) -> bool:
    """Return whether a request comes from the page itself or from no page: browsers say so, others nothing."""
    if headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
        return False
    origin = headers.get("origin")
    return origin is None or (host != "" and origin.lower() in {f"http://{host.lower()}", f"https://{host.lower()}"})
