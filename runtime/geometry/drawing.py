"""Readings drawn on a frame."""

from collections.abc import Iterable

import cv2
import numpy as np

from ..reader import Reading
from .images import Frame

COLOUR = (0, 200, 0)


def annotated(frame: Frame, readings: Iterable[Reading]) -> Frame:
    """Copy of a frame (H, W, 3) uint8 BGR with each reading's quad and text."""
    picture = frame.copy()
    thickness = max(round(max(frame.shape[:2]) / 500), 1)
    scale = 0.45 * thickness + 0.1
    for reading in readings:
        cv2.polylines(picture, [reading.quad.round().astype(np.int32)], True, COLOUR, thickness)
        label = f"{reading.text} {reading.confidence:.0%}"
        (width, height), base = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
        x = int(min(max(reading.quad[:, 0].min(), 0), max(frame.shape[1] - width, 0)))
        y = int(max(reading.quad[:, 1].min() - base - thickness, height))
        cv2.rectangle(picture, (x, y - height - base // 2), (x + width, y + base), COLOUR, cv2.FILLED)
        cv2.putText(picture, label, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), thickness, cv2.LINE_AA)
    return picture
