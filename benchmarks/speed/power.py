"""Energy and clocks, where the machine tells: RAPL, NVML and jtop; None where it does not."""

from __future__ import annotations

import ctypes
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from statistics import mean
from typing import Any, Literal

from ..gpu import state

POWERCAP = Path("/sys/class/powercap")
CPUINFO = Path("/proc/cpuinfo")
JTOP_EVERY_S = 0.2
Source = Literal["rapl", "nvml", "jtop"]


@dataclass
class Energy:
    """What the machine used, of which sort, and for how long."""

    source: Source | None = None
    joules: float = 0.0
    seconds: float = 0.0


@contextmanager
def metered(*, on_gpu: bool) -> Iterator[Energy]:
    """Meter what runs inside: the whole board with jtop, else the GPU with NVML, else the processors with RAPL."""
    energy = Energy()
    meter = jtop() or (nvml() if on_gpu else rapl())
    start = time.perf_counter()
    try:
        yield energy
    finally:
        if meter is not None:
            energy.source, read = meter
            energy.joules, energy.seconds = read(), time.perf_counter() - start


def rapl() -> tuple[Source, Callable[[], float]] | None:
    """Joules of all processor packages from now on; their counters may be readable by root alone."""
    packages = [each for each in sorted(POWERCAP.glob("intel-rapl:*")) if re.fullmatch(r"intel-rapl:\d+", each.name)]
    try:
        before = {each: int((each / "energy_uj").read_text("ascii")) for each in packages}
        ranges = {each: int((each / "max_energy_range_uj").read_text("ascii")) for each in packages}
    except (OSError, ValueError):
        return None
    if not packages:
        return None

    def used() -> float:
        after = {each: int((each / "energy_uj").read_text("ascii")) for each in packages}
        return sum((after[each] - before[each]) % (ranges[each] + 1) for each in packages) / 1e6

    return "rapl", used


def nvml() -> tuple[Source, Callable[[], float]] | None:
    """Joules of the first GPU from now on, from Volta on."""
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


def jtop() -> tuple[Source, Callable[[], float]] | None:
    """Joules of a Jetson from now on, by its total power, asked a few times a second."""
    try:
        board: Any = import_module("jtop").jtop()
        board.start()
    except Exception:  # noqa: BLE001, not installed, or an error of its own for a service that does not run
        return None
    watts: list[float] = []
    ended = threading.Event()
    start = time.perf_counter()

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
    """Of each core, or of the GPU."""
    if on_gpu:
        found: Any = state.clocks()
        return [] if found is None or found.sm_mhz is None else [found.sm_mhz]
    lines = CPUINFO.read_text(encoding="utf-8").splitlines() if CPUINFO.is_file() else []
    clocks = [float(line.partition(":")[2]) for line in lines if line.startswith("cpu MHz")]
    return clocks or [
        int(each.read_text("ascii")) / 1e3
        for each in sorted(Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_cur_freq"))
    ]
