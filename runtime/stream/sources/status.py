"""What a capture says about itself; and whether its feed shows anything, or is frozen or black."""

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

from ...errors import ImageError
from ...geometry.images import Frame
from ..settings import Camera

log = logging.getLogger("edgereader")

State = Literal["connecting", "live", "resting", "frozen", "black", "lost", "ended"]
Picture = Literal["live", "frozen", "black"]
EVERY_S = 0.25
"""Frames are looked at so far apart."""
DARK = 40
"""A black frame has, in a thousand pixels, no more than one value as bright as this, 0..255; a lit digit has."""


@dataclass(frozen=True)
class CaptureStatus:
    """How a capture is at a moment."""

    state: State = "connecting"
    since_s: float = 0.0
    """Seconds since 1970 when it came into this state."""
    frames: int = 0
    """Frames that the camera gave, dropped ones too."""
    dropped: int = 0
    """Frames that were replaced by a later one before anybody took them, or came before a look."""
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
        reasons = {
            "frozen": f"frames are exactly the same for {self._camera.frozen_s:g} s or longer; check the camera",
            "black": f"frames are black for {self._camera.black_s:g} s or longer; check lens and light",
        }
        self.change(state, reasons.get(state, ""))

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

    def rest(self) -> None:
        """Note that a look is over; what was wrong with it stays."""
        self._times_s.clear()
        self.status = replace(self.status, fps=0.0)
        if self.status.state == "live":
            self.change("resting")

    def change(self, state: State, reason: str = "") -> None:
        """Note the state; when it is another one, log it."""
        before = self.status.state
        changed = state != before
        if changed or reason != self.status.reason:
            since_s = self._now() if changed else self.status.since_s
            self.status = replace(self.status, state=state, since_s=since_s, reason=reason)
        if changed:
            level = logging.WARNING if state in {"lost", "frozen", "black"} else logging.INFO
            level = logging.DEBUG if {state, before} == {"live", "resting"} else level
            log.log(level, "%s: %s%s", self._name, state, f": {reason}" if reason else "")


class Feed:
    """Tells a camera that shows something from one that does not.

    Args:
        frozen_s: frames that are exactly the same for so long are frozen; 0 = never.
        black_s: frames without anything bright for so long are black; 0 = never.
    """

    def __init__(self, frozen_s: float, black_s: float) -> None:
        self._frozen_s = frozen_s
        self._black_s = black_s
        self._looked_s = float("-inf")
        self._last: Frame | None = None
        self._same_since_s: float = 0.0
        self._black_since_s: float | None = None
        self._picture: Picture = "live"

    def look(self, frame: Frame, now_s: float) -> Picture:
        """Take a frame (H, W, 3) uint8 that came at this time; return what the feed is by now."""
        if now_s - self._looked_s >= EVERY_S:
            self._looked_s = now_s
            self._picture = self._judge(frame, now_s)
        return self._picture

    def _judge(self, frame: Frame, now_s: float) -> Picture:
        if self._last is None or not _same(frame, self._last):
            self._last, self._same_since_s = frame, now_s
        if not is_black(frame):
            self._black_since_s = None
        elif self._black_since_s is None:
            self._black_since_s = now_s
        if self._black_s and self._black_since_s is not None and now_s - self._black_since_s >= self._black_s:
            return "black"
        return "frozen" if self._frozen_s and now_s - self._same_since_s >= self._frozen_s else "live"


def _same(frame: Frame, other: Frame) -> bool:
    """Return whether two frames are equal to the pixel; a few rows tell most that are not."""
    if frame.shape != other.shape or cv2.norm(frame[::32], other[::32], cv2.NORM_INF):
        return False
    return not cv2.norm(frame, other, cv2.NORM_INF)


def is_black(frame: Frame) -> bool:
    """Return whether nothing in a frame is bright; every fourth pixel of every fourth row is looked at."""
    sample = frame[::4, ::4]
    bright = int(np.count_nonzero(sample >= DARK))
    return bright * 1000 <= len(sample) * len(sample[0])
