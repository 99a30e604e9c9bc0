"""What evaluating one set gives: its figures, and its mistakes to look at."""

from dataclasses import dataclass

from .causes import Quad
from .certainty import Judged
from .figures import Result
from .labelled import LabelledImage
from .scoring import Match


@dataclass(frozen=True)
class Mistake:
    """One image that was not read as labelled."""

    image: LabelledImage
    """The image and its labels."""
    readings: tuple[str, ...]
    """What was read."""
    confidences: tuple[float, ...]
    """How sure each reading is, 0..1."""
    quads: tuple[Quad, ...]
    """Where each reading is, for scenes: float32 (4, 2), pixels."""
    match: Match | None
    """What was missed and what was read wrongly, for scenes."""
    causes: tuple[tuple[str, str], ...]
    """What went wrong, and where or why; at least one."""


@dataclass(frozen=True)
class Outcome:
    """What evaluating one set gives."""

    result: Result
    """The figures."""
    mistakes: list[Mistake]
    """The images that were not read as labelled."""
    judged: Judged | None = None
    """The confidences of crops."""
    uncalibrated: Judged | None = None
    """The same at temperature 1, if that was asked for."""
