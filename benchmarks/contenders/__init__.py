"""What is measured: readers of numbers behind one small interface, each in a file of its own.

Importing this package, or a contender's file, imports none of their libraries: a contender is opened in a process of
its own, and only there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...runtime.geometry.images import Frame


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a contender is opened; what does not concern one, it leaves alone."""

    bundle: str = "digits-edge"
    """A bundle's name or folder, for those that run one."""
    backend: str = "auto"
    precision: str | None = None
    canvas_px: int | None = None
    """Longest side of what the detector sees; None = as the bundle says."""
    threads: int = 0
    """Threads that one reader may use; 0 = as many as there are cores."""


@dataclass(frozen=True)
class Found:
    """A text that a contender read somewhere in a photo, or in a crop."""

    text: str
    confidence: float
    """0..1."""
    quad: NDArray[np.float32] | None = None
    """(4, 2) corners x, y, pixels of the photo, clockwise from the text's top left; None for a crop."""


class Contender(Protocol):
    """A reader of numbers, loaded."""

    @property
    def versions(self) -> dict[str, str]:
        """Library → version, of all that takes part."""

    def read(self, frame: Frame) -> list[Found]:
        """Every text with a digit in a photo (H, W, 3) uint8 BGR."""

    def recognize(self, crop: Frame) -> Found:
        """What a picture says that is cut to one text, (H, W, 3) uint8 BGR; text "" for nothing."""

    def read_many(self, frames: Iterable[Frame]) -> Iterator[list[Found]]:
        """What `read` gives for each photo, in their order, faster where the contender can."""


class Unavailable(Exception):
    """A contender that cannot run here: the sentence says why, and what installs it."""


OPENERS: dict[str, str] = {
    "nothing": "nothing",
    "edgereader": "edgereader",
    "pytorch": "pytorch",
    "pytorch-compile": "pytorch",
    "tesseract": "tesseract",
    "tesseract-sweep": "tesseract_sweep",
    "rapidocr": "rapid_ocr",
    "easyocr": "easy_ocr",
    "onnxtr": "onnx_tr",
}
"""Contender → the file of this package with its `open_contender`."""


SHAREABLE = frozenset({"nothing", "edgereader"})
"""Contenders of which one serves several threads; of others each thread has one of its own."""


def opener(name: str) -> Callable[[str, Options], Contender]:
    """The function that loads a contender; it is called with the contender's name and options.

    Raises:
        ValueError: no contender is called so.
        Unavailable: from the function, when it cannot run here.
    """
    if name not in OPENERS:
        raise ValueError(f"contender {name!r}: expected one of {', '.join(OPENERS)}")
    open_contender: Callable[[str, Options], Contender] = import_module(f".{OPENERS[name]}", __name__).open_contender
    return open_contender


def with_digits(found: Sequence[Found]) -> list[Found]:
    """Those texts that hold a digit."""
    return [each for each in found if any(character in "0123456789" for character in each.text)]
