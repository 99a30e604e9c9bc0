"""Memory in use: of this process, and of the GPU."""

import ctypes
import os
from pathlib import Path
from typing import Any

from ..runtime.errors import BackendUnavailable
from ..runtime.sessions.nvidia import LIBRARY

MIB = 2**20


def host_bytes() -> int:
    """Return the resident memory of this process."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def device_bytes() -> int:
    """Return the memory of the first GPU that is in use, by whatever runs on it; on a Jetson, that of the machine.

    Raises:
        BackendUnavailable: the driver does not tell.
    """
    library = ctypes.CDLL(LIBRARY)
    device, context = ctypes.c_int(), ctypes.c_void_p()
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    _call(library, "cuInit", 0)
    _call(library, "cuDeviceGet", ctypes.byref(device), 0)
    _call(library, "cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
    try:
        _call(library, "cuCtxPushCurrent_v2", context)
        _call(library, "cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
        _call(library, "cuCtxPopCurrent_v2", ctypes.byref(context))
    finally:
        _call(library, "cuDevicePrimaryCtxRelease_v2", device)
    return total.value - free.value


def _call(library: Any, name: str, *arguments: Any) -> None:
    if (code := getattr(library, name)(*arguments)) != 0:
        raise BackendUnavailable(f"NVIDIA driver: {name} gave error {code}; see `nvidia-smi`")
