"""What a process says of itself: its memory, and whether frames leave any behind."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from ...runtime.errors import BackendUnavailable
from ...runtime.geometry.images import Frame
from ...runtime.sessions.opening import BACKENDS
from ..contenders import Contender
from ..memory import MIB, device_bytes, host_bytes

ON_GPU = frozenset(BACKENDS) - {"cpu"}
STATUS = Path("/proc/self/status")
ROUNDS = 3


def peak_bytes() -> int:
    """The most that this process had resident, since it was started (ru_maxrss would count its parent's too)."""
    lines = STATUS.read_text(encoding="ascii").splitlines()
    kib = next(line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return 1024 * int(kib)


def resident_mib(without_bytes: int) -> float:
    """Resident memory, less what the harness itself holds."""
    return round((host_bytes() - without_bytes) / MIB, 1)


def peak_mib(without_bytes: int) -> float:
    """The most that was resident, less what the harness itself holds."""
    return round((peak_bytes() - without_bytes) / MIB, 1)


def device_mib(backend: str | None) -> float | None:
    """Memory in use on the GPU; None for a contender that does not run there, or where the driver does not tell."""
    if backend not in ON_GPU:
        return None
    try:
        return round(device_bytes() / MIB, 1)
    except (BackendUnavailable, OSError):
        return None


def allocations_per_frame(contender: Contender, frames: Sequence[Frame], count: int) -> float:
    """Blocks that Python's allocator holds more after a frame than before it: the median of rounds of so many frames.

    What is freed only once, in this process or by another of its threads, is in one round, and so in no median.
    """
    return median(_left_behind(contender, frames, count) / count for _ in range(ROUNDS))


def _left_behind(contender: Contender, frames: Sequence[Frame], count: int) -> int:
    while gc.collect():  # what a finalizer lets go of is found by the next collection
        pass
    before = sys.getallocatedblocks()
    for place in range(count):
        contender.read(frames[place % len(frames)])
    gc.collect()
    return sys.getallocatedblocks() - before
