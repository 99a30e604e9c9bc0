"""Text that lies on its side or stands on its head: points turned, and numbers that read upside down too."""

import re
from collections.abc import Callable, Sequence

import numpy as np

from .characters import Points

UPSIDE_DOWN = str.maketrans("01689:/-", "01986:/-")
"""Symbol → what it looks like upside down. Points tell up from down. Seven segments' 2 and 5, which are turned into
themselves too, are left out: in print they are not."""
_TURNABLE = re.compile("[01689]+(?:[:/-][01689]+)*")
SAME_DIRECTION = 0.7
"""Two lines of text run the same way when the cosine between them is at least this (45°)."""


def upside_down(quad: Points) -> Points:
    """Return the same quad (4, 2) as a text has it that stands on its head."""
    return np.roll(quad, 2, axis=0)


def turned_back(points: Points, width: int) -> Points:
    """Map points (..., 2) of a frame that was turned counter-clockwise by 90° back to the frame, ``width`` wide."""
    return np.stack((width - 1 - points[..., 1], points[..., 0]), axis=-1)


def other_way_up(text: str) -> str | None:
    """Return the number that a text shows when it is turned by 180°, maybe the same one; None when that is no number.

    Only 0, 1, 6, 8 and 9 are digits upside down too. A number does not begin with a zero, unless the text does.
    """
    if _TURNABLE.fullmatch(text) is None:
        return None
    other = text.translate(UPSIDE_DOWN)[::-1]
    return None if other[0] == "0" and text[0] != "0" else other


def ambiguous(texts: Sequence[str], quads: Sequence[Points], fits: Callable[[str], bool]) -> list[bool]:
    """Return which readings of a picture could as well stand on their heads.

    A reading is ambiguous when it is a number upside down too, whether another one (6, 9) or the same (69, 88, 1961),
    when pattern and check permit that number, and when nothing tells which way up the picture is: another reading
    that runs the same way and is no number upside down tells it.

    Args:
        texts: the readings.
        quads: (4, 2) of each, clockwise from its text's top left.
        fits: whether a number is one that was asked for.
    """
    others = [other_way_up(text) for text in texts]
    if not any(others):
        return [False] * len(others)
    right = np.stack([quad[1] - quad[0] for quad in quads])
    directions = right / np.maximum(np.hypot(*right.T), 1e-6)[:, None]
    sure = directions[[other is None for other in others]]
    told = (directions @ sure.T).max(axis=1, initial=-1) >= SAME_DIRECTION
    return [other is not None and not tells and fits(other) for other, tells in zip(others, told.tolist(), strict=True)]
