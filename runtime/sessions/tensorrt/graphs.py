"""CUDA graphs, through cuda-bindings where it is installed: what an engine launches, captured once and replayed as one.

pycuda has none of this. The driver's functions are used, not the runtime's: those want a driver as new as the wheel.
"""

import importlib
import logging
from collections.abc import Callable
from typing import Any

from ...errors import BackendError

MODULE = "cuda.bindings.driver"
log = logging.getLogger("edgereader")


class CudaGraph:
    """A captured graph, ready to be launched."""

    def __init__(self, cuda: Any, executable: Any) -> None:
        self._cuda, self._executable = cuda, executable

    def launch(self, stream: int) -> None:
        """Queue it on a stream, given by its handle.

        Raises:
            BackendError: CUDA failed.
        """
        code, *_ = self._cuda.cuGraphLaunch(self._executable, stream)
        if code != 0:
            raise BackendError(f"CUDA: cuGraphLaunch gave {code.name}; start the process again")

    def close(self) -> None:
        """Free it."""
        if self._executable is not None:
            self._cuda.cuGraphExecDestroy(self._executable)
            self._executable = None


def capture(stream: int, enqueue: Callable[[], bool]) -> CudaGraph | None:
    """Capture what ``enqueue`` queues on a stream, given by its handle, without running it.

    Args:
        stream: not the default stream; nothing else may be queued on it meanwhile.
        enqueue: queues the work, all on this stream or streams that wait for it; False = it failed.

    Returns:
        None where it cannot be captured, or cuda-bindings is not installed; the log says why.
    """
    try:
        cuda = importlib.import_module(MODULE)
        return CudaGraph(cuda, _captured(cuda, stream, enqueue))
    except ImportError as exc:
        log.info("without CUDA graphs, which need cuda-bindings: %s", str(exc))
    except (_Refused, RuntimeError) as exc:  # RuntimeError: cuda-bindings does not find the driver's function
        log.warning("without CUDA graphs: %s", str(exc))
    return None


class _Refused(Exception):
    """CUDA does not capture this."""


def _captured(cuda: Any, stream: int, enqueue: Callable[[], bool]) -> Any:
    """An executable graph; a capture that has begun is always ended, else the stream could not be used again."""
    mode = cuda.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
    _expect("cuStreamBeginCapture", cuda.cuStreamBeginCapture(stream, mode))
    queued = False
    try:
        queued = enqueue()
    finally:
        ended = cuda.cuStreamEndCapture(stream)
    graph = _expect("cuStreamEndCapture", ended)
    try:
        if not queued:
            raise _Refused("TensorRT does not run while it is captured")
        return _expect("cuGraphInstantiate", cuda.cuGraphInstantiate(graph, 0))
    finally:
        cuda.cuGraphDestroy(graph)


def _expect(name: str, answer: Any) -> Any:
    """What a function gave, after its status was found to be success."""
    code, *values = answer
    if code != 0:
        raise _Refused(f"{name} gave {code.name}")
    return values[0] if values else None
