"""Backends ``tensorrt`` and ``tensorrt-rtx``: a bundle's plan, run from page-locked memory on streams of its own.

A session has one stream for copies to the GPU and one for all else, so that the copy into one binding overlaps the
run of another. Runs of a session take turns, in one piece of memory for activations, as large as the largest needs.
Threads take turns too while they queue a run, which is short; they wait for it side by side.
"""

import importlib
import threading
import weakref
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from ...bundles.bundle import Bundle
from ...bundles.manifest import Kind, ShapeRange
from ...errors import BackendError, BackendUnavailable, one_line
from ...extras import pip_install
from ..buffers import Buffers, StaysHere
from ..nvidia import nvidia_driver
from .engines import Engine
from .graphs import CudaGraph, capture
from .memory import PLACE, Array, Buffer, Event, Owned, Scratch, Stream, open_device
from .plans import usable_plan

MODULES = {"tensorrt": "tensorrt", "tensorrt-rtx": "tensorrt_rtx"}


class TensorRTSession(StaysHere):
    """A plan that is loaded; see :class:`~edgereader.runtime.sessions.base.Session`. Safe to share between threads."""

    def __init__(self, bundle: Bundle, kind: Kind, backend: str, precision: str | None = None) -> None:
        """Load the best plan that runs here; arguments are those of `usable_plan`.

        Raises:
            BundleError: no such model.
            BackendUnavailable: a package, the driver or a plan for this machine is missing.
            BackendError: TensorRT or CUDA refuse the plan, or its inputs and outputs are not the contract's.
        """
        trt, driver = _imported(backend, MODULES[backend]), _imported(backend, "pycuda.driver")
        gpu = nvidia_driver().gpus[PLACE]
        passport, plan = usable_plan(bundle, kind, backend, precision, trt.__version__, gpu.compute_capability)
        self.backend, self.precision = backend, passport.precision
        self.device = open_device(driver, integrated=gpu.integrated)
        self.turn = threading.RLock()  # an RLock, as what is forgotten is closed in the middle of something else
        self._limits, self._owned = passport.profile, Owned(self.device, turn=self.turn)
        try:
            with self.device.current():
                host_code = "version-compatible" in passport.flags
                self.engine = self._owned.add(Engine(trt, plan.contents, plan.path.name, host_code=host_code))
                self.engine.check(kind, passport.profile)
                self.uploads, self.runs = (self._owned.add(Stream(self.device)) for _ in range(2))
                self.scratch = self._owned.add(Scratch(self.device, self.runs))
        except BaseException:
            self._owned.close()
            raise
        self._close = weakref.finalize(self, self._owned.close)
        self.graphs = not self.engine.captures

    def output_shape(self, name: str) -> tuple[int | None, ...]:
        """Return the shape of an output, None where the graph leaves it open."""
        if name not in self.engine.outputs:
            got = sorted(self.engine.outputs)
            raise BackendError(f"{self.engine.name}: expected an output {name!r}, got {got}; build it again")
        return self.engine.shape(name)

    def limits(self, name: str) -> ShapeRange | None:
        """Return the shapes that the plan takes for an input; None = one only."""
        return self._limits.get(name)

    def bind(self, shapes: Mapping[str, tuple[int, ...]], *, batched: tuple[str, ...]) -> "TensorRTBinding":
        """Allocate buffers of these shapes, one for every input and output; ``batched`` ones have a batch axis.

        Raises:
            BackendError: other names than the plan's, a shape that it does not take, or not enough memory; the
                session and its other bindings can still be used.
        """
        if shapes.keys() != self.engine.dtypes.keys():
            got = sorted(self.engine.dtypes)
            raise BackendError(f"{self.engine.name}: expected {sorted(shapes)} in and out, got {got}; build it again")
        for name, limits in self._limits.items():
            if not limits.holds(shapes[name]):
                raise BackendError(
                    f"{self.engine.name}: expected {name} of {limits.min} to {limits.max}, got {tuple(shapes[name])}; "
                    "use another canvas (long_side_px) or batch, or build a plan with `edgereader engine` that takes it"
                )
        return TensorRTBinding(self, shapes, frozenset(batched))

    def expect_open(self) -> None:
        """Raise BackendError when it is closed."""
        if not self._close.alive:
            raise BackendError(f"{self.engine.name}: expected an open session, got a closed one; open it again")

    def close(self) -> None:
        """Free it; its bindings can no longer run. It is freed without this when it is forgotten."""
        self._close()


class TensorRTBinding(Buffers):
    """Page-locked arrays and the GPU's memory for them; see :class:`~edgereader.runtime.sessions.base.Binding`.

    Batches run as the next power of two, whose other rows are left over from before: then there are few shapes, and
    for each a context and a CUDA graph can be kept.
    """

    def __init__(
        self, session: TensorRTSession, shapes: Mapping[str, tuple[int, ...]], batched: frozenset[str]
    ) -> None:
        super().__init__(shapes, batched)
        self._session, self._shapes, self._batched = session, dict(shapes), batched
        self._least = max((limits.min[0] for name in batched if (limits := session.limits(name))), default=1)
        self._launches: dict[int, Launch] = {}
        self._running = False
        device, engine = session.device, session.engine
        self._owned = Owned(device, session.runs, session.turn)
        try:
            with session.turn, device.current():
                session.expect_open()
                self._arrays = {
                    name: self._owned.add(Array(device, shape, engine.dtypes[name])) for name, shape in shapes.items()
                }
                self._uploaded, self._done = (self._owned.add(Event(device)) for _ in range(2))
                self._launch(self.rows).prepare()
        except BaseException:
            self._owned.close()
            raise
        # after the arrays' own, so that at exit it comes before theirs, and waits for what runs
        self._close = weakref.finalize(self, self._owned.close)
        self.inputs: dict[str, NDArray[Any]] = {name: self._arrays[name].host for name in engine.inputs}
        self.outputs: dict[str, NDArray[Any]] = {name: self._arrays[name].host for name in engine.outputs}

    def _start(self, batch: int) -> None:
        """Queue the rows; what was started before is waited for."""
        session = self._session
        rows = dict.fromkeys(self._batched, batch)
        with session.turn, session.device.current():
            session.expect_open()
            if not self._close.alive:
                raise BackendError(f"{session.engine.name}: expected an open binding, got a closed one; bind it again")
            self.wait()
            for name in self.inputs:
                self._arrays[name].upload(session.uploads, rows.get(name))
            self._uploaded.record(session.uploads)
            session.runs.wait_for(self._uploaded)
            self._launch(self._padded(batch)).queue()
            for name in self.outputs:
                self._arrays[name].download(session.runs, rows.get(name))
            self._done.record(session.runs)
        self._running = True

    def wait(self) -> None:
        """Return when what was started is done.

        Raises:
            BackendError: CUDA failed.
        """
        if self._running:
            self._running = False
            with self._session.device.current():
                self._done.wait()

    def _padded(self, batch: int) -> int:
        """Rows that run for a batch; 0 = all there are, where nothing has a batch axis."""
        return min(self.rows, max(self._least, 1 << (batch - 1).bit_length()))

    def _launch(self, rows: int) -> "Launch":
        if rows not in self._launches:
            shapes = {
                name: (rows, *shape[1:]) if name in self._batched else shape for name, shape in self._shapes.items()
            }
            addresses = {name: array.address for name, array in self._arrays.items()}
            self._launches[rows] = self._owned.add(Launch(self._session, shapes, addresses))
        return self._launches[rows]

    def close(self) -> None:
        """Free it; its arrays stay while somebody holds them. It is freed without this when it is forgotten."""
        self._close()


class Launch:
    """A plan with shapes and addresses that stay: queued plainly first, and then as a CUDA graph."""

    def __init__(
        self, session: TensorRTSession, shapes: Mapping[str, tuple[int, ...]], addresses: Mapping[str, int]
    ) -> None:
        self._session = session
        self._context = session.engine.context(shapes, addresses)
        self._need = session.engine.scratch_bytes(self._context)
        self._scratch: Buffer | None = None
        self._graph: CudaGraph | None = None
        self._warm = False

    def prepare(self) -> None:
        """Have the memory for activations; where it is another than before, the graph with its address is void."""
        scratch = self._session.scratch.of(self._need)
        if scratch is not self._scratch:
            self._drop_graph()
            self._context.set_device_memory(scratch.address, scratch.bytes)
            self._scratch, self._warm = scratch, False

    def queue(self) -> None:
        """Queue it on the session's stream."""
        self.prepare()
        session, stream = self._session, self._session.runs.handle
        if self._warm and self._graph is None and session.graphs:
            self._graph = capture(stream, lambda: bool(self._context.execute_async_v3(stream)))
            session.graphs = self._graph is not None
        if self._graph is not None:
            self._graph.launch(stream)
        else:
            session.engine.expect("execute_async_v3", self._context.execute_async_v3(stream))
            self._warm = True

    def close(self) -> None:
        """Free it."""
        self._drop_graph()
        self._context = None

    def _drop_graph(self) -> None:
        graph, self._graph = self._graph, None
        if graph is not None:
            graph.close()


def _imported(backend: str, module: str) -> Any:
    try:
        return importlib.import_module(module)
    except (ImportError, OSError) as exc:
        package = module.partition(".")[0]
        fix = pip_install(backend) + (", with CUDA's nvcc on PATH" if package == "pycuda" else "")
        raise BackendUnavailable(f"backend {backend} needs {package}: {one_line(exc)}; {fix}") from exc
