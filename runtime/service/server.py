"""The service on a port: uvicorn in a thread, with bounds on connections and patience."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from ipaddress import ip_network

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..errors import ServiceError
from ..stream.settings import Http

MOST_CONNECTIONS = 64
MOST_OF_PEER = 32
"""Of one address; of IPv6, of one /64, which one machine may have."""
PATIENCE_S = 15.0
"""A connection is closed that sends no whole request head, or takes nothing of an answer, for longer."""
SEND_BYTES = 1 << 17
"""Of an answer in the kernel's buffer, so that a client which takes nothing is noticed soon."""
STOP_S = 2.0
LINGER_S = 0.5
"""For so long what a refused client sends is thrown away, so that it gets its answer."""
BUSY = b'{"error":"too many connections; try again"}'
REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(BUSY), BUSY)
)


class Connection(H11Protocol):
    """A connection with a client, which is closed when nothing comes of it for ``PATIENCE_S`` to twice as long.

    A new one for which there is no room takes the place of the one that has been idle for longest, of its own peer if
    that has too many. One that answers, or takes in a request's body, is not idle; where all are busy, the new one is
    refused.

    uvicorn 0.54 has no limit for that: its ``timeout_keep_alive`` counts only between an answer and the first byte of
    the next request, it waits without end for a client to take an answer, and ``limit_concurrency`` refuses requests,
    not connections.
    """

    _timer: asyncio.TimerHandle | None = None
    refused = False
    """Whether there was no room for it."""
    since_s = 0.0
    """Since when it is idle, if it is, by the loop's clock."""

    @property
    def idle(self) -> bool:
        """Whether it waits for a whole request head."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def peer(self) -> str:
        """Who it is with."""
        host = self.client[0].partition("%")[0] if self.client else ""
        return str(ip_network((host, 64), strict=False)) if ":" in host else host

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to watch it, if there is room or can be made."""
        super().connection_made(transport)
        self.since_s = self.loop.time()
        if self._make_room():
            self._watch(None)
        else:
            self._refuse()

    def _make_room(self) -> bool:
        others = [other for other in self.connections if other is not self and not other.transport.is_closing()]
        of_peer = [other for other in others if isinstance(other, Connection) and other.peer == self.peer]
        if len(of_peer) < MOST_OF_PEER and len(others) < MOST_CONNECTIONS:
            return True
        crowd = of_peer if len(of_peer) >= MOST_OF_PEER else others
        idle = [other for other in crowd if isinstance(other, Connection) and other.idle and not other.refused]
        if not idle:
            return False
        min(idle, key=lambda other: other.since_s).transport.close()
        return True

    def _refuse(self) -> None:
        """Say that there is no room; with twice too many connections, say nothing."""
        self.refused = True
        if len(self.connections) > 2 * MOST_CONNECTIONS:
            self.transport.abort()
            return
        self.transport.write(REFUSAL)
        self.transport.write_eof()
        self._timer = self.loop.call_later(LINGER_S, self.transport.abort)

    def data_received(self, data: bytes) -> None:
        """Take what the client sends."""
        if not self.refused:
            super().data_received(data)

    def on_response_complete(self) -> None:
        """Note since when it is idle."""
        self.since_s = self.loop.time()
        super().on_response_complete()

    def _watch(self, before: object) -> None:
        """Close it when it keeps us waiting, with the same request and the same rest of an answer as before."""
        if self.transport.is_closing():
            return
        waits = self.cycle is None or self.cycle.response_complete or self.flow.write_paused
        now = (self.cycle, self.transport.get_write_buffer_size()) if waits else None
        if now is not None and now == before:
            self.transport.abort()
        else:
            self._timer = self.loop.call_later(PATIENCE_S, self._watch, now)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the watch."""
        super().connection_lost(exc)
        if self._timer is not None:
            self._timer.cancel()


class Server:
    """Serves an app from `start` to `stop`; a context manager too."""

    def __init__(self, app: Starlette, http: Http) -> None:
        """Prepare; nothing listens yet."""
        self._app, self._http = app, http
        self._port = http.port
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                http=Connection,
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                log_level=logging.ERROR,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=5,
                timeout_graceful_shutdown=1,
            )
        )
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """What to open in a browser; after `start`."""
        host = self._http.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"

    @property
    def port(self) -> int:
        """Where it listens: after `start`, the one that the system chose for 0."""
        return self._port

    def start(self) -> None:
        """Listen and serve.

        Raises:
            ServiceError: the address is taken, is not this machine's, or needs rights.
        """
        listening = listen(self._http)
        self._port = listening.getsockname()[1]
        self._thread = threading.Thread(target=self._server.run, args=([listening],), name="service", daemon=True)
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.01)
        if not self._server.started:
            raise ServiceError(f"{self.url}: expected the service to start, it ended; the log says why")

    def stop(self) -> None:
        """End connections and the thread, within about ``STOP_S``."""
        self._app.state.stopping = True
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(STOP_S)

    def __enter__(self) -> Server:  # noqa: PYI034 - typing.Self is of Python 3.11
        """Start."""
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop."""
        self.stop()


def listen(http: Http) -> socket.socket:
    """Open a socket on the settings' address.

    Raises:
        ServiceError: it cannot be listened on.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            http.host, http.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, protocol)
    except OSError as exc:
        raise ServiceError(f"{http.host}: expected an address of this machine, got: {exc.strerror}") from exc
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
        found.bind(address)
        found.listen(MOST_CONNECTIONS)
    except OSError as exc:
        found.close()
        raise ServiceError(
            f"{http.host}:{http.port}: expected a free address of this machine, got: {exc.strerror}; "
            "choose another port, or end what listens there"
        ) from exc
    return found
