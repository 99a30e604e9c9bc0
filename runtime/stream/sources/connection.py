"""One connection to a source, in a thread of its own, so that a read that hangs can be left behind."""

import threading
from collections.abc import Callable

import cv2

from ...errors import ImageError, SourceError, SourceLost
from ...geometry.images import Frame, as_bgr
from ..addresses import masked
from .source import Source

Take = Callable[["Connection", Frame, float | None], None]


class Connection(threading.Thread):
    """Opens a source and hands over frame after frame, until the end, an error, or until it is left.

    Args:
        open_it: opens the source.
        take: called with the connection, each frame (H, W, 3) uint8 BGR and its seconds into the file; it may wait.
        broken: called with what is wrong with a frame.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        open_it: Callable[[], Source],
        take: Take,
        broken: Callable[["Connection", ImageError], None],
        clock: Callable[[], float],
    ) -> None:
        super().__init__(name="edgereader-camera", daemon=True)
        self._open_it = open_it
        self._take = take
        self._say_broken = broken
        self.broken: ImageError | None = None
        """What was wrong with the last frame; None = it was good."""
        self._clock = clock
        self.source: Source | None = None
        self.error: Exception | None = None
        """Why it is over; None = the end of the source, or it was left."""
        self.frames = 0
        """Good ones so far."""
        self.waits_since: float | None = clock()
        """On the clock: since when a good frame is waited for; None while one is handed over."""
        self.left = False
        """Nobody wants its frames any more: it closes the source as soon as the read returns, and ends."""

    @property
    def live(self) -> bool:
        """Whether it reads a camera, not a file."""
        return self.source is None or self.source.live

    def run(self) -> None:
        """Read until it is over."""
        try:
            self.source = self._open_it()
            try:
                while not self.left and self._read(self.source):
                    pass
            finally:
                self.source.close()
        except SourceError as exc:
            self.error = exc
        except (cv2.error, OSError) as exc:
            self.error = SourceLost(f"expected frames, got {type(exc).__name__}: {masked(str(exc))}; check it")
        except Exception as exc:  # noqa: BLE001 - it is raised again where the frames are wanted
            self.error = exc

    def _read(self, source: Source) -> bool:
        """Hand over one frame; whether the source goes on."""
        try:
            got = source.read()
            if got is None:
                return False
            frame = as_bgr(got[0])
        except ImageError as exc:
            self.broken = exc
            self._say_broken(self, exc)
            return True
        self.waits_since = self.broken = None
        self.frames += 1
        self._take(self, frame, got[1])
        self.waits_since = self._clock()
        return True
