"""Backends, one file each: a backend opens a graph as a :class:`Session`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from ..errors import BackendUnavailable

BACKENDS = ("cpu",)
"""Backends of this version, best first."""


class Binding(Protocol):
    """Buffers of fixed shapes in which a session runs."""

    @property
    def inputs(self) -> Mapping[str, NDArray[Any]]:
        """Name → array to write in place."""

    @property
    def outputs(self) -> Mapping[str, NDArray[Any]]:
        """Name → array to read in place, valid until the next run."""

    def run(self, batch: int) -> None:
        """Run the first ``batch`` rows of the inputs whose first axis is the batch."""


class Session(Protocol):
    """A loaded graph."""

    @property
    def backend(self) -> str:
        """Name of the backend that really runs the graph."""

    def output_shape(self, name: str) -> tuple[int | None, ...]:
        """Shape of an output, None where the graph leaves it open."""

    def bind(self, shapes: Mapping[str, tuple[int, ...]], *, batched: tuple[str, ...]) -> Binding:
        """Allocate buffers of these shapes, one for every input and output; ``batched`` ones have a batch axis."""


def open_session(path: Path, backend: str = "auto") -> Session:
    """Load a graph.

    Args:
        path: an ONNX file.
        backend: "auto" = the best backend that runs here; or a backend's name, which then runs or is an error.

    Raises:
        BackendUnavailable: unknown backend, or its library is not installed.
        BackendError: the backend cannot load the graph.
    """
    if backend not in {"auto", *BACKENDS}:
        raise BackendUnavailable(
            f"backend {backend!r}: this version of edgereader has {', '.join(BACKENDS)}; use one of these, or auto"
        )
    from .onnx_runtime import OnnxRuntimeSession

    return OnnxRuntimeSession(path)
