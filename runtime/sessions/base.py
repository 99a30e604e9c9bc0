"""What a backend gives: a session that runs a model, and bindings, the buffers that it runs in."""

from collections.abc import Mapping
from typing import Any, Protocol

from numpy.typing import NDArray

from ..bundles.manifest import ShapeRange


class Binding(Protocol):
    """Buffers of fixed shapes in which a session runs, of one thread at a time: `start` refuses another one."""

    @property
    def inputs(self) -> Mapping[str, NDArray[Any]]:
        """Name → array to write in place, not between `start` and `wait`."""

    @property
    def outputs(self) -> Mapping[str, NDArray[Any]]:
        """Name → array to read in place, valid from `wait` until the next `start`."""

    def start(self, batch: int) -> None:
        """Begin to run the first ``batch`` rows of the inputs whose first axis is the batch; a CPU has then done it."""

    def wait(self) -> None:
        """Return when what was started is done."""

    def run(self, batch: int) -> None:
        """Start and wait."""

    def release(self) -> None:
        """Let the next thread that starts it have it."""


class Session(Protocol):
    """A loaded model; safe to share between threads, which bind buffers of their own."""

    @property
    def backend(self) -> str:
        """Name of the backend that really runs it."""

    @property
    def precision(self) -> str:
        """The precision that it runs in: "fp32", …"""

    def output_shape(self, name: str) -> tuple[int | None, ...]:
        """Return the shape of an output, None where the graph leaves it open."""

    def limits(self, name: str) -> ShapeRange | None:
        """Return the shapes that an input may have; None = any that the model takes."""

    def bind(self, shapes: Mapping[str, tuple[int, ...]], *, batched: tuple[str, ...]) -> Binding:
        """Allocate buffers of these shapes, one for every input and output; ``batched`` ones have a batch axis."""
