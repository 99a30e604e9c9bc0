"""The NVIDIA driver and its GPUs, asked through libcuda itself, so that nothing need be installed to ask."""

import ctypes
import os
from dataclasses import dataclass
from typing import Any

from ..errors import BackendError, BackendUnavailable

LIBRARY = "libcuda.so.1"
MAJOR, MINOR, INTEGRATED = 75, 76, 18
"""Numbers of device attributes in cuda.h."""
NO_DEVICE = 100
"""The error of cuda.h that says that there is no GPU, or none visible."""
NONE_LISTED = "no NVIDIA GPU: the driver lists none; make one visible (CUDA_VISIBLE_DEVICES, --gpus all)"


class NoGpu(BackendUnavailable):
    """There is no NVIDIA driver or no GPU: nothing is broken."""


@dataclass(frozen=True)
class Gpu:
    """One GPU."""

    name: str
    """As the driver says it, for example "Orin"."""
    compute_capability: str
    """As passports write it, for example "sm87"."""
    memory_bytes: int
    """All of its memory; on an integrated GPU that of the machine."""
    integrated: bool
    """Whether it shares its memory with the CPU, as on a Jetson."""


@dataclass(frozen=True)
class Driver:
    """The NVIDIA driver."""

    cuda_version: tuple[int, int]
    """Newest CUDA version that it runs, for example (12, 6)."""
    gpus: tuple[Gpu, ...]
    """At least one."""


def expect_process(number: int) -> None:
    """Check that this is still the process in which the GPU was opened: CUDA does not come along when it is forked.

    Raises:
        BackendError: it is another one.
    """
    if os.getpid() != number:
        raise BackendError(
            f"expected process {number}, which opened the GPU, got {os.getpid()}, forked from it; start processes by "
            "multiprocessing's spawn or forkserver, or open the first Reader in each of them"
        )


def nvidia_driver() -> Driver:
    """Ask the driver; creates no context.

    Raises:
        NoGpu: no driver or no GPU; the message names the fix.
        BackendUnavailable: the driver fails.
    """
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError as exc:
        raise NoGpu(
            f"no NVIDIA driver: {LIBRARY} cannot be loaded; install the driver, or run the container with --gpus all"
        ) from exc
    _call(library, "cuInit", 0)
    version, count = ctypes.c_int(), ctypes.c_int()
    _call(library, "cuDriverGetVersion", ctypes.byref(version))
    _call(library, "cuDeviceGetCount", ctypes.byref(count))
    if count.value == 0:
        raise NoGpu(NONE_LISTED)
    cuda_version = version.value // 1000, version.value % 1000 // 10
    return Driver(cuda_version, tuple(_gpu(library, place) for place in range(count.value)))


def _gpu(library: Any, place: int) -> Gpu:
    device, memory, name = ctypes.c_int(), ctypes.c_size_t(), ctypes.create_string_buffer(256)
    _call(library, "cuDeviceGet", ctypes.byref(device), place)
    _call(library, "cuDeviceGetName", name, len(name), device)
    _call(library, "cuDeviceTotalMem_v2", ctypes.byref(memory), device)
    major, minor, integrated = (_attribute(library, number, device) for number in (MAJOR, MINOR, INTEGRATED))
    return Gpu(name.value.decode(errors="replace"), f"sm{major}{minor}", memory.value, bool(integrated))


def _attribute(library: Any, number: int, device: ctypes.c_int) -> int:
    value = ctypes.c_int()
    _call(library, "cuDeviceGetAttribute", ctypes.byref(value), number, device)
    return value.value


def _call(library: Any, name: str, *arguments: Any) -> None:
    """Call a function of the driver; anything but success becomes an error."""
    code = getattr(library, name)(*arguments)
    if code == NO_DEVICE:
        raise NoGpu(NONE_LISTED)
    if code != 0:
        text = ctypes.c_char_p()
        library.cuGetErrorName(code, ctypes.byref(text))
        got = (text.value or b"").decode() or f"error {code}"
        raise BackendUnavailable(f"NVIDIA driver: {name} gave {got}; see `nvidia-smi`, or restart the machine")
