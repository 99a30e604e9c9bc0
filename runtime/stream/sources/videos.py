"""Frames through OpenCV: video files, network cameras, V4L2 cameras and GStreamer pipelines."""

import logging
import math
import time
from collections.abc import Callable

import cv2

from ...errors import ImageError, SourceError, SourceLost
from ...geometry.images import Frame
from ..settings import Camera
from .frames import MOST_PIXELS
from .trouble import no_new_frames

DRIFT = 1e-3
"""A camera's clock and ours may differ by this share; quartz is ten times better."""
WHOLE = 0.95
"""A file that gives a smaller share of the frames that it should have is damaged."""
log = logging.getLogger("edgereader")


class Lag:
    """How much later than the quickest frame one comes, by its time stamp and our clock."""

    def __init__(self) -> None:
        self._least_s, self._at_s = math.inf, 0.0

    def of(self, stamp_s: float, now_s: float) -> float:
        """Return seconds, 0 or more, of a frame with this time stamp that came now."""
        self._least_s = min(now_s - stamp_s, self._least_s + DRIFT * (now_s - self._at_s))
        self._at_s = now_s
        return now_s - stamp_s - self._least_s


class Video:
    """What an OpenCV capture gives.

    Args:
        open_capture: opens it; once more for every round of a looped file.
        name: what errors call it, without secrets.
        live: a camera; False = a file, which has an end.
        stamped: a camera whose frames have time stamps that can be trusted.
        clock: monotonic seconds.

    Raises:
        SourceError: a file that cannot be opened.
        SourceLost: a camera that cannot be opened.
    """

    def __init__(
        self,
        open_capture: Callable[[], cv2.VideoCapture],
        name: str,
        camera: Camera,
        *,
        live: bool,
        stamped: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.live = live
        self._camera, self._clock = camera, clock
        self._lag = Lag() if stamped else None
        self._open = open_capture
        self._capture = open_capture()
        self._began_s, self._last_s = 0.0, 0.0
        """Seconds into the file: where this round began, where the last frame was."""
        self._frames = 0
        """Of this round."""

    def _own_fps(self) -> float:
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        return fps if 0 < fps <= 1000 else 25.0

    def read(self) -> tuple[Frame, float | None] | None:
        """Read the next frame, and of a file its place in seconds, over all rounds; None = the end of a file.

        Raises:
            ImageError: this frame is broken; the next may not be.
            SourceLost: a camera that gives none any more.
            SourceError: a file without frames, or with too large ones.
        """
        began_s = self._clock()
        if not self._capture.grab():
            return self._at_end(began_s)
        if self.live:
            self._demand_new(began_s)
        self._frames += 1
        seconds = None if self.live else self._seconds()
        self._demand_room()
        good, frame = self._capture.retrieve()
        if not good:
            raise ImageError(
                f"{self.name}: expected a frame, got one that cannot be decoded; check the cable or network"
            )
        return frame, seconds  # type: ignore[return-value]

    def _demand_new(self, began_s: float) -> None:
        """Refuse a frame that a decoder held back: after a timeout FFmpeg gives the last ones, as if they were new.

        Raises:
            SourceLost: it came too late, or was made long ago.
        """
        now_s, most_s = self._clock(), self._camera.timeout_s
        if now_s - began_s >= most_s:
            raise no_new_frames(self.name, most_s)
        if self._lag is not None and self._lag.of(self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000, now_s) >= most_s:
            raise no_new_frames(self.name, most_s)

    def _demand_room(self) -> None:
        """Refuse frames of more than ``MOST_PIXELS``.

        Raises:
            SourceError: they are larger; of a camera it is a SourceLost, as it may be set to another size.
        """
        width, height = (self._capture.get(side) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if width * height > MOST_PIXELS:
            error = SourceLost if self.live else SourceError
            raise error(
                f"{self.name}: expected frames of up to {MOST_PIXELS} pixels, got {width:.0f}×{height:.0f}; "
                "set the camera to a smaller size"
            )

    def _seconds(self) -> float:
        """Return place of the frame that was grabbed; always later than the one before."""
        place = self._began_s + self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if self._frames > 1 and place <= self._last_s:
            place = self._last_s + 1 / self._own_fps()
        self._last_s = max(place, self._last_s)
        return self._last_s

    def _at_end(self, began_s: float) -> tuple[Frame, float | None] | None:
        if self.live and self._clock() - began_s >= self._camera.timeout_s:
            raise no_new_frames(self.name, self._camera.timeout_s)
        if self.live:
            raise SourceLost(f"{self.name}: expected frames, got no more; check the camera, its power and network")
        if not self._frames:
            raise SourceError(
                f"{self.name}: expected a video, got no frame that can be decoded; convert or copy it again"
            )
        self._warn_of_missing()
        if not self._camera.loop:
            return None
        self._capture.release()
        self._began_s, self._frames = self._last_s + 1 / self._own_fps(), 0
        self._capture = self._open()
        return self.read()

    def _warn_of_missing(self) -> None:
        """Say that a file ended far before its end, once."""
        expected = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        if self._began_s == 0 and self._frames < WHOLE * expected:
            log.warning(
                "%s: expected %d frames, got %d; the file is damaged or cut short, copy it again",
                self.name,
                expected,
                self._frames,
            )

    def close(self) -> None:
        """Let go of the camera or file."""
        self._capture.release()
