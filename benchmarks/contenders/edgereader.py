"""EdgeReader itself, as `edgereader read` runs it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...runtime import Reader, Reading
from ...runtime.errors import BackendUnavailable
from ...runtime.geometry.images import Frame
from ..record import PACKAGES
from . import Contender, Found, Options, Unavailable, with_digits
from .peer import limit_opencv


class EdgeReader(Contender):
    """A reader of a bundle; photos of `read_many` overlap where the backend can."""

    def __init__(self, reader: Reader, packages: Iterable[str] = PACKAGES) -> None:
        super().__init__(*packages)
        self.reader = reader

    def read(self, frame: Frame) -> list[Found]:
        """Return every number in a photo (H, W, 3) uint8 BGR."""
        return _found(self.reader.read(frame))

    def recognize(self, crop: Frame) -> Found:
        """Return what a picture says that is cut to one text; one that is no number gives the nearest one."""
        text = self.reader.recognize([crop])[0]
        return Found(text.text, text.confidence)

    def read_many(self, frames: Iterable[Frame]) -> Iterator[list[Found]]:
        """Return what `read` gives for each photo, in their order."""
        return map(_found, self.reader.read_many(frames))


def _found(readings: list[Reading]) -> list[Found]:
    return with_digits([Found(reading.text, reading.confidence, reading.quad) for reading in readings])


def open_contender(name: str, options: Options) -> Contender:  # noqa: ARG001, it goes by one name
    """Load a bundle's networks.

    Raises:
        Unavailable: the backend cannot run here.
        BundleError: no such bundle or precision, or a damaged file.
    """
    limit_opencv(options.threads)
    size, threads = options.canvas_px, options.threads or None
    try:
        reader = Reader(options.bundle, options.backend, options.precision, long_side_px=size, threads=threads)
    except BackendUnavailable as exc:
        raise Unavailable(str(exc)) from exc
    return EdgeReader(reader)
