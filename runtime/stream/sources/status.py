"""What a capture says about itself."""

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from ...errors import ImageError
from ...geometry.images import Frame
from ..settings import Camera
from .feeds import Feed

log = logging.getLogger("edgereader")

State = Literal["connecting", "live", "frozen", "black", "lost", "ended"]


@dataclass(frozen=True)
class CaptureStatus:
    """How a capture is at a moment."""

    state: State = "connecting"
    since_s: float = 0.0
    """Seconds since 1970 when it came into this state."""
    frames: int = 0
    """Frames that the camera gave, dropped ones too."""
    dropped: int = 0
    """Frames that were replaced by a later one before anybody took them."""
    broken: int = 0
    """Frames that could not be used: undecodable, empty or not a picture."""
    reconnects: int = 0
    """How often the camera came back."""
    fps: float = 0.0
    """Frames a second, of the last ones that came."""
    size_hw: tuple[int, int] | None = None
    """Height and width of the last frame."""
    reason: str = ""
    """Why it is frozen, black, lost or ended; "" = nothing is wrong."""


class Record:
    """Keeps a capture's status, and logs what changes, once; its caller sees to it that one thread at a time writes.

    Args:
        name: what logs call the camera, without secrets.
        camera: what counts as frozen and black.
        now: seconds since 1970.
    """

    def __init__(self, name: str, camera: Camera, now: Callable[[], float] = time.time) -> None:
        self.status = CaptureStatus(since_s=now())
        """Replaced as a whole, so that any thread may read it."""
        self._name = name
        self._camera = camera
        self._now = now
        self._times_s: deque[float] = deque(maxlen=32)
        self._feed = Feed(camera.frozen_s, camera.black_s)
        self._breaking = False
        """Whether the last frame was broken."""

    def count(self, frame: Frame, at_s: float, place_s: float, dropped: int) -> None:
        """Note a frame that came at this time, that so many were dropped for, and its place in the stream."""
        before, size_hw = self.status, (frame.shape[0], frame.shape[1])
        self._times_s.append(at_s)
        took_s = at_s - self._times_s[0]
        self._breaking = False
        self.status = replace(
            before,
            frames=before.frames + 1,
            dropped=before.dropped + dropped,
            reconnects=before.reconnects + (before.state == "lost" and before.frames > 0),
            fps=(len(self._times_s) - 1) / took_s if took_s > 0 else 0.0,
            size_hw=size_hw,
        )
        if before.size_hw not in {None, size_hw}:
            log.info("%s: frames are %d×%d px now", self._name, size_hw[1], size_hw[0])
        self._judge(frame, place_s)

    def _judge(self, frame: Frame, place_s: float) -> None:
        state = self._feed.look(frame, place_s)
        if state == "frozen":
            self.change(
                state, f"frames are exactly the same for {self._camera.frozen_s:g} s or longer; check the camera"
            )
        elif state == "black":
            self.change(state, f"frames are black for {self._camera.black_s:g} s or longer; check lens and light")
        else:
            self.change(state)

    def count_broken(self, error: ImageError, *, always: bool) -> None:
        """Note a broken frame; it is logged when the one before was not, or ``always``."""
        if always or not self._breaking:
            log.warning("broken frame: %s", error)
        self._breaking = True
        self.status = replace(self.status, broken=self.status.broken + 1)

    def lose(self, reason: str) -> None:
        """Note that the camera is lost."""
        self._times_s.clear()
        self._feed = Feed(self._camera.frozen_s, self._camera.black_s)
        self.status = replace(self.status, fps=0.0)
        self.change("lost", reason.removeprefix(f"{self._name}: "))

    def change(self, state: State, reason: str = "") -> None:
        """Note the state; when it is another one, log it."""
        changed = state != self.status.state
        if changed or reason != self.status.reason:
            since_s = self._now() if changed else self.status.since_s
            self.status = replace(self.status, state=state, since_s=since_s, reason=reason)
        if changed:
            level = logging.WARNING if state in {"lost", "frozen", "black"} else logging.INFO
            log.log(level, "%s: %s%s", self._name, state, f": {reason}" if reason else "")
