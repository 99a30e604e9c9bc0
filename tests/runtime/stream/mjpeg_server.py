"""A network camera for tests that sends JPEG pictures over HTTP (multipart/x-mixed-replace)."""

import base64
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class MjpegServer:
    """Sends what ``frames()`` gives to each client, at this speed.

    Args:
        frames: makes the pictures' bytes for one client; when they end, the connection does.
        fps: frames a second.
        login: user name and password that clients need.
    """

    def __init__(
        self, frames: Callable[[], Iterator[bytes]], *, fps: float = 50.0, login: tuple[str, str] | None = None
    ) -> None:
        self.clients = 0
        self._login = f"{login[0]}:{login[1]}" if login else ""
        expected = f"Basic {base64.b64encode(self._login.encode()).decode()}"
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if login and self.headers.get("Authorization") != expected:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                    self.end_headers()
                    return
                server.clients += 1
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                try:
                    for picture in frames():
                        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                        self.wfile.write(head.encode() + picture + b"\r\n")
                        time.sleep(1 / fps)
                except OSError:
                    pass  # the client went away

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.port = self._http.server_address[1]

    @property
    def url(self) -> str:
        """Where it is, with user name and password."""
        return f"http://{self._login + '@' if self._login else ''}127.0.0.1:{self.port}/video.mjpg"

    def __enter__(self):
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
