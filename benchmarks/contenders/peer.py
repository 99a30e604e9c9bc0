"""What contenders have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any

import cv2
import numpy as np

from ...runtime.geometry.images import Frame, Points
from ..record import installed
from . import Found, Unavailable


class OneByOne(ABC):
    """A contender that reads photos one after the other."""

    def __init__(self, *packages: str) -> None:
        self._packages = packages

    @property
    def versions(self) -> dict[str, str]:
        """Of its libraries; looked up when asked for, as that takes time which is not the contender's."""
        return installed(*self._packages)

    @abstractmethod
    def read(self, frame: Frame) -> list[Found]:
        """Return every text with a digit in a photo (H, W, 3) uint8 BGR."""

    def read_many(self, frames: Iterable[Frame]) -> Iterator[list[Found]]:
        """Return what `read` gives for each photo, in their order."""
        return map(self.read, frames)


def library(name: str, install: str) -> Any:
    """Import a contender's library.

    Raises:
        Unavailable: it is not installed, or cannot be loaded.
    """
    try:
        return import_module(name)
    except (ImportError, OSError, RuntimeError) as exc:
        raise Unavailable(f"{name} cannot be imported ({exc}): {install}") from exc


def box(left: float, top: float, right: float, bottom: float) -> Points:
    """Return the quad (4, 2) float32 of an upright box, clockwise from its top left."""
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)


def limit_opencv(threads: int) -> None:
    """Let OpenCV use so many threads in this process; 0 = as many as there are cores, its default."""
    if threads:
        cv2.setNumThreads(threads)
