"""Memory in use, and whether it grows."""

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...runtime.errors import BackendUnavailable
from ...runtime.nvidia import LIBRARY
from .figures import Growth

MIB = 2**20
BLOCKS = 10
"""The samples' means in so many blocks are nearly independent of one another, as the samples are not."""
T_8 = 2.306
"""97.5 % quantile of Student's t with BLOCKS - 2 degrees of freedom."""
PER_FRAMES = 10_000


def host_bytes() -> int:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def device_bytes() -> int:
    """Memory of the first GPU that is in use, by whatever runs on it; on a Jetson, that of the machine.

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


def growth(used_bytes: Sequence[int], every_frames: float, allowed_mib: float) -> Growth:
    """The line through samples that were taken so many frames apart, `BLOCKS` or more of them."""
    used = np.array(used_bytes, np.float64) / MIB
    blocks = [block.mean() for block in np.array_split(used, BLOCKS)]
    x = (np.arange(BLOCKS) - (BLOCKS - 1) / 2) * every_frames * len(used) / BLOCKS / PER_FRAMES
    slope = float((x * blocks).sum() / (x * x).sum())
    left = blocks - np.mean(blocks) - slope * x
    error = float(np.sqrt((left * left).sum() / (BLOCKS - 2) / (x * x).sum()))
    return Growth(
        first_mib=float(used[0]),
        last_mib=float(used[-1]),
        most_mib=float(used.max()),
        slope_mib=slope,
        low_mib=slope - T_8 * error,
        high_mib=slope + T_8 * error,
        allowed_mib=allowed_mib,
    )
