"""Memory, streams and events of an NVIDIA GPU: pycuda on the GPU's primary context, that of PyTorch and ONNX Runtime.

pycuda frees what it made only where its context is current: in a thread other than the one that made the context it
leaks, with a warning. And it aborts the process when a thread ends whose contexts are not all popped. So all here is
done inside :meth:`Device.current`, which pushes and pops, and freed there too, by :class:`Owned`.
"""

import logging
import os
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ...errors import BackendError, one_line
from ..nvidia import expect_process

PLACE = 0
"""The GPU that is used: the first that CUDA_VISIBLE_DEVICES leaves."""
NON_BLOCKING = 1
"""CU_STREAM_NON_BLOCKING: never waits for the default stream, on which PyTorch works."""
MAKE_ROOM = "use a smaller canvas (long_side_px) or batch, or end what else uses the GPU"
log = logging.getLogger("edgereader")


class Closable(Protocol):
    """Something of a GPU; what `close` lets go, it does inside `Device.current`."""

    def close(self) -> None:
        """Free it; once is enough, twice does no harm."""


Thing = TypeVar("Thing", bound=Closable)


class Device:
    """A GPU."""

    def __init__(self, driver: Any, *, integrated: bool) -> None:
        self.driver, self.integrated = driver, integrated
        self._process = os.getpid()
        with self._translated():
            driver.init()
            self._context = driver.Device(PLACE).retain_primary_context()

    @contextmanager
    def current(self) -> Iterator[None]:
        """Make the GPU the one that this thread works on; CUDA's errors inside are translated.

        Raises:
            BackendError: CUDA failed, or this is another process than the one that opened the GPU.
        """
        expect_process(self._process)
        with self._translated():
            self._context.push()
            try:
                yield
            finally:
                self._context.pop()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self.driver.MemoryError as exc:
            raise BackendError(f"out of device memory: {one_line(exc)}; {MAKE_ROOM}") from exc
        except self.driver.LaunchError as exc:
            raise BackendError(f"CUDA: {one_line(exc)}; the GPU is lost to this process: start it again") from exc
        except self.driver.Error as exc:
            raise BackendError(f"CUDA: {one_line(exc)}; see `edgereader doctor`, and start the process again") from exc


@cache
def open_device(driver: Any, *, integrated: bool) -> Device:
    """Return the GPU, always the same object: pycuda compares contexts by object.

    Args:
        driver: the module ``pycuda.driver``.
        integrated: whether the GPU shares its memory with the CPU, as on a Jetson.

    Raises:
        BackendError: CUDA failed.
    """
    return Device(driver, integrated=integrated)


class Owned:
    """What a session or a binding holds of a GPU; closed together, the last made first."""

    def __init__(
        self, device: Device, stream: "Stream | None" = None, turn: AbstractContextManager[Any] | None = None
    ) -> None:
        """Hold nothing; what will be held is closed in a ``turn``, when the work in ``stream`` is done."""
        self._device, self._stream, self._things = device, stream, list[Closable]()
        self._turn = turn or nullcontext()

    def add(self, thing: Thing) -> Thing:
        """Hold a thing."""
        self._things.append(thing)
        return thing

    def close(self) -> None:
        """Close all; a failure is logged, as there is nobody to whom it could be told, and the rest is closed."""
        with self._turn:
            if self._stream is not None:
                self._attempt(self._stream.wait)
            while self._things:
                self._attempt(self._things.pop().close)

    def _attempt(self, call: Callable[[], None]) -> None:
        try:
            with self._device.current():
                call()
        except BackendError as exc:
            log.debug("while closing: %s", str(exc))


class Stream:
    """A queue of work."""

    def __init__(self, device: Device) -> None:
        self.raw = device.driver.Stream(NON_BLOCKING)
        self.handle = int(self.raw.handle)

    def wait(self) -> None:
        """Return when its work is done; a closed stream has none."""
        if self.raw is not None:
            self.raw.synchronize()

    def wait_for(self, event: "Event") -> None:
        """Begin what follows when the event has come."""
        self.raw.wait_for_event(event.raw)

    def close(self) -> None:
        """Free it."""
        self.raw = None


class Event:
    """A place in a stream."""

    def __init__(self, device: Device) -> None:
        flags = device.driver.event_flags
        self.raw = device.driver.Event(flags.DISABLE_TIMING | flags.BLOCKING_SYNC)

    def record(self, stream: Stream) -> None:
        """Come when all that is now in the stream is done."""
        self.raw.record(stream.raw)

    def wait(self) -> None:
        """Return when it has come, as a closed one has; other threads run, and no processor spins."""
        if self.raw is not None:
            self.raw.synchronize()

    def close(self) -> None:
        """Free it."""
        self.raw = None


class Buffer:
    """Memory of the GPU."""

    def __init__(self, device: Device, size: int) -> None:
        self.bytes = size
        self._raw = device.driver.mem_alloc(size)
        self.address = int(self._raw)

    def close(self) -> None:
        """Free it."""
        self._raw = None


class Scratch:
    """Memory as large as the largest need so far; those who share it take turns in one stream."""

    def __init__(self, device: Device, stream: Stream) -> None:
        self._device, self._stream = device, stream
        self._buffer: Buffer | None = None

    def of(self, size: int) -> Buffer:
        """Return at least so many bytes: the same buffer as before, unless it was too small."""
        if self._buffer is None or self._buffer.bytes < size:
            self.close()  # before, as the old and the new need not fit together
            self._buffer = Buffer(self._device, size)
        return self._buffer

    def close(self) -> None:
        """Free it, when the stream is done with it."""
        if self._buffer is not None:
            self._stream.wait()
            self._buffer.close()
            self._buffer = None


class Array:
    """A page-locked array of zeros, and memory of the GPU for it; on an integrated GPU they are the same memory.

    The array's memory is freed with the last view of it, so that none is left dangling.
    """

    def __init__(self, device: Device, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        self._driver, self._buffer = device.driver, None
        flags = self._driver.host_alloc_flags.DEVICEMAP if device.integrated else 0
        self.host: NDArray[Any] = self._driver.pagelocked_empty(shape, dtype, mem_flags=flags)
        allocation: Any = self.host.base
        weakref.finalize(self.host, _free, device, allocation)
        self.host[...] = 0
        if device.integrated:
            self.address = int(allocation.get_device_pointer())
        else:
            self._buffer = self._allocated(device)
            self.address = self._buffer.address

    def _allocated(self, device: Device) -> Buffer:
        try:
            return Buffer(device, self.host.nbytes)
        except BaseException:
            self.close()
            raise

    def upload(self, stream: Stream, rows: int | None) -> None:
        """Queue the copy of the first rows (None = all) to the GPU, where it is another memory."""
        if self._buffer is not None:
            self._driver.memcpy_htod_async(self.address, self.host[:rows], stream.raw)

    def download(self, stream: Stream, rows: int | None) -> None:
        """Queue the copy of the first rows (None = all) from the GPU, where it is another memory."""
        if self._buffer is not None:
            self._driver.memcpy_dtoh_async(self.host[:rows], self.address, stream.raw)

    def close(self) -> None:
        """Free the GPU's memory, and forget the array."""
        self.host, buffer = np.empty(0), self._buffer
        if buffer is not None:
            buffer.close()


def _free(device: Device, allocation: Any) -> None:
    try:
        with device.current():
            allocation.free()
    except BackendError as exc:
        log.debug("while closing: %s", str(exc))
