"""What a figure was measured on."""

import os
import platform
import sys
from pathlib import Path

import msgspec

PACKAGES = ("edgereader", "numpy", "opencv-python-headless", "onnxruntime", "onnxruntime-gpu", "tensorrt")


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """A machine and what is installed on it."""

    processor: str
    """The name that the system gives."""
    cores: int
    """Processors that this process may use."""
    memory_gib: float
    system: str
    versions: dict[str, str]
    """Python and the packages that take part in a reading; one that is not installed is left out."""


def this_machine() -> Machine:
    """Describe the machine that runs this process."""
    pages, page_bytes = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1,
        memory_gib=round(pages * page_bytes / 2**30, 1),
        system=platform.platform(),
        versions={"python": platform.python_version()} | installed(*PACKAGES),
    )


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model")))
    return next(names, platform.processor() or platform.machine())


def installed(*packages: str) -> dict[str, str]:
    """Versions of those packages that are installed."""
    from importlib.metadata import PackageNotFoundError, version  # 30 ms, which no reader's cold start is to pay

    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
