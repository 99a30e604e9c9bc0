"""A plan loaded by TensorRT, or TensorRT for RTX, and its execution contexts; every status checked, nothing of CUDA."""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np

from ...bundles.manifest import Kind, Profile
from ...errors import BackendError, one_line
from .memory import MAKE_ROOM

INPUTS: dict[Kind, dict[str, type]] = {
    "detector": {"image": np.uint8},
    "recognizer": {"crops": np.uint8, "allowed": np.float32},
}
OUTPUTS: dict[Kind, dict[str, type]] = {
    "detector": {"region": np.float32, "affinity": np.float32},
    "recognizer": {"symbols": np.int64, "log_probs": np.float32},
}
"""The contracts (DESIGN, "Graphs"); an engine may have more outputs, to look into it."""
ERRORS = ("INTERNAL_ERROR", "ERROR")
FIXES = {
    "driver version is insufficient": "update the NVIDIA driver",
    "out of memory": MAKE_ROOM,
    "outofmemory": MAKE_ROOM,
}
"""What TensorRT says, in lower case, of what no other plan would help against."""
log = logging.getLogger("edgereader")


class Engine:
    """A loaded plan."""

    def __init__(self, trt: Any, plan: bytes, name: str, *, host_code: bool = False) -> None:
        """Load a plan, which is code that will run: the caller has seen that its checksum is the bundle's.

        Args:
            trt: the module.
            plan: the file's contents.
            name: the file's, for messages.
            host_code: whether to run the lean runtime inside it, as a version-compatible plan needs.

        Raises:
            BackendError: TensorRT refuses it; the message has what it said.
        """
        self._trt, self.name = trt, name
        with self._translated():
            self._runtime = trt.Runtime(logger_of(trt))
            if host_code:
                self._runtime.engine_host_code_allowed = True
            self._engine = self.expect("deserialize_cuda_engine", self._runtime.deserialize_cuda_engine(plan))
            self._contexts = self._kind_of_contexts()
        names = [self._engine.get_tensor_name(place) for place in range(self._engine.num_io_tensors)]
        self.dtypes = {name: np.dtype(trt.nptype(self._engine.get_tensor_dtype(name))) for name in names}
        modes = {name: self._engine.get_tensor_mode(name) for name in names}
        self.inputs = tuple(name for name in names if modes[name] == trt.TensorIOMode.INPUT)
        self.outputs = tuple(name for name in names if modes[name] == trt.TensorIOMode.OUTPUT)

    def check(self, kind: Kind, profile: Profile) -> None:
        """Check that its inputs, outputs and shapes are the contract's and its passport's.

        Raises:
            BackendError: they are not.
        """
        got = {name: self.dtypes[name].name for name in (*self.inputs, *self.outputs)}
        expected = {name: np.dtype(dtype).name for name, dtype in (INPUTS[kind] | OUTPUTS[kind]).items()}
        wrong = {name for name, dtype in expected.items() if got.get(name) != dtype}
        if wrong or set(self.inputs) != set(INPUTS[kind]) or not set(OUTPUTS[kind]) <= set(self.outputs):
            raise BackendError(f"{self.name}: expected {expected} in and out of a {kind}, got {got}; build it again")
        opened = {name for name in self.inputs if None in self.shape(name) or name in profile}
        shapes = {name: [tuple(shape) for shape in self._engine.get_tensor_profile_shape(name, 0)] for name in opened}
        stated = {name: [limits.min, limits.opt, limits.max] for name, limits in profile.items()}
        if shapes != stated:
            raise BackendError(f"{self.name}: expected the profile {stated}, got {shapes}; build it again")

    def shape(self, name: str) -> tuple[int | None, ...]:
        """Return the shape of an input or output, None where it is open."""
        return tuple(None if size < 0 else size for size in self._engine.get_tensor_shape(name))

    def context(self, shapes: Mapping[str, tuple[int, ...]], addresses: Mapping[str, int]) -> Any:
        """Return an execution context without memory for activations, set to these shapes and addresses for good.

        Raises:
            BackendError: TensorRT refuses one, or the shapes of the outputs do not follow from those of the inputs.
        """
        with self._translated():
            context = self.expect("create_execution_context", self._engine.create_execution_context(self._contexts))
            for name in self.inputs:
                self.expect(f"set_input_shape({name}, {shapes[name]})", context.set_input_shape(name, shapes[name]))
            self.expect("infer_shapes", not context.infer_shapes())
        got = {name: tuple(context.get_tensor_shape(name)) for name in self.outputs}
        wrong = {name: shape for name, shape in got.items() if shape != tuple(shapes[name])}
        if wrong:
            expected = {name: tuple(shapes[name]) for name in wrong}
            raise BackendError(f"{self.name}: expected outputs {expected}, got {wrong}; export and build it again")
        for name, address in addresses.items():
            self.expect(f"set_tensor_address({name})", context.set_tensor_address(name, address))
        return context

    def scratch_bytes(self, context: Any) -> int:
        """Return the bytes for activations that a context needs with its shapes."""
        return context.update_device_memory_size_for_shapes() or self._engine.device_memory_size_v2 or 1

    def expect(self, call: str, answer: Any) -> Any:
        """Return what a call answered, after it was found to be neither None nor False.

        Raises:
            BackendError: it was; the message has what TensorRT said.
        """
        if answer is None or answer is False:
            said = logger_of(self._trt).take() or "nothing more"
            raise BackendError(f"{self.name}: TensorRT refused {call}: {said}; {_fix(said)}")
        return answer

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """TensorRT's Python classes raise these where they cannot be made."""
        try:
            yield
        except BackendError:
            raise
        except (RuntimeError, TypeError) as exc:
            said = f"{one_line(exc)} {logger_of(self._trt).take()}"
            raise BackendError(f"{self.name}: TensorRT failed: {said}; {_fix(said)}") from exc

    def _kind_of_contexts(self) -> Any:
        """What contexts are made with: their memory is ours. TensorRT for RTX compiles kernels for each shape while it
        runs: it keeps them for all contexts, and captures CUDA graphs itself, when the kernels are no longer replaced.
        """
        ours = self._trt.ExecutionContextAllocationStrategy.USER_MANAGED
        if not self.captures:
            return ours
        config = self.expect("create_runtime_config", self._engine.create_runtime_config())
        config.set_execution_context_allocation_strategy(ours)
        config.cuda_graph_strategy = self._trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        self.expect("set_runtime_cache", config.set_runtime_cache(config.create_runtime_cache()))
        return config

    @property
    def captures(self) -> bool:
        """Whether it captures CUDA graphs itself."""
        return hasattr(self._trt, "CudaGraphStrategy")

    def close(self) -> None:
        """Free it, when its contexts are."""
        self._contexts = self._engine = self._runtime = None


def _fix(said: str) -> str:
    """What helps against what TensorRT said."""
    return next((fix for sign, fix in FIXES.items() if sign in said.lower()), "build it again with `edgereader engine`")


@cache
def logger_of(trt: Any) -> Any:
    """Return what TensorRT tells, one for the process: TensorRT keeps the first that it is given."""

    class Logger(trt.ILogger):  # type: ignore[misc]  # a class of the module that was imported
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self._errors: deque[str] = deque(maxlen=8)
            self.listener: Callable[[str, str], None] | None = None

        def log(self, severity: Any, message: str) -> None:
            log.debug("TensorRT: %s: %s", severity.name, message)
            if severity.name in ERRORS:
                self._errors.append(one_line(message))
            if self.listener is not None:  # a build in this process
                self.listener(severity.name, message)

        def take(self) -> str:
            said = " ".join(self._errors)
            self._errors.clear()
            return said

    return Logger()
