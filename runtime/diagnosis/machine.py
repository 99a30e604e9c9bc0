"""Operating system, processor and memory."""

import os
import platform
import re
import sys
from collections.abc import Iterator
from importlib.metadata import metadata
from pathlib import PurePosixPath

from msgspec import Struct

from .host import Host

DOT_PRODUCTS = ("amx_int8", "avx512_vnni", "avx_vnni", "i8mm", "asimddp")
"""Instructions that multiply and add int8 in one step."""
FEATURES = {
    "x86_64": ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8"),
    "aarch64": ("asimddp", "i8mm", "sve"),
}
"""Architecture → what matters to the speed of a network."""
CONTAINER_MARKS = (".dockerenv", "run/.containerenv")


class System(Struct, frozen=True, kw_only=True):
    """Python and the operating system."""

    python: str
    """Version of Python."""
    python_needed: str | None
    """Versions that this edgereader runs on, for example ">=3.10"."""
    python_ok: bool
    """Whether ``python`` is among these."""
    executable: str
    """The Python that runs."""
    name: str
    """Operating system, for example "Ubuntu 22.04.5 LTS"."""
    kernel: str
    """Its release."""
    architecture: str
    """"x86_64", "aarch64", …"""
    container: bool
    """Whether this looks like a container."""


class Cpu(Struct, frozen=True, kw_only=True):
    """The processor."""

    model: str | None
    """Its name."""
    cores: int
    """Logical cores of the machine."""
    usable: float
    """Those that this process may use: affinity and cgroup limits count, so it can be 1.5."""
    features: dict[str, bool]
    """Instruction set that matters here → whether the processor has it."""
    int8: str
    """What that means for int8, one sentence."""


class Memory(Struct, frozen=True, kw_only=True):
    """The machine's memory."""

    total_bytes: int | None
    """All of it."""
    available_bytes: int | None
    """What can be had without swapping."""
    limit_bytes: int | None
    """What the cgroup allows; None = no limit."""


def system_facts(host: Host) -> System:
    """Python and the operating system."""
    names = re.search(r'^PRETTY_NAME="?([^"\n]*)', host.read("etc/os-release") or "", re.MULTILINE)
    needed = host.learn("versions of Python", lambda _: metadata("edgereader")["Requires-Python"], None)
    return System(
        python=platform.python_version(),
        python_needed=needed,
        python_ok=sys.version_info[:2] >= tuple(map(int, re.findall(r"\d+", needed or ""))),
        executable=sys.executable,
        name=names[1] if names else platform.system(),
        kernel=platform.release(),
        architecture=platform.machine(),
        container=any(map(host.has, CONTAINER_MARKS)),
    )


def cpu_facts(host: Host, architecture: str) -> Cpu:
    """The processor of a machine of this architecture."""
    info = host.read("proc/cpuinfo") or ""
    listed = re.search(r"^(?:flags|Features)\s*:(.*)", info, re.MULTILINE)
    flags = set(listed[1].split()) if listed else set()
    features = {name: name in flags for name in FEATURES.get(architecture, ())} if listed else {}
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Cpu(
        model=_cpu_model(host, info),
        cores=os.cpu_count() or 1,
        usable=min([affinity, *_cpu_limits(host)]),
        features=features,
        int8=_about_int8(features),
    )


def memory_facts(host: Host) -> Memory:
    """The machine's memory."""
    lines = dict(re.findall(r"^(\w+):\s+(\d+) kB", host.read("proc/meminfo") or "", re.MULTILINE))
    total, available = (int(lines[name]) * 1024 if name in lines else None for name in ("MemTotal", "MemAvailable"))
    limits = [limit for limit in _memory_limits(host) if total is None or limit < total]
    return Memory(total_bytes=total, available_bytes=available, limit_bytes=min(limits, default=None))


def _cpu_model(host: Host, info: str) -> str | None:
    """Arm's cpuinfo has numbers only, which lscpu knows the names of."""
    listed = re.search(r"^model name\s*:\s*(.+)", info, re.MULTILINE)
    listed = listed or re.search(r"^Model name:\s*(.+)", host.run("lscpu") or "", re.MULTILINE)
    return listed[1].strip() if listed else None


def _about_int8(features: dict[str, bool]) -> str:
    if not features:
        return "not known for this processor"
    if has := [name for name in DOT_PRODUCTS if features.get(name)]:
        return f"multiplied and added in one step ({', '.join(has)}): int8 is well ahead of fp32"
    if features.get("avx2"):
        return "no VNNI: int8 gains less over fp32 than with it, and gives the same numbers"
    missing = "avx2" if "avx2" in features else "asimddp"
    return f"no {missing}: int8 gains little over fp32, and both are slow"


def _cpu_limits(host: Host) -> Iterator[float]:
    for folder in _groups(host, "cpu"):
        quota, _, period = (host.read(f"{folder}/cpu.max") or "").partition(" ")
        quota = quota or host.read(f"{folder}/cpu.cfs_quota_us") or ""
        period = period or host.read(f"{folder}/cpu.cfs_period_us") or "100000"
        if quota.isdecimal():
            yield round(int(quota) / int(period), 2)


def _memory_limits(host: Host) -> Iterator[int]:
    for folder in _groups(host, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            if (limit := host.read(f"{folder}/{name}") or "").isdecimal():
                yield int(limit)


def _groups(host: Host, controller: str) -> Iterator[str]:
    """Folders of this process's control group and of all above it, version 2 and version 1."""
    for line in (host.read("proc/self/cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers or controller in controllers.split(","):
            base = PurePosixPath("sys/fs/cgroup", controller if controllers else "")
            group = base / path.lstrip("/")
            yield from map(str, (each for each in (group, *group.parents) if each.is_relative_to(base)))
