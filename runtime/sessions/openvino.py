"""Backend ``openvino``: Intel's runtime on a CPU, in models of fixed shapes.

With open heights and widths OpenVINO 2026.4 computes int8 maps that are wrong by up to 0.95, and says nothing. So a
model is compiled for each canvas, and for each width and number of crops, when it is first needed.
"""

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bundles.bundle import Checked
from ..bundles.manifest import ShapeRange
from ..errors import BackendError, BackendUnavailable, one_line
from ..extras import pip_install
from .buffers import Buffers, StaysHere
from .onnx_runtime import own_pages

BACKEND, DEVICE = "openvino", "CPU"
MOST_COMPILED = 24
"""Models that are kept; one for other shapes takes the place of the one unused for longest."""
DTYPES = {"u8": np.uint8, "f32": np.float32, "i64": np.int64}
PRECISION = "f32"
"""What is not int8 is computed in this; OpenVINO's own choice may be bfloat16."""

Shapes = tuple[tuple[str, tuple[int, ...]], ...]


class OpenVinoBinding(Buffers):
    """Arrays that OpenVINO reads and writes in place; a batch runs as 1, 2, 4, 8, … rows of them."""

    def __init__(self, session: "OpenVinoSession", arrays: dict[str, NDArray[Any]], batched: set[str]) -> None:
        super().__init__({name: array.shape for name, array in arrays.items()}, batched)
        self._session, self._batched, self._requests = session, batched, dict[int, Any]()
        self.inputs = {name: array for name, array in arrays.items() if name in session.inputs}
        self.outputs = {name: array for name, array in arrays.items() if name not in session.inputs}

    def _start(self, batch: int) -> None:
        """A few rows beyond the batch may be written too."""
        self._session.expect_own_process()
        rows = min(1 << (batch - 1).bit_length(), self.rows or 1)
        try:
            if rows not in self._requests:
                self._requests[rows] = self._requested(rows)
            self._requests[rows].infer()
        except Exception as exc:
            raise BackendError(f"a batch of {batch}: OpenVINO failed: {one_line(exc)}; take backend cpu") from exc

    def _requested(self, rows: int) -> Any:
        from openvino import Tensor

        cut = {
            name: array[:rows] if name in self._batched else array
            for name, array in {**self.inputs, **self.outputs}.items()
        }
        request = self._session.compiled(tuple((name, cut[name].shape) for name in self.inputs)).create_infer_request()
        for name, array in cut.items():
            request.set_tensor(name, Tensor(array, shared_memory=True))
        return request


class OpenVinoSession(StaysHere):
    """A graph in OpenVINO; see :class:`~.base.Session`. Safe to share between threads."""

    backend = BACKEND

    def __init__(self, graph: Checked, precision: str = "fp32", threads: int | None = None) -> None:
        """Load a graph: the ONNX file, what it computes in, and how many threads compute, None = one for each core.

        Raises:
            BackendUnavailable: OpenVINO is not installed.
            BackendError: it cannot load the graph.
        """
        try:
            import openvino
        except ImportError as exc:
            raise BackendUnavailable(f"backend {BACKEND} needs OpenVINO: {pip_install(BACKEND)}") from exc
        self.precision, self._path, self._process = precision, graph.path, os.getpid()
        self._core = openvino.Core()
        self._config = {"INFERENCE_PRECISION_HINT": PRECISION, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1}
        self._config |= {"ENABLE_CPU_PINNING": False, "INFERENCE_NUM_THREADS": threads or 0}
        try:
            self._model = self._core.read_model(graph.contents, b"")
        except Exception as exc:
            raise BackendError(f"{graph.path}: expected an ONNX graph, got: {one_line(exc)}; export it again") from exc
        self.inputs = {port.any_name for port in self._model.inputs}
        """Names of the inputs."""
        self._outputs = {port.any_name: port for port in self._model.outputs}
        ports = {port.any_name: port for port in (*self._model.inputs, *self._model.outputs)}
        self._dtypes = {name: DTYPES[port.get_element_type().get_type_name()] for name, port in ports.items()}
        self.compiled = lru_cache(MOST_COMPILED)(self._compiled)

    def output_shape(self, name: str) -> tuple[int | None, ...]:
        """Return the shape of an output, None where the graph leaves it open."""
        if name not in self._outputs:
            got = sorted(self._outputs)
            raise BackendError(f"{self._path}: expected an output {name!r}, got {got}; export it again")
        sizes = self._outputs[name].get_partial_shape()
        return tuple(size.get_length() if size.is_static else None for size in sizes)

    def limits(self, name: str) -> ShapeRange | None:  # noqa: ARG002, it takes all
        """Return the shapes that an input may have: any that the graph takes."""
        return None

    def bind(self, shapes: Mapping[str, tuple[int, ...]], *, batched: tuple[str, ...]) -> OpenVinoBinding:
        """Allocate buffers of these shapes, one for every input and output; ``batched`` ones have a batch axis.

        Raises:
            BackendError: the names are not those of the graph's inputs and outputs.
        """
        if shapes.keys() != self._dtypes.keys():
            got = sorted(self._dtypes)
            raise BackendError(f"{self._path}: expected {sorted(shapes)} in and out, got {got}; export it again")
        arrays = {name: own_pages(shape, self._dtypes[name]) for name, shape in shapes.items()}
        return OpenVinoBinding(self, arrays, set(batched))

    def expect_own_process(self) -> None:
        """Raise BackendError in a process that was forked from the one that opened this: threads do not come along."""
        if os.getpid() != self._process:
            raise BackendError(
                f"expected process {self._process}, which opened OpenVINO, got {os.getpid()}, forked from it; open the "
                "first Reader in each process"
            )

    def _compiled(self, shapes: Shapes) -> Any:
        """The model for inputs of these shapes."""
        model = self._model.clone()
        model.reshape({name: list(shape) for name, shape in shapes})
        return self._core.compile_model(model, DEVICE, self._config)
