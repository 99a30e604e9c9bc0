"""What a machine tells of itself while something runs: memory, handles, energy and clocks, of processors and of a GPU.

What it does not tell is None, or left out: an energy counter may be readable by root alone.
"""

from __future__ import annotations

import ctypes
import gc
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from statistics import mean, median
from typing import Any, Literal

import msgspec

from ...runtime.errors import BackendUnavailable
from ...runtime.geometry.images import Frame
from ...runtime.sessions.nvidia import LIBRARY, Driver
from ...runtime.sessions.opening import BACKENDS
from ..contenders import Contender

ON_GPU = frozenset(BACKENDS) - {"cpu"}
STATUS, POWERCAP = Path("/proc/self/status"), Path("/sys/class/powercap")
MIB = 2**20
ROUNDS = 3
"""Of frames whose allocations are counted."""
JTOP_EVERY_S = 0.2
Source = Literal["rapl", "nvml", "jtop"]
Meter = tuple[Source, Callable[[], float]]
"""What counts energy, and the joules that were used since it began."""


def host_bytes() -> int:
    """Return the resident memory of this process."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak_bytes() -> int:
    """Return the most that this process had resident, since it was started (ru_maxrss would count its parent's too)."""
    lines = STATUS.read_text(encoding="ascii").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def mib(used_bytes: int) -> float:
    """Return MiB, to one place."""
    return round(used_bytes / MIB, 1)


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


def device_mib(backend: str | None) -> float | None:
    """Return the GPU's memory in use; None for a contender that does not run there, or a silent driver."""
    if backend not in ON_GPU:
        return None
    try:
        return mib(device_bytes())
    except (BackendUnavailable, OSError):
        return None


def handles() -> int:
    """Return how many open file descriptors and threads this process has."""
    own = Path("/proc/self")
    return sum(1 for _ in (own / "fd").iterdir()) - 1 + sum(1 for _ in (own / "task").iterdir())


def allocations_per_frame(contender: Contender, frames: Sequence[Frame], count: int) -> float:
    """Return the blocks that Python's allocator holds more after a frame than before it.

    It is the median of rounds of `count` frames: what is freed only once, in this process or by another of its
    threads, is in one round, and so in no median.
    """

    def left_behind() -> int:
        while gc.collect():  # what a finalizer lets go of is found by the next collection
            pass
        before = sys.getallocatedblocks()
        for place in range(count):
            contender.read(frames[place % len(frames)])
        gc.collect()
        return sys.getallocatedblocks() - before

    return median(left_behind() / count for _ in range(ROUNDS))


@dataclass
class Energy:
    """What the machine used, by which counter, and for how long."""

    source: Source | None = None
    joules: float = 0.0
    seconds: float = 0.0


@contextmanager
def metered(*, on_gpu: bool) -> Iterator[Energy]:
    """Yield the energy that is used inside: the board's by jtop, else the GPU's by NVML or the processors' by RAPL."""
    energy = Energy()
    meter = jtop() or (nvml() if on_gpu else rapl())
    start = time.perf_counter()
    try:
        yield energy
    finally:
        if meter is not None:
            energy.source, read = meter
            energy.joules, energy.seconds = read(), time.perf_counter() - start


def rapl() -> Meter | None:
    """Count the joules of all processor packages."""
    packages = [path for path in sorted(POWERCAP.glob("intel-rapl:*")) if re.fullmatch(r"intel-rapl:\d+", path.name)]

    def read(name: str) -> list[int]:
        return [int((package / name).read_text("ascii")) for package in packages]

    try:
        before, ranges = read("energy_uj"), read("max_energy_range_uj")
    except (OSError, ValueError):
        return None

    def used() -> float:
        spans = zip(read("energy_uj"), before, ranges, strict=True)
        return sum((after - start) % (most + 1) for after, start, most in spans) / 1e6

    return ("rapl", used) if packages else None


def nvml() -> Meter | None:
    """Count the joules of the first GPU, from Volta on."""
    try:
        library = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return None
    device = ctypes.c_void_p()
    if library.nvmlInit_v2() or library.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device)):
        return None

    def millijoules() -> int | None:
        total = ctypes.c_ulonglong()
        failed = library.nvmlDeviceGetTotalEnergyConsumption(device, ctypes.byref(total))
        return None if failed else total.value

    before = millijoules()
    return None if before is None else ("nvml", lambda: ((millijoules() or before) - before) / 1e3)


def jtop() -> Meter | None:
    """Count the joules of a Jetson by its total power, asked a few times a second."""
    try:
        board: Any = import_module("jtop").jtop()
        board.start()
    except Exception:  # noqa: BLE001, not installed, or an error of its own for a service that does not run
        return None
    watts: list[float] = []
    ended, start = threading.Event(), time.perf_counter()

    def sample() -> None:
        while not ended.wait(JTOP_EVERY_S):
            watts.append(board.power["tot"]["power"] / 1e3)

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()

    def used() -> float:
        ended.set()
        thread.join()
        seconds = time.perf_counter() - start
        board.close()
        return mean(watts) * seconds if watts else 0.0

    return "jtop", used


def clocks_mhz(*, on_gpu: bool) -> list[float]:
    """Return the clock of each core, or of the GPU."""
    if on_gpu:
        found = gpu_clocks()
        return [] if found is None or found.sm_mhz is None else [found.sm_mhz]
    import psutil  # no contender's process needs it

    return [float(clock.current) for clock in psutil.cpu_freq(percpu=True)]


class Gpu(msgspec.Struct, frozen=True, kw_only=True):
    """The GPU that figures are of."""

    name: str
    """As the driver says it."""
    compute_capability: str
    """As passports write it, for example "sm87"."""
    memory_gib: float
    driver: str | None
    """Version of the driver; None where nvidia-smi is not there to tell it."""
    cuda: str
    """Newest CUDA version that the driver runs."""


class Clocks(msgspec.Struct, frozen=True, kw_only=True):
    """A GPU at one moment; None for what nvidia-smi does not tell."""

    sm_mhz: float | None
    power_w: float | None
    temperature_c: float | None


def gpu_of(driver: Driver) -> Gpu:
    """Describe the first GPU."""
    first, version = driver.gpus[0], nvidia_smi("driver_version")
    return Gpu(
        name=first.name,
        compute_capability=first.compute_capability,
        memory_gib=round(first.memory_bytes / 2**30, 1),
        driver=version[0] if version else None,
        cuda=".".join(map(str, driver.cuda_version)),
    )


def gpu_clocks() -> Clocks | None:
    """Return clocks, power and temperature of the first GPU; None where nvidia-smi does not tell."""
    said = nvidia_smi("clocks.sm", "power.draw", "temperature.gpu")
    if said is None:
        return None
    with_numbers = (float(text) if re.fullmatch(r"-?\d+(\.\d+)?", text) else None for text in said)
    return Clocks(**dict(zip(("sm_mhz", "power_w", "temperature_c"), with_numbers, strict=True)))


def nvidia_smi(*fields: str) -> list[str] | None:
    """Return fields of the first GPU; None without nvidia-smi, or when it fails."""
    command = ["nvidia-smi", f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"]  # by the user's PATH
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    values = [value.strip() for value in said.partition("\n")[0].split(",")]
    return values if len(values) == len(fields) else None
