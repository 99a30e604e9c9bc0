"""What contenders have in common."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import cv2
import numpy as np

from ...runtime.geometry.images import Points
from . import Unavailable


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
