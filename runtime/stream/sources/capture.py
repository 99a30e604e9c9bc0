"""The thread that keeps a camera's latest frame, and opens the camera again when it was lost."""

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial

import cv2

from ...errors import ImageError, SourceError, SourceLost
from ...geometry.images import Frame
from ..addresses import masked
from ..settings import Camera
from .connection import Connection
from .frames import Shot
from .opencv import OPEN_S
from .source import Source, open_source
from .status import CaptureStatus, Record
from .trouble import no_new_frames

POLL_S = 0.05
"""Threads look so often whether they should stop: `stop` sets a flag only, so that a signal handler may call it."""
QUEUE = 4
"""Frames that wait when none may be dropped."""
MOST_STUCK = 3
"""Reads that hang and were left behind; with so many of them the next connection waits."""
CLOSE_S = 1.0
TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
"""Degrees clockwise → OpenCV's name."""


class Capture(AbstractContextManager["Capture"]):
    """Frames of a camera or file, in a thread: the latest one, or every one of a file.

    Iterating gives `Shot`s and starts the thread. It ends with the file or after `stop`; it raises the `SourceError`
    of what cannot be opened from the start, or of a file that cannot be read on. A camera that is lost is opened again
    until it is back. With ``every``, a camera is opened for a look, closed when its frames were taken, and rests.
    Use it with ``with``, or call `close`.

    Args:
        clock: monotonic seconds.
        now: seconds since 1970.
        sleep: waits on the clock, for a moment at a time.
        chance: 0..1 by chance, so that many devices do not come back to one server at the same moment.
    """

    def __init__(
        self,
        camera: Camera,
        open_source: Callable[[Camera], Source] = open_source,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._camera = camera
        self._open = partial(open_source, camera)
        self._clock, self._now, self._sleep, self._chance = clock, now, sleep, chance
        self._name = masked(str(camera.source))
        self._changed = threading.Condition()
        """Guards all that follows; notified when a frame comes or goes, and at the end."""
        self._record = Record(self._name, camera, now)
        self._shots: deque[Shot] = deque()
        self._every_s = camera.every_s
        self._look, self._given = 0, 0
        """Which look it is, and how many frames of it were taken."""
        self._error: Exception | None = None
        self._over = False
        self._stopping = False
        self._connection: Connection | None = None
        self._stuck: list[Connection] = []
        self._live: bool | None = None
        """Whether it is a camera; None = nothing could be opened so far."""
        self._began = (0.0, 0.0)
        """On the clock and since 1970, when a file began."""
        self._thread = threading.Thread(target=self._run, name="edgereader-capture", daemon=True)

    @property
    def status(self) -> CaptureStatus:
        """How it is now; for any thread."""
        return self._record.status

    def start(self) -> None:
        """Open the camera and keep its frames from now on; iterating does it too."""
        if self._thread.ident is None:
            self._thread.start()

    def stop(self) -> None:
        """Let the iterator end. It takes no lock and returns at once; a signal handler may call it."""
        self._stopping = True

    def close(self) -> None:
        """Stop, and wait for the threads, a second at most; one that hangs in the camera's driver is left behind."""
        self.stop()
        for thread in (self._thread, self._connection):
            if thread is not None and thread.ident is not None:
                thread.join(CLOSE_S / 2)

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Shot]:
        self.start()
        while (shot := self._next()) is not None:
            yield shot

    def _next(self) -> Shot | None:
        with self._changed:
            while not (self._shots or self._over or self._stopping):
                self._changed.wait(POLL_S)
            if self._stopping:
                return None
            if self._shots:
                self._changed.notify_all()
                self._given += 1
                if self._looked and self._connection is not None:
                    self._connection.left = True
                return self._shots.popleft()
            if self._error is not None:
                raise self._error
            return None

    def _run(self) -> None:
        reason = ""
        try:
            self._follow()
        except Exception as exc:  # noqa: BLE001 - the iterator raises it
            self._error, reason = exc, str(exc)
        with self._changed:
            self._over = True
            self._record.change("ended", "stopped" if self._stopping else reason)
            self._changed.notify_all()

    def _follow(self) -> None:
        """Connect again and again, until the end; a connection that lasted longer than the last wait starts afresh."""
        tries, waited_s, look_s = -1, 0.0, self._clock()
        while not self._stopping:
            began_s = self._clock()
            self._connection = connection = Connection(self._open, self._take, self._count_broken, self._clock)
            try:
                self._watch(connection)
            except SourceError as exc:
                self._lose(exc, connection)
            else:
                if not self._looked:
                    return
                self._rest(connection, look_s + self._every_s)
                tries, waited_s, look_s = -1, 0.0, self._clock()
                continue
            tries = 0 if connection.frames and self._clock() - began_s > waited_s else tries + 1
            waited_s = wait_s(self._camera, tries, self._chance())
            self._pause(waited_s)
            while sum(stuck.is_alive() for stuck in self._stuck) >= MOST_STUCK and not self._stopping:
                self._pause(POLL_S)

    def _watch(self, connection: Connection) -> None:
        """Let a connection run until its end, or until it hangs.

        Raises:
            SourceLost: no frame for too long.
            Exception: what the connection ended with.
        """
        connection.start()
        try:
            while connection.is_alive() and not (self._stopping or self._looked):
                connection.join(POLL_S)
                self._hold_to_time(connection)
        finally:
            connection.left = True
            if connection.source is not None:
                self._live = connection.source.live
        if connection.error is not None and not self._looked:
            raise connection.error

    def _hold_to_time(self, connection: Connection) -> None:
        since_s = connection.waits_since
        most_s = self._camera.timeout_s if connection.frames else max(2 * OPEN_S, self._camera.timeout_s)
        if since_s is not None and connection.is_alive() and self._clock() - since_s > most_s:
            raise no_new_frames(self._name, most_s, connection.broken)

    def _lose(self, error: SourceError, connection: Connection) -> None:
        """Note that a camera is lost; the error of what does not come back is raised again."""
        comes_back = isinstance(error, SourceLost) if self._live is None else self._live
        if not comes_back:
            raise error
        self._stuck = [stuck for stuck in (*self._stuck, connection) if stuck.is_alive()]
        with self._changed:
            self._record.lose(str(error))

    @property
    def _looked(self) -> bool:
        """Whether all frames of a look were taken."""
        return self._every_s > 0 and self._given >= self._camera.look_frames and self._live is not False

    def _rest(self, connection: Connection, until_s: float) -> None:
        """Wait for the next look."""
        self._stuck = [stuck for stuck in (*self._stuck, connection) if stuck.is_alive()]
        with self._changed:
            self._shots.clear()
            self._record.rest()
        self._pause(until_s - self._clock())
        with self._changed:
            self._look, self._given = self._look + 1, 0

    def _pause(self, seconds: float, wanted: Callable[[], bool] = lambda: True) -> None:
        """Wait on the clock, but no longer than until `stop`."""
        until_s = self._clock() + seconds
        while not self._stopping and wanted() and (left_s := until_s - self._clock()) > 0:
            self._sleep(min(left_s, POLL_S))

    def _wanted(self, connection: Connection) -> bool:
        return not (connection.left or self._stopping)

    def _take(self, connection: Connection, frame: Frame, place_s: float | None) -> None:
        """Put a frame where the iterator finds it; of a file, when it is due."""
        if connection.frames == 1:
            self._began = self._clock(), self._now()
        warm = not (self._every_s and connection.live) or self._clock() - self._began[0] >= self._camera.warm_up_s
        every = not connection.live and (self._camera.every_frame or place_s is None)
        self._keep_time(connection, place_s)
        at_s = self._clock()
        taken_s = self._now() if place_s is None else self._began[1] + place_s
        if self._camera.turn:
            frame = cv2.rotate(frame, TURNS[self._camera.turn])  # type: ignore[assignment]
        with self._changed:
            while every and len(self._shots) >= QUEUE and self._wanted(connection):
                self._changed.wait(POLL_S)
            if not self._wanted(connection):
                return
            dropped = 0 if every else len(self._shots) + (not warm)
            if dropped:
                self._shots.clear()
            if warm:
                look = self._look if self._every_s else None
                self._shots.append(Shot(frame, self.status.frames, at_s, taken_s, look))
            self._record.count(frame, at_s, at_s if place_s is None else place_s, dropped)
            self._changed.notify_all()

    def _keep_time(self, connection: Connection, place_s: float | None) -> None:
        """Wait until a frame of a file is due: at the speed that was asked for, or at the file's own."""
        if connection.live or place_s is None or (self._camera.every_frame and not self._camera.fps):
            return
        due_s = (connection.frames - 1) / self._camera.fps if self._camera.fps else place_s
        self._pause(self._began[0] + due_s - self._clock(), lambda: self._wanted(connection))

    def _count_broken(self, connection: Connection, error: ImageError) -> None:
        with self._changed:
            if self._wanted(connection):
                self._record.count_broken(error, always=not connection.live)


def wait_s(camera: Camera, tries: int, chance: float) -> float:
    """Return the seconds before the next connection: after each try twice as long, up to a quarter less by chance."""
    return min(camera.retry_s * 2.0 ** min(tries, 40), camera.retry_most_s) * (1 - chance / 4)
