"""The contender that does nothing: what it takes is the harness's own time."""

from __future__ import annotations

from ...runtime.geometry.images import Frame
from . import Contender, Found, Options


class Nothing(Contender):
    """Answers at once, and never finds anything."""

    def read(self, frame: Frame) -> list[Found]:  # noqa: ARG002, the photo is not looked at
        """Return nothing."""
        return []

    def recognize(self, crop: Frame) -> Found:  # noqa: ARG002, nor is the crop
        """Return nothing."""
        return Found("", 0.0)


def open_contender(name: str, options: Options) -> Contender:  # noqa: ARG001, there is nothing to choose
    """Open it; no option concerns it."""
    return Nothing()
