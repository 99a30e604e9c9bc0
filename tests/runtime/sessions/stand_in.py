"""A stand-in of what the TensorRT sessions call of pycuda.driver, tensorrt and cuda.bindings.driver: no GPU runs here.

Names and arguments are those of pycuda 2026.1 (src/wrapper/wrap_cudadrv.cpp), TensorRT for RTX 1.7.1 and cuda-bindings
13.5; what is private to the stand-in begins with an underscore. The GPU's memory is arrays, a plan is an ONNX file
that ONNX Runtime runs, and work in a stream is done as late as CUDA may do it: when something waits for it.
"""

import ctypes
import enum
import json
import sys
import threading
import weakref
from types import ModuleType

import numpy as np

from edgereader.runtime.sessions.nvidia import Driver
from edgereader.runtime.sessions.nvidia import Gpu as NvidiaGpu

MAGIC, FREED, ALIGNMENT = b"PLAN", 0xDB, 256
MODULES = ("pycuda", "pycuda.driver", "tensorrt", "tensorrt_rtx", "cuda", "cuda.bindings", "cuda.bindings.driver")
VERSIONS = {"tensorrt": "10.3.0", "tensorrt_rtx": "1.7.1.116"}


class Gpu:
    """The GPU: its memory, what was called, and what is to fail."""

    def __init__(self, *, integrated=False, eager=False, capacity=1 << 30, capability="sm86"):
        self.integrated, self.eager, self.capability = integrated, eager, capability
        self.free_bytes = capacity
        self.memory, self.pinned, self.streams = {}, {}, weakref.WeakValueDictionary()
        self.calls, self.failing, self.launches = [], {}, []
        self.alive, self.made, self.leaked, self.faults = 0, 0, [], []
        self._next, self._local = 1 << 20, threading.local()
        self.works = threading.RLock()
        """Held by the thread in which work is done: a stream's is done in order, whoever waits for it."""

    @property
    def contexts(self):
        """This thread's stack of contexts."""
        if not hasattr(self._local, "stack"):
            self._local.stack = []
        return self._local.stack

    def called(self, name, *, context=True):
        """Note a call; False = it is to fail."""
        if context and not self.contexts:
            raise AssertionError(f"{name}: no context is current, CUDA would fail with 'invalid device context'")
        self.calls.append(name)
        left = self.failing.get(name)
        if left is None:
            return True
        self.failing[name] = left - 1
        return left > 0

    def fail(self, name, after=0):
        """Let a call fail, after it worked so many times."""
        self.failing[name] = after

    def allocate(self, array):
        address = self._next
        self._next += -(-array.nbytes // ALIGNMENT) * ALIGNMENT + ALIGNMENT
        self.memory[address] = array
        return address

    def at(self, address, size, memory=None):
        """Bytes of the GPU's memory; what is not allocated is an illegal address."""
        for start, array in list((self.memory if memory is None else memory).items()):
            if start <= address and address + size <= start + array.nbytes:
                return array[address - start : address - start + size]
        self.faults.append((address, size))
        raise self.driver.LaunchError("illegal memory access")

    def on_host(self, array):
        """A function that gives an array's bytes when a copy gets to it: it must then still be page-locked memory."""
        assert array.flags.c_contiguous
        address, size = array.ctypes.data, array.nbytes
        return lambda: self.at(address, size, self.pinned)

    @property
    def held(self):
        """All that was made and not freed: allocations on the GPU, page-locked ones, and other objects."""
        return len(self.memory), len(self.pinned), self.alive


def install(monkeypatch, gpu, *, graphs=True, flavours=("tensorrt", "tensorrt_rtx")):
    """Put the stand-in's modules in the place of the libraries, and its GPU in that of the driver's."""
    gpu.driver = make_pycuda(gpu)
    modules = dict.fromkeys(MODULES)
    modules |= {"pycuda": ModuleType("pycuda"), "pycuda.driver": gpu.driver}
    modules |= {name: make_tensorrt(gpu, name) for name in flavours}
    if graphs:
        modules |= {"cuda": ModuleType("cuda"), "cuda.bindings": ModuleType("cuda.bindings")}
        modules["cuda.bindings.driver"] = make_cuda_bindings(gpu)
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    described = NvidiaGpu("Stand-in", gpu.capability, gpu.free_bytes, gpu.integrated)
    driver = Driver((13, 0), (described,))
    for user in ("sessions.opening", "sessions.tensorrt.session"):
        monkeypatch.setattr(f"edgereader.runtime.{user}.nvidia_driver", lambda: driver)


def make_plan(onnx, profile):
    """What the stand-in of TensorRT loads: an ONNX file and {input: ShapeRange}."""
    ranges = {name: [limits.min, limits.opt, limits.max] for name, limits in profile.items()}
    return MAGIC + json.dumps(ranges).encode() + b"\n" + onnx


def make_pycuda(gpu):
    cuda = ModuleType("pycuda.driver")

    class Error(Exception):
        pass

    cuda.Error = Error
    for name in ("MemoryError", "LogicError", "LaunchError", "RuntimeError"):
        setattr(cuda, name, type(name, (Error,), {}))

    def checked(name, *, context=True):
        if not gpu.called(name, context=context):
            raise cuda.LogicError(f"{name} failed: stand-in")

    class Made:
        """Something that must be forgotten where a context is current."""

        def __init__(self):
            gpu.alive += 1

        def __del__(self):
            if hasattr(self, "_made"):
                gpu.alive -= 1
                if not gpu.contexts:
                    gpu.leaked.append(type(self).__name__)

    class Context:
        def push(self):
            checked("Context.push", context=False)
            gpu.contexts.append(self)

        @staticmethod
        def pop():
            gpu.contexts.pop()

    class Device:
        def __init__(self, ordinal):  # noqa: ARG002
            checked("Device", context=False)

        def retain_primary_context(self):
            checked("retain_primary_context", context=False)
            return Context()

    class Stream(Made):
        def __init__(self, flags=0):  # noqa: ARG002
            checked("Stream")
            self._made, self._queue, self._graph = True, [], None
            super().__init__()
            gpu.made += 1
            self._handle = gpu.made
            gpu.streams[self._handle] = self

        @property
        def handle(self):
            return self._handle

        def _push(self, kind, thing, number=0):
            if self._graph is not None:
                assert kind == "run", "an event in a capture"
                self._graph.append(thing)
                return
            self._queue.append((kind, thing, number))
            if gpu.eager:
                self._drain()

        def _drain(self, until=None):
            with gpu.works:
                while self._queue and (until is None or until[0]._come < until[1]):
                    kind, thing, number = self._queue.pop(0)
                    if kind == "run":
                        thing()
                    elif kind == "wait":
                        thing._reach(number)
                    else:
                        thing._come = number

        def synchronize(self):
            checked("Stream.synchronize")
            self._drain()

        def wait_for_event(self, evt):
            checked("Stream.wait_for_event")
            self._push("wait", evt, evt._recorded)

    class Event(Made):
        def __init__(self, flags=0):  # noqa: ARG002
            checked("Event")
            self._made, self._recorded, self._come, self._stream = True, 0, 0, None
            super().__init__()

        def record(self, stream=None):
            checked("Event.record")
            self._recorded += 1
            self._stream = stream
            stream._push("record", self, self._recorded)
            return self

        def synchronize(self):
            checked("Event.synchronize")
            self._reach(self._recorded)
            return self

        def _reach(self, number):
            if self._come < number:
                self._stream._drain((self, number))

    class DeviceAllocation:
        def __init__(self, size):
            if size > gpu.free_bytes:
                raise cuda.MemoryError("cuMemAlloc failed: out of memory")
            gpu.free_bytes -= size
            self._size, self._address = size, gpu.allocate(np.full(size, FREED, np.uint8))

        def __int__(self):
            return self._address

        def free(self):
            gpu.memory.pop(self._address)
            gpu.free_bytes += self._size

        def __del__(self):
            if getattr(self, "_address", None) in gpu.memory:
                self.free()
                if not gpu.contexts:
                    gpu.leaked.append("DeviceAllocation")

    class PagelockedHostAllocation:
        def __init__(self, shape, dtype, mapped):
            self._memory = (ctypes.c_ubyte * max(1, int(np.prod(shape)) * np.dtype(dtype).itemsize))()
            self._bytes = np.frombuffer(self._memory, np.uint8)
            self._bytes[:] = FREED
            self._mapped = mapped
            self.__array_interface__ = {
                "version": 3,
                "shape": shape,
                "typestr": np.dtype(dtype).str,
                "data": (ctypes.addressof(self._memory), False),
            }
            gpu.pinned[ctypes.addressof(self._memory)] = self._bytes

        def get_device_pointer(self):
            checked("get_device_pointer")
            assert self._mapped, "not mapped"
            self._address = gpu.allocate(self._bytes)
            return self._address

        def free(self):
            checked("PagelockedHostAllocation.free")
            gpu.pinned.pop(ctypes.addressof(self._memory))
            gpu.memory.pop(getattr(self, "_address", None), None)
            self._bytes[:] = FREED

    class host_alloc_flags:  # noqa: N801
        PORTABLE, DEVICEMAP, WRITECOMBINED = 1, 2, 4

    class event_flags(enum.IntEnum):  # noqa: N801
        DEFAULT, BLOCKING_SYNC, DISABLE_TIMING = 0, 1, 2

    def init(flags=0):
        checked("init", context=False)

    def mem_alloc(bytes):  # noqa: A002
        checked("mem_alloc")
        return DeviceAllocation(bytes)

    def pagelocked_empty(shape, dtype, order="C", mem_flags=0):
        checked("pagelocked_empty")
        return np.asarray(PagelockedHostAllocation(shape, dtype, mem_flags & host_alloc_flags.DEVICEMAP))

    def memcpy_htod_async(dest, src, stream=None):
        checked("memcpy_htod_async")
        taken, size = gpu.on_host(src), src.nbytes
        stream._push("run", lambda: np.copyto(gpu.at(int(dest), size), taken()))

    def memcpy_dtoh_async(dest, src, stream=None):
        checked("memcpy_dtoh_async")
        given, size = gpu.on_host(dest), dest.nbytes
        stream._push("run", lambda: np.copyto(given(), gpu.at(int(src), size)))

    for member in (Context, Device, Stream, Event, DeviceAllocation, PagelockedHostAllocation):
        setattr(cuda, member.__name__, member)
    for member in (host_alloc_flags, event_flags, init, mem_alloc, pagelocked_empty):
        setattr(cuda, member.__name__, member)
    cuda.memcpy_htod_async, cuda.memcpy_dtoh_async = memcpy_htod_async, memcpy_dtoh_async
    return cuda


def make_tensorrt(gpu, name):
    """TensorRT's module, or that of TensorRT for RTX."""
    trt = ModuleType(name)
    trt.__version__ = VERSIONS[name]

    class Severity(enum.IntEnum):
        INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)

    class DataType(enum.Enum):
        FLOAT, UINT8, INT64 = np.float32, np.uint8, np.int64

    class TensorIOMode(enum.Enum):
        NONE, INPUT, OUTPUT = range(3)

    class ExecutionContextAllocationStrategy(enum.Enum):
        STATIC, ON_PROFILE_CHANGE, USER_MANAGED = range(3)

    class ILogger:
        def __init__(self):
            self._base = True

    def refused(call):
        """Whether a call is to fail; it then says why, as TensorRT does."""
        if gpu.called(call):
            return False
        said = f"{call}:\nError Code 1: stand-in"
        trt._logger.log(Severity.ERROR, said)
        return True

    class Runtime:
        def __init__(self, logger):
            assert logger._base
            trt._logger, self.engine_host_code_allowed = logger, False
            if refused("Runtime"):
                raise TypeError("pybind11::init(): factory function returned nullptr")

        def deserialize_cuda_engine(self, serialized_engine):
            if refused("deserialize_cuda_engine"):
                return None
            trt._host_code = self.engine_host_code_allowed
            head, _, onnx = serialized_engine.partition(b"\n")
            if head[: len(MAGIC)] != MAGIC:
                trt._logger.log(Severity.INFO, "Loaded engine size: 0 MiB")
                trt._logger.log(Severity.ERROR, "Serialization assertion header.magicTag failed.")
                return None
            return ICudaEngine(json.loads(head[len(MAGIC) :]), onnx)

    class ICudaEngine:
        def __init__(self, profile, onnx):
            import onnxruntime

            self._session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
            inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
            self._inputs = {node.name: self._shape(node) for node in inputs}
            self._outputs = {output.name: self._shape(output) for output in outputs}
            names = {"tensor(uint8)": "UINT8", "tensor(float)": "FLOAT", "tensor(int64)": "INT64"}
            self._types = {node.name: DataType[names[node.type]] for node in (*inputs, *outputs)}
            self._profile = profile

        @staticmethod
        def _shape(node):
            return tuple(size if isinstance(size, int) else -1 for size in node.shape)

        @property
        def num_io_tensors(self):
            return len(self._types)

        @property
        def device_memory_size_v2(self):
            return max(int(np.prod(shapes[2])) for shapes in self._profile.values())

        def get_tensor_name(self, index):
            return sorted(self._types)[index]  # an order that is neither the graph's nor the contract's

        def get_tensor_mode(self, name):
            return TensorIOMode.INPUT if name in self._inputs else TensorIOMode.OUTPUT

        def get_tensor_dtype(self, name):
            return self._types[name]

        def get_tensor_shape(self, name):
            return (self._inputs | self._outputs)[name]

        def get_tensor_profile_shape(self, name, profile_index):  # noqa: ARG002
            return self._profile[name]

        def create_execution_context(self, strategy):
            if refused("create_execution_context"):
                return None
            managed = ExecutionContextAllocationStrategy.USER_MANAGED
            assert getattr(strategy, "_strategy", strategy) is managed
            return IExecutionContext(self)

        if name == "tensorrt_rtx":

            def create_runtime_config(self):
                return None if refused("create_runtime_config") else IRuntimeConfig()

    class IRuntimeConfig:
        _strategy, cuda_graph_strategy = None, None

        def set_execution_context_allocation_strategy(self, strategy):
            self._strategy = strategy

        def create_runtime_cache(self):
            return object()

        def set_runtime_cache(self, cache):  # noqa: ARG002
            return not refused("set_runtime_cache")

    class IExecutionContext:
        def __init__(self, engine):
            self._engine, self._shapes, self._addresses, self._scratch = engine, {}, {}, (0, 0)
            gpu.alive += 1

        def __del__(self):
            gpu.alive -= 1

        def set_input_shape(self, name, shape):
            if refused("set_input_shape"):
                return False
            low, _, high = self._engine._profile.get(name, (shape,) * 3)
            self._shapes[name] = tuple(shape)
            return all(a <= b <= c for a, b, c in zip(low, shape, high, strict=True))

        def infer_shapes(self):
            gpu.called("infer_shapes")
            return sorted(self._engine._inputs.keys() - self._shapes.keys())

        def get_tensor_shape(self, name):
            first = "image" if "image" in self._shapes else "crops"
            rows, height, width, _ = self._shapes[first]
            shape = self._engine._outputs[name]
            return (rows, height // 2, width // 2) if first == "image" else (rows, *shape[1:])

        def set_tensor_address(self, name, memory):
            self._addresses[name] = memory
            return not refused("set_tensor_address")

        def update_device_memory_size_for_shapes(self):
            gpu.called("update_device_memory_size_for_shapes")
            return int(np.prod(self._shapes.get("image", self._shapes.get("crops"))))

        def set_device_memory(self, memory, size):
            gpu.called("set_device_memory")
            self._scratch = memory, size

        def execute_async_v3(self, stream_handle):
            stream = gpu.streams[stream_handle]
            if stream._graph is not None and "capture" in gpu.failing:
                return False
            if refused("execute_async_v3"):
                return False
            shapes, addresses, scratch = dict(self._shapes), dict(self._addresses), self._scratch
            need, engine = self.update_device_memory_size_for_shapes(), self._engine
            assert scratch[1] >= need, "too little memory for activations"
            outputs = {output: tuple(self.get_tensor_shape(output)) for output in engine._outputs}

            def run():
                gpu.at(*scratch)[:] = FREED
                feeds = {name: read(engine, name, shapes[name], addresses[name]) for name in engine._inputs}
                results = engine._session.run(list(outputs), feeds)
                for output, result in zip(outputs, results, strict=True):
                    assert result.shape == outputs[output]
                    gpu.at(addresses[output], result.nbytes)[:] = (
                        np.ascontiguousarray(result).reshape(-1).view(np.uint8)
                    )
                gpu.launches.append(shapes["image" if "image" in shapes else "crops"][0])

            stream._push("run", run)
            return True

    def read(engine, name, shape, address):
        dtype = np.dtype(engine._types[name].value)
        return gpu.at(address, int(np.prod(shape)) * dtype.itemsize).copy().view(dtype).reshape(shape)

    for member in (ILogger, Runtime, ICudaEngine, IExecutionContext, DataType, TensorIOMode):
        setattr(trt, member.__name__, member)
    trt.ExecutionContextAllocationStrategy = ExecutionContextAllocationStrategy
    trt.nptype = lambda trt_type: trt_type.value
    if name == "tensorrt_rtx":
        trt.IRuntimeConfig = IRuntimeConfig
        trt.CudaGraphStrategy = enum.Enum("CudaGraphStrategy", "DISABLED WHOLE_GRAPH_CAPTURE")
    return trt


def make_cuda_bindings(gpu):
    cuda = ModuleType("cuda.bindings.driver")
    cuda.CUresult = enum.IntEnum("CUresult", {"CUDA_SUCCESS": 0, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED": 901})
    cuda.CUstreamCaptureMode = enum.IntEnum(
        "CUstreamCaptureMode",
        {f"CU_STREAM_CAPTURE_MODE_{mode}": n for n, mode in enumerate(("GLOBAL", "THREAD_LOCAL"))},
    )
    good, bad = cuda.CUresult.CUDA_SUCCESS, cuda.CUresult.CUDA_ERROR_STREAM_CAPTURE_INVALIDATED

    def cuStreamBeginCapture(hStream, mode):
        if not gpu.called("cuStreamBeginCapture"):
            return (bad,)
        gpu.streams[hStream]._graph = []
        return (good,)

    def cuStreamEndCapture(hStream):
        stream = gpu.streams[hStream]
        graph, stream._graph = stream._graph, None
        if not gpu.called("cuStreamEndCapture"):
            return bad, None
        gpu.alive += 1
        return good, graph

    def cuGraphInstantiate(hGraph, flags):
        if not gpu.called("cuGraphInstantiate"):
            return bad, None
        gpu.alive += 1
        return good, list(hGraph)

    def cuGraphLaunch(hGraphExec, hStream):
        if not gpu.called("cuGraphLaunch"):
            return (bad,)
        for work in hGraphExec:
            gpu.streams[hStream]._push("run", work)
        return (good,)

    def destroyed(name):
        def destroy(graph):
            gpu.called(name)
            gpu.alive -= 1
            return (good,)

        return destroy

    for member in (cuStreamBeginCapture, cuStreamEndCapture, cuGraphInstantiate, cuGraphLaunch):
        setattr(cuda, member.__name__, member)
    cuda.cuGraphDestroy, cuda.cuGraphExecDestroy = destroyed("cuGraphDestroy"), destroyed("cuGraphExecDestroy")
    return cuda
