"""What is measured: readers of numbers behind one small interface, each in a file of its own.

Importing this package, or a contender's file, imports none of their libraries: a contender is opened in a process of
its own, and only there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module

import click
import msgspec
import numpy as np
from numpy.typing import NDArray

from ...runtime.errors import BackendUnavailable
from ...runtime.geometry.images import Frame
from ..record import installed


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


class Contender(ABC):
    """A reader of numbers, loaded."""

    def __init__(self, *packages: str) -> None:
        """Name the libraries that take part."""
        self._packages = packages

    @property
    def versions(self) -> dict[str, str]:
        """Library → version; looked up when asked for, as that takes time which is not the contender's."""
        return installed(*self._packages)

    @abstractmethod
    def read(self, frame: Frame) -> list[Found]:
        """Return every text with a digit in a photo (H, W, 3) uint8 BGR."""

    @abstractmethod
    def recognize(self, crop: Frame) -> Found:
        """Return what a picture says that is cut to one text, (H, W, 3) uint8 BGR; text "" for nothing."""

    def read_many(self, frames: Iterable[Frame]) -> Iterator[list[Found]]:
        """Return what `read` gives for each photo, in their order, faster where the contender can."""
        return map(self.read, frames)


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
PEERS = tuple(name for name in OPENERS if name != "edgereader")
"""Contenders that an evaluation may be asked for beside the bundle, which it measures anyway."""
SHAREABLE = frozenset({"nothing", "edgereader"})
"""Contenders of which one serves several threads; of others each thread has one of its own."""


def opener(name: str) -> Callable[[str, Options], Contender]:
    """Return the function that loads a contender; it is called with the contender's name and options.

    Raises:
        ValueError: no contender is called so.
        Unavailable: from the function, when it cannot run here.
    """
    if name not in OPENERS:
        raise ValueError(f"contender {name!r}: expected one of {', '.join(OPENERS)}")
    open_contender: Callable[[str, Options], Contender] = import_module(f".{OPENERS[name]}", __name__).open_contender
    return open_contender


def with_digits(found: Sequence[Found]) -> list[Found]:
    """Return those texts that hold a digit."""
    return [text for text in found if any(character in "0123456789" for character in text.text)]


def open_peers(names: tuple[str, ...], options: Options) -> tuple[dict[str, Contender], dict[str, str]]:
    """Load contenders by their names; one that cannot run here is told on stderr and left out.

    Returns:
        The contenders by name, and of those left out why.

    Raises:
        BackendUnavailable: Contenders are asked for, and none can run here.
    """
    opened: dict[str, Contender] = {}
    missing: dict[str, str] = {}
    for name in dict.fromkeys(names):
        try:
            opened[name] = opener(name)(name, options)
        except Exception as exc:  # noqa: BLE001, a library of others may raise anything
            missing[name] = reason(exc)
    if names and not opened:
        raise BackendUnavailable("; ".join(f"{name}: {why}" for name, why in missing.items()))
    for name, why in missing.items():
        click.echo(f"skipped: {name}: {why}", err=True)
    return opened, missing


def reason(exc: Exception) -> str:
    """Return why a contender did not read, in one line."""
    told = str(exc) if isinstance(exc, Unavailable) else f"{type(exc).__name__}: {exc}"
    return " ".join(told.split())
