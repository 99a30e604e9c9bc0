"""Backends ``cuda`` and ``tensorrt-ep``: ONNX Runtime on an NVIDIA GPU.

CUDA graphs stay off in both. ONNX Runtime captures them in CUDA's global mode, in which no other thread of the process
may allocate device memory meanwhile; it captures one for every thread, frees none before its session, and cannot go on
after a capture that failed. The native backends capture theirs.
"""

import ctypes
import io
import logging
import os
import re
from contextlib import redirect_stdout, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..bundles.bundle import Checked
from ..bundles.manifest import Profile
from ..errors import BackendError, BackendUnavailable, one_line
from .nvidia import Driver, expect_process, nvidia_driver
from .onnx_runtime import OnnxRuntimeBinding, OnnxRuntimeSession
from .onnx_runtime_wheel import CUDA, PROVIDERS, TENSORRT, expect_wheel, lacks, missing_library

TF32 = False
"""Whether fp32 is multiplied with 10 bits of mantissa. No: fp32 is what everything is measured against, and who wants
speed takes fp16, which went through the gate. The TensorRT provider has no such switch: there TensorRT decides."""
MEMORY_SHARE = 0.5
"""Of the GPU's memory, what one session may take: there are two, and on a Jetson the CPU lives in the same memory."""
NVINFER = "libnvinfer.so.10", "libnvinfer.so.11"
"""TensorRT's library; the providers from 1.19 to 1.31 link the first."""
DEVICE = "cuda"
OUT_OF_MEMORY = re.compile(r"out of memory|failed to allocate|smaller than requested|ALLOC_FAILED", re.IGNORECASE)
log = logging.getLogger("edgereader")


def open_gpu(ort: Any, graph: Checked, options: Any, backend: str, precision: str, profile: Profile) -> Any:
    """Return an ONNX Runtime session that has the backend's provider, never another one in its place.

    Raises:
        BackendUnavailable: driver, wheel or a library is missing, or does not fit the others.
        BackendError: the graph cannot be loaded.
    """
    driver, provider = nvidia_driver(), PROVIDERS[backend]
    expect_wheel(ort, backend, driver)
    if hasattr(ort, "preload_dlls"):
        with redirect_stdout(io.StringIO()):  # it prints what it does not find; below that is told, if it matters
            ort.preload_dlls()
    providers: list[tuple[str, dict[str, Any]]] = [(CUDA, _cuda_options(driver))]
    if backend == "tensorrt-ep":
        providers.insert(0, (TENSORRT, _tensorrt_options(ort, graph, precision, profile, driver)))
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    try:
        session = ort.InferenceSession(graph.contents, options, providers=providers, enable_fallback=0)
    except Exception as exc:
        if (missing := missing_library(ort, provider)) is not None:
            raise BackendUnavailable(lacks(ort, backend, missing)) from exc
        raise _translated(exc, f"{backend}: {graph.path}") from exc
    if (running := session.get_providers())[0] != provider:
        got = lacks(ort, backend, missing_library(ort, provider) or "a library")
        raise BackendUnavailable(f"{got} (ONNX Runtime would run {running[0]} instead)")
    _expect_nodes(session, provider, backend, graph.path)
    return session


def _expect_nodes(session: Any, provider: str, backend: str, path: Path) -> None:
    """See that the provider really runs the graph, and say how much of it; older ones cannot tell."""
    if not hasattr(session, "get_provider_graph_assignment_info"):
        return
    parts = [(part.ep_name, len(part.get_nodes())) for part in session.get_provider_graph_assignment_info()]
    taken, every = sum(count for name, count in parts if name == provider), sum(count for _, count in parts)
    if taken == 0:
        raise BackendError(f"{backend}: expected it to run {path}, got all {every} nodes elsewhere; export it again")
    log.info("%s runs %d of the %d nodes of %s", backend, taken, every, path.name)


def _cuda_options(driver: Driver) -> dict[str, Any]:
    """Heuristics, as a search among all algorithms would begin anew for every canvas and batch, and a camera waits."""
    return {
        "cudnn_conv_algo_search": "HEURISTIC",
        "use_tf32": int(TF32),
        "arena_extend_strategy": "kSameAsRequested",
        "gpu_mem_limit": int(driver.gpus[0].memory_bytes * MEMORY_SHARE),
    }


def _tensorrt_options(ort: Any, graph: Checked, precision: str, profile: Profile, driver: Driver) -> dict[str, Any]:
    """The engine is built for the profile and kept; fp16 is allowed only for a graph in fp16.

    Then TensorRT may use it in layers too that the graph keeps in fp32: the provider builds weakly typed, which the
    native backends do not. `edgereader verify` says whether it matters.
    """
    versions = f"onnxruntime-{ort.__version__}", f"tensorrt-{_tensorrt_version(ort)}"
    folder = cache_folder(graph, *versions, driver.gpus[0].compute_capability)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise BackendUnavailable(f"{folder}: expected a folder for engines, got: {exc}; make it writable") from exc
    if not any(folder.glob("*.engine")):
        log.warning(
            "tensorrt-ep builds its engine for %s, once, into %s: this may take minutes", graph.path.name, folder
        )
    shapes = {
        f"trt_profile_{which}_shapes": ",".join(
            f"{name}:{'x'.join(map(str, getattr(limits, which)))}" for name, limits in profile.items()
        )
        for which in ("min", "opt", "max")
    }
    return {
        "trt_engine_cache_enable": True,
        "trt_engine_cache_path": str(folder),
        "trt_timing_cache_enable": True,
        "trt_timing_cache_path": str(folder),
        "trt_fp16_enable": "fp16" in precision,
        "trt_int8_enable": "int8" in precision,
        **shapes,
    }


def cache_folder(graph: Checked, *versions: str) -> Path:
    """Return where engines of a graph are kept: another graph, ONNX Runtime, TensorRT or GPU has another folder.

    It is the user's own and not the bundle's: ONNX Runtime runs what it finds there, which no checksum vouches for.
    """
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return caches / "edgereader" / "tensorrt-ep" / sha256(graph.contents).hexdigest() / "-".join(versions)


def _tensorrt_version(ort: Any) -> str:
    """TensorRT's version as its library says it, "101304"; its wheel, where there is one, brings the library in."""
    with suppress(ImportError, OSError):
        import tensorrt  # noqa: F401
    for name in NVINFER:
        with suppress(OSError):
            return str(ctypes.CDLL(name).getInferLibVersion())
    raise BackendUnavailable(lacks(ort, "tensorrt-ep", NVINFER[0]))


def _translated(exc: Exception, what: str) -> BackendError:
    if OUT_OF_MEMORY.search(str(exc)):
        fix = "take a smaller canvas, or close what else uses the GPU"
        return BackendError(f"{what}: the GPU has no memory left: {one_line(exc)}; {fix}")
    return BackendError(f"{what}: ONNX Runtime failed: {one_line(exc)}; `edgereader doctor` says what is wrong")


class GpuBinding(OnnxRuntimeBinding):
    """Arrays whose rows `start` copies to the GPU and back, into buffers that are allocated once for a batch size.

    Batches are run as 1, 2, 4, 8, … rows: every size that ONNX Runtime meets costs it a choice of algorithms and
    memory. Its Python interface waits for the GPU, so `start` returns when all is done, and `wait` does nothing.
    """

    def __init__(self, session: Any, arrays: dict[str, NDArray[Any]], outputs: set[str], batched: set[str]) -> None:
        super().__init__(session, arrays, outputs, batched)
        self._uploads: dict[int, list[tuple[Any, NDArray[Any]]]] = {}
        self._process = os.getpid()

    def _start(self, batch: int) -> None:
        """A few rows beyond the batch may be written too; after an error other bindings and batches may still run."""
        expect_process(self._process)
        rows = min(1 << (batch - 1).bit_length(), self.rows or 1)
        try:
            if rows not in self._bindings:
                self._bindings[rows] = self._bound(rows)
            for value, array in self._uploads[rows]:
                value.update_inplace(array)
            self._session.run_with_iobinding(self._bindings[rows])
        except Exception as exc:
            self._bindings.pop(rows, None)
            self._uploads.pop(rows, None)
            sizes = ", ".join(f"{name} {self._rows(name, array, rows).shape}" for name, array in self.inputs.items())
            raise _translated(exc, sizes) from exc

    def _bound(self, rows: int) -> Any:
        """Inputs in buffers on the GPU; outputs in the arrays themselves, to which ONNX Runtime copies them."""
        from onnxruntime import OrtValue

        bound, self._uploads[rows] = self._session.io_binding(), []
        for name, whole in self.inputs.items():
            array = self._rows(name, whole, rows)
            value = OrtValue.ortvalue_from_shape_and_type(array.shape, array.dtype, DEVICE, 0)
            bound.bind_ortvalue_input(name, value)
            self._uploads[rows].append((value, array))
        for name, whole in self.outputs.items():
            bound.bind_ortvalue_output(name, OrtValue.ortvalue_from_numpy(self._rows(name, whole, rows)))
        return bound


class OnnxRuntimeGpuSession(OnnxRuntimeSession):
    """A model that the backend's provider runs, never another one in its place; see `open_gpu`."""

    BINDING = GpuBinding

    def _open(self, ort: Any, graph: Checked, options: Any) -> Any:
        return open_gpu(ort, graph, options, self.backend, self.precision, self._profile)
