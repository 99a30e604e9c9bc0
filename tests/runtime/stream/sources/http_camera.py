"""A network camera for tests that speaks HTTP."""

import base64
import contextlib
import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


class HttpCamera:
    """Answers with what ``answer(number)`` gives: a status, headers, and a body or parts of one, 50 a second.

    Args:
        answer: called for each request whose login is right; its number counts from 0.
        login: user name and password that clients need.
        schemes: what it asks for, in this order: "Basic", "MD5" or "SHA-256" (digest, RFC 7616).
    """

    def __init__(
        self,
        answer: Callable[[int], tuple[int, Mapping[str, str], bytes | Iterator[bytes]]],
        *,
        login: tuple[str, str] | None = None,
        schemes: tuple[str, ...] = ("Basic",),
    ) -> None:
        self.asked: list[dict[str, str]] = []
        """Headers of the requests whose login was right."""
        self.refused: list[str] = []
        """Logins that were wrong; "" = none was given."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                given = self.headers.get("Authorization", "")
                if login and not any(_is_right(scheme, given, login, self.path) for scheme in schemes):
                    server.refused.append(given)
                    self.send_response(401)
                    for scheme in schemes:
                        self.send_header("WWW-Authenticate", _challenge(scheme))
                    self.end_headers()
                    return
                server.asked.append(dict(self.headers))
                status, headers, body = answer(len(server.asked) - 1)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(OSError):  # the client went away
                    for part in [body] if isinstance(body, bytes) else body:
                        self.wfile.write(part)
                        time.sleep(0.02)

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/picture.jpg?channel=1"

    def __enter__(self):
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()


def pictures_in_a_row(frames: Callable[[], Iterator[bytes]]) -> HttpCamera:
    """Return a camera that sends each client what ``frames()`` gives, in one answer, and then hangs up."""

    def parts() -> Iterator[bytes]:
        for picture in frames():
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            yield head.encode() + picture + b"\r\n"

    return HttpCamera(lambda _: (200, {"Content-Type": "multipart/x-mixed-replace; boundary=frame"}, parts()))


def _challenge(scheme: str) -> str:
    digest = f'Digest realm="camera", nonce="abc", qop="auth", algorithm={scheme}'
    return 'Basic realm="camera"' if scheme == "Basic" else digest


def _is_right(scheme: str, given: str, login: tuple[str, str], path: str) -> bool:
    if scheme == "Basic":
        return given == f"Basic {base64.b64encode(':'.join(login).encode()).decode()}"
    parts = dict(re.findall(r'(\w+)="?([^",]*)"?', given.removeprefix("Digest ")))
    if not given.startswith("Digest ") or parts.get("algorithm") != scheme:
        return False

    def hashed(*texts: str) -> str:
        return HASHES[scheme](":".join(texts).encode()).hexdigest()

    keys = hashed(login[0], "camera", login[1]), hashed("GET", path)
    wanted = hashed(keys[0], "abc", parts["nc"], parts["cnonce"], "auth", keys[1])
    return parts["uri"] == path and parts["response"] == wanted
