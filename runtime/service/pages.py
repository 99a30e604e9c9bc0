"""The page's files, and the login."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from .auth import COOKIE_S, Gate
from .uploads import read_form

Endpoint = Callable[[Request], Awaitable[Response]]
FOLDER = Path(__file__).parent / "page"
TYPES = {
    "page.js": "text/javascript",
    "setup.js": "text/javascript",
    "login.js": "text/javascript",
    "page.css": "text/css",
    "icon.svg": "image/svg+xml",
    "index.html": "text/html",
    "login.html": "text/html",
}
"""The only files that are served, read when the service starts."""
OPEN = frozenset({"/login", "/login.js", "/page.css", "/icon.svg"})
"""What the login needs, and who has not logged in gets."""


class Pages:
    """Serves the files; a right token becomes a cookie."""

    def __init__(self, gate: Gate) -> None:
        """Read the files."""
        self._gate = gate
        self._files = {name: (FOLDER / name).read_bytes() for name in TYPES}

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/", self._file("index.html")),
            *(Route(f"/{name}", self._file(name)) for name in TYPES if not name.endswith(".html")),
            Route("/login", self._log_in, methods=["GET", "POST"]),
        ]

    def login(self, status: int = 200, *, wrong: bool = False) -> Response:
        """Ask for the token."""
        page = self._files["login.html"]
        if wrong:
            page = page.replace(b' id="wrong" hidden', b' id="wrong"')
        return Response(page, status, {"Cache-Control": "no-store"}, TYPES["login.html"])

    def _file(self, name: str) -> Endpoint:
        async def send(_request: Request) -> Response:
            return Response(self._files[name], headers={"Cache-Control": "no-cache"}, media_type=TYPES[name])

        return send

    async def _log_in(self, request: Request) -> Response:
        if request.method != "POST":
            return self.login()
        form = parse_qs((await read_form(request)).decode("latin-1"))
        if not self._gate.fits(form.get("token", [""])[0].strip()):
            return self.login(401, wrong=True)
        done = RedirectResponse("./", 303)
        done.set_cookie(self._gate.cookie_name, self._gate.cookie, COOKIE_S, httponly=True, samesite="strict")
        return done
