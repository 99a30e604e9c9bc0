"""ONNX Runtime's backends: ``cpu``, with inputs and outputs bound to numpy arrays; ``onnx_runtime_gpu.py`` has more."""

import ctypes
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from math import prod
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bundles.bundle import Checked
from ..bundles.manifest import Profile, ShapeRange
from ..errors import BackendError, BackendUnavailable, one_line
from ..extras import pip_install
from .buffers import Buffers, StaysHere

PROVIDER = "CPUExecutionProvider"
OWN_PAGES_BYTES = 2**16
MOST_AHEAD_BYTES = 2**25
"""The arena doubles until it grows by so much at once; more is taken only where a tensor is larger."""
DTYPES = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32, "tensor(int64)": np.int64}


class OnnxRuntimeBinding(Buffers):
    """Arrays that ONNX Runtime reads and writes in place; see :class:`~edgereader.runtime.sessions.base.Binding`."""

    def __init__(self, session: Any, arrays: dict[str, NDArray[Any]], outputs: set[str], batched: set[str]) -> None:
        super().__init__({name: array.shape for name, array in arrays.items()}, batched)
        self._session, self._batched = session, batched
        self.inputs: dict[str, NDArray[Any]] = {name: array for name, array in arrays.items() if name not in outputs}
        self.outputs: dict[str, NDArray[Any]] = {name: arrays[name] for name in arrays if name in outputs}
        self._bindings: dict[int, Any] = {}

    def _start(self, batch: int) -> None:
        try:
            if batch not in self._bindings:
                self._bindings[batch] = self._bound(batch)
            self._session.run_with_iobinding(self._bindings[batch])
        except Exception as exc:
            raise BackendError(f"a batch of {batch}: ONNX Runtime failed: {one_line(exc)}; export it again") from exc

    def _bound(self, batch: int) -> Any:
        from onnxruntime import OrtValue

        bound = self._session.io_binding()
        for name, array in self.inputs.items():
            bound.bind_ortvalue_input(name, OrtValue.ortvalue_from_numpy(self._rows(name, array, batch)))
        for name, array in self.outputs.items():
            bound.bind_ortvalue_output(name, OrtValue.ortvalue_from_numpy(self._rows(name, array, batch)))
        return bound

    def _rows(self, name: str, array: NDArray[Any], batch: int) -> NDArray[Any]:
        return array[:batch] if name in self._batched else array


class OnnxRuntimeSession(StaysHere):
    """A graph in ONNX Runtime; see :class:`~.base.Session`. Safe to share between threads."""

    BINDING = OnnxRuntimeBinding
    """The class of its bindings."""

    def __init__(
        self,
        graph: Checked,
        backend: str = "cpu",
        precision: str = "fp32",
        profile: Profile | None = None,
        threads: int | None = None,
    ) -> None:
        """Load a graph.

        Args:
            graph: the ONNX file; its contents are what is loaded.
            backend: "cpu", "cuda" or "tensorrt-ep".
            precision: what the graph computes in.
            profile: shapes that ``tensorrt-ep`` builds its engine for, and takes; the others take all.
            threads: threads that compute on the CPU; None = one for each core.

        Raises:
            BackendUnavailable: the backend cannot run here.
            BackendError: it cannot load the graph.
        """
        self.backend, self.precision = backend, precision
        self._path, self._profile = graph.path, profile or {}
        ort = _onnxruntime(backend)
        options = ort.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = threads or 0
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if precision == "int8-trt":  # its biases have no scale that float16 holds: ONNX Runtime 1.31 gets them wrong
            options.add_session_config_entry("session.disable_quant_qdq", "1")
        self._session = self._open(ort, graph, options)
        self._session._model_bytes = None  # noqa: SLF001, it keeps the file, to start again with another provider
        _trim_heap()
        self._outputs = {output.name: output for output in self._session.get_outputs()}
        types = {node.name: node.type for node in (*self._session.get_inputs(), *self._outputs.values())}
        if not set(types.values()) <= DTYPES.keys():
            raise BackendError(f"{graph.path}: expected {', '.join(DTYPES)} in and out, got {types}; export it again")
        self._dtypes = {name: DTYPES[given] for name, given in types.items()}

    def output_shape(self, name: str) -> tuple[int | None, ...]:
        """Return the shape of an output, None where the graph leaves it open."""
        if name not in self._outputs:
            got = sorted(self._outputs)
            raise BackendError(f"{self._path}: expected an output {name!r}, got {got}; export it again")
        return tuple(size if isinstance(size, int) else None for size in self._outputs[name].shape)

    def limits(self, name: str) -> ShapeRange | None:
        """Return the shapes that an input may have; None = any that the graph takes."""
        return self._profile.get(name)

    def bind(self, shapes: Mapping[str, tuple[int, ...]], *, batched: tuple[str, ...]) -> OnnxRuntimeBinding:
        """Allocate buffers of these shapes, one for every input and output; ``batched`` ones have a batch axis.

        Raises:
            BackendError: the names are not those of the graph's inputs and outputs, or a shape is beyond `limits`.
        """
        if shapes.keys() != self._dtypes.keys():
            got = sorted(self._dtypes)
            raise BackendError(f"{self._path}: expected {sorted(shapes)} in and out, got {got}; export it again")
        for name, limits in self._profile.items():
            if not limits.holds(shapes[name]):
                raise BackendError(
                    f"{self.backend}: {name}: expected {limits.min} to {limits.max}, got {shapes[name]}; stay inside"
                )
        arrays = {name: _zeros(shape, self._dtypes[name]) for name, shape in shapes.items()}
        return self.BINDING(self._session, arrays, set(self._outputs), set(batched))

    def _open(self, ort: Any, graph: Checked, options: Any) -> Any:
        _share_arena(ort)
        options.add_session_config_entry("session.use_env_allocators", "1")
        options.enable_mem_pattern = False  # it keeps a block for each size of pictures, beside the arena
        try:
            return ort.InferenceSession(graph.contents, options, providers=[PROVIDER])
        except Exception as exc:
            raise BackendError(f"{graph.path}: expected an ONNX graph, got: {one_line(exc)}; export it again") from exc


@cache
def _share_arena(ort: Any) -> None:
    """Have all sessions of this process compute in one memory: one runs after another, and none keeps its own."""
    info = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    with suppress(RuntimeError):  # somebody else in this process has shared one already
        ort.create_and_register_allocator(info, ort.OrtArenaCfg({"max_power_of_two_extend_bytes": MOST_AHEAD_BYTES}))


def _trim_heap() -> None:
    """Give back to the system what opening a graph took: the heap would keep it, which is more than the graph."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it
    if trim is not None:
        trim(0)


def _zeros(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Zeros; many of them in pages of their own, which go back to the system whole and leave no hole in the heap.

    They are private, which is not mmap's default: a forked process would write into its parent's.
    """
    size = prod(shape) * np.dtype(dtype).itemsize
    if size < OWN_PAGES_BYTES:
        return np.zeros(shape, dtype)
    return np.frombuffer(mmap(-1, size, MAP_PRIVATE | MAP_ANONYMOUS), dtype).reshape(shape)


def _onnxruntime(backend: str) -> Any:
    try:
        import onnxruntime
    except ImportError as exc:
        extra = "cpu" if backend == "cpu" else "gpu"
        raise BackendUnavailable(f"backend {backend} needs ONNX Runtime: {pip_install(extra)}") from exc
    return onnxruntime
