"""Cameras, clocks and small videos that tests hold in their hands."""

import resource
import signal
import threading
import time
from contextlib import contextmanager

import cv2
import numpy as np


class Clock:
    """Seconds that pass when `add` or `sleep` is called; a real sleep is short."""

    def __init__(self, now_s=1000.0):
        self._now_s = now_s
        self._lock = threading.Lock()

    def __call__(self):
        return self.add(0.0)

    def sleep(self, seconds):
        self.add(seconds)
        time.sleep(0.0005)

    def add(self, seconds):
        with self._lock:
            self._now_s += seconds
            return self._now_s


def until(found, what="the thread", seconds=60.0):
    """Wait until this is true, and return it; a busy machine is no failure."""
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, f"waited {seconds:g} s in vain for {what}"
        time.sleep(0.01)
    return value


@contextmanager
def files_up_to(size):
    """Writes beyond a size are cut short or fail, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


class FakeSource:
    """Gives items one after another: (frame, seconds), a frame, an error, None, or an Event that a read hangs on."""

    fps = None

    def __init__(self, items, *, live=True):
        self.live = live
        self.name = "fake"
        self.closed = False
        self.reads = 0
        self._items = iter(items)

    def read(self):
        self.reads += 1
        item = next(self._items, None)
        if isinstance(item, threading.Event):
            item.wait(30)
            return self.read()
        if isinstance(item, Exception):
            raise item
        return item if item is None or isinstance(item, tuple) else (item, None)

    def close(self):
        self.closed = True


class Opener:
    """Opens one source after another; an error is raised; the last one is opened again and again."""

    def __init__(self, *sources, clock=lambda: 0.0):
        self.times_s = []
        self._sources = sources
        self._clock = clock

    def __call__(self, _camera):
        source = self._sources[min(len(self.times_s), len(self._sources) - 1)]
        self.times_s.append(self._clock())
        if isinstance(source, Exception):
            raise source
        return source


def picture(number, size_hw=(8, 12)):
    """A frame that differs from those with other numbers."""
    frame = np.full((*size_hw, 3), 200, np.uint8)
    frame[0, 0] = number % 256
    return frame


def numbered(number, size_hw=(240, 320)):
    """A frame (H, W, 3) that differs from all with another number, in places as bright as 10 * number % 256."""
    frame = np.full((*size_hw, 3), 30, np.uint8)
    frame[: size_hw[0] // 2] = 10 * number % 256
    cv2.putText(frame, f"{number:05}", (20, size_hw[0] - 40), cv2.FONT_HERSHEY_SIMPLEX, 2, (255, 255, 255), 5)
    return frame


def jpeg(frame):
    """A frame's JPEG file."""
    return cv2.imencode(".jpg", frame)[1].tobytes()


def write_video(path, count=50, fps=25, fourcc="MJPG"):
    """Write numbered frames as a video."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*fourcc), fps, (320, 240))
    assert writer.isOpened()
    for number in range(count):
        writer.write(numbered(number))
    writer.release()
    return path
