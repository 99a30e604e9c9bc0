"""Facts of a machine, read from files and commands: system, processor, memory, NVIDIA's GPUs, a Jetson, packages."""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import distributions, metadata
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import TypeVar

from msgspec import Struct

from ...sessions.nvidia import Driver, Gpu

PATIENCE_S = 5
ADMIN_FOLDERS = "/usr/sbin:/sbin"
"""Where ``nvpmodel`` lies, whether or not the user's PATH has it."""
DOT_PRODUCTS = ("amx_int8", "avx512_vnni", "avx_vnni", "i8mm", "asimddp")
"""Instructions that multiply and add int8 in one step."""
FEATURES = {
    "x86_64": ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8"),
    "aarch64": ("asimddp", "i8mm", "sve"),
}
"""Architecture → what matters to the speed of a network."""
CONTAINER_MARKS = (".dockerenv", "run/.containerenv")
NVIDIA_PCI, DISPLAY_CLASS = "0x10de", "0x03"
JETPACK_OF_L4T = {"32": "4", "35": "5", "36": "6", "38": "7"}
OF_INTEREST = re.compile(
    r"numpy|click|msgspec|opencv-.+|onnxruntime.*|tensorrt(-rtx)?(-cu\d+)?|pycuda|cuda-(bindings|python)"
    r"|nvidia-(cudnn|cuda-runtime).*|torch|jetson-stats"
)
RIVALS = (
    (re.compile(r"onnxruntime(-(gpu|openvino|directml|rocm|migraphx))?"), "onnxruntime-gpu"),
    (re.compile(r"opencv-(contrib-)?python(-headless)?"), "opencv-python-headless"),
)
"""Packages that write into one folder, so that only the one installed last is whole → the one to keep."""
T = TypeVar("T")


@dataclass(frozen=True)
class Host:
    """Where facts are read: files below a root, and commands. What fails is noted in ``unknown``; nothing raises."""

    root: Path = Path("/")
    unknown: list[str] = field(default_factory=list)

    def read(self, path: str) -> str | None:
        """Return a file's text without outer blanks and NULs; None = there is none, or it cannot be read."""
        try:
            contents = (self.root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as exc:
            self._note(f"/{path}: {exc.strerror}")
            return None
        return contents.decode(errors="replace").replace("\0", " ").strip()

    def find(self, pattern: str) -> list[str]:
        """Return the paths of a pattern, in order."""
        return sorted(str(path.relative_to(self.root)) for path in self.root.glob(pattern))

    def run(self, *command: str) -> str | None:
        """Return what a command prints, in English; None = there is no such command, or it fails."""
        folders = os.pathsep.join((os.environ.get("PATH", os.defpath), ADMIN_FOLDERS))
        if (program := shutil.which(command[0], path=folders)) is None:
            return None
        environment, quiet = {**os.environ, "LC_ALL": "C"}, subprocess.DEVNULL
        try:
            done = subprocess.run(
                [program, *command[1:]],
                stdin=quiet,
                capture_output=True,
                timeout=PATIENCE_S,
                env=environment,
                check=False,
            )
        except subprocess.TimeoutExpired:
            got = f"no answer in {PATIENCE_S} s"
        except OSError as exc:
            got = exc.strerror or str(exc)
        else:
            if done.returncode == 0:
                return done.stdout.decode(errors="replace").strip()
            got = " ".join(done.stderr.decode(errors="replace").split())[:200] or f"exit code {done.returncode}"
        self._note(f"{' '.join(command)}: {got}")
        return None

    def learn(self, what: str, probe: Callable[["Host"], T], otherwise: T) -> T:
        """Return what a probe finds, or ``otherwise`` when it fails."""
        try:
            return probe(self)
        except Exception as exc:  # noqa: BLE001  # a file of unforeseen contents must not end the examination
            self._note(f"{what}: {type(exc).__name__}: {exc}")
            return otherwise

    def _note(self, trouble: str) -> None:
        if trouble not in self.unknown:
            self.unknown.append(trouble)


class System(Struct, frozen=True, kw_only=True):
    """Python and the operating system."""

    python: str
    python_needed: str | None  # by this edgereader, for example ">=3.10"
    python_ok: bool  # whether the one is among the others
    executable: str  # the Python that runs
    name: str  # for example "Ubuntu 22.04.5 LTS"
    kernel: str
    architecture: str  # "x86_64", "aarch64", …
    container: bool  # whether it looks like one


def system_facts(host: Host) -> System:
    """Return facts of Python and the operating system."""
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
        container=any(os.path.lexists(host.root / mark) for mark in CONTAINER_MARKS),
    )


class Cpu(Struct, frozen=True, kw_only=True):
    """The processor."""

    model: str | None
    cores: int  # logical ones
    usable: float  # by this process: affinity and cgroup limits count, so it can be 1.5
    features: dict[str, bool]  # instruction set that matters here → whether the processor has it
    int8: str  # what that means for int8, one sentence


def cpu_facts(host: Host, architecture: str) -> Cpu:
    """Return facts of the processor of a machine of this architecture."""
    info = host.read("proc/cpuinfo") or ""
    model = re.search(r"^model name\s*:\s*(.+)", info, re.MULTILINE)  # Arm's has numbers only; lscpu knows the names
    model = model or re.search(r"^Model name:\s*(.+)", host.run("lscpu") or "", re.MULTILINE)
    listed = re.search(r"^(?:flags|Features)\s*:(.*)", info, re.MULTILINE)
    flags = set(listed[1].split()) if listed else set()
    features = {name: name in flags for name in FEATURES.get(architecture, ())} if listed else {}
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Cpu(
        model=model[1].strip() if model else None,
        cores=os.cpu_count() or 1,
        usable=min([affinity, *_cpu_limits(host)]),
        features=features,
        int8=_about_int8(features),
    )


def _about_int8(features: dict[str, bool]) -> str:
    if not features:
        return "not known for this processor"
    if has := [name for name in DOT_PRODUCTS if features.get(name)]:
        return f"multiplied and added in one step ({', '.join(has)}): int8 is well ahead of fp32"
    if features.get("avx2"):
        return "no VNNI: int8 gains less over fp32 than with it, and gives the same numbers"
    missing = "avx2" if "avx2" in features else "asimddp"
    return f"no {missing}: int8 gains little over fp32, and both are slow"


class Memory(Struct, frozen=True, kw_only=True):
    """The machine's memory."""

    total_bytes: int | None
    available_bytes: int | None  # without swapping
    limit_bytes: int | None  # of the cgroup; None = no limit


def memory_facts(host: Host) -> Memory:
    """Return facts of the machine's memory."""
    lines = dict(re.findall(r"^(\w+):\s+(\d+) kB", host.read("proc/meminfo") or "", re.MULTILINE))
    total, available = (int(lines[name]) * 1024 if name in lines else None for name in ("MemTotal", "MemAvailable"))
    names = "memory.max", "memory.limit_in_bytes"
    texts = [host.read(f"{folder}/{name}") or "" for folder in _groups(host, "memory") for name in names]
    limits = [int(text) for text in texts if text.isdecimal() and (total is None or int(text) < total)]
    return Memory(total_bytes=total, available_bytes=available, limit_bytes=min(limits, default=None))


def _cpu_limits(host: Host) -> Iterator[float]:
    for folder in _groups(host, "cpu"):
        quota, _, period = (host.read(f"{folder}/cpu.max") or "").partition(" ")
        quota = quota or host.read(f"{folder}/cpu.cfs_quota_us") or ""
        period = period or host.read(f"{folder}/cpu.cfs_period_us") or "100000"
        if quota.isdecimal():
            yield round(int(quota) / int(period), 2)


def _groups(host: Host, controller: str) -> Iterator[str]:
    """Yield folders of this process's control group and of all above it, version 2 and version 1."""
    for line in (host.read("proc/self/cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers or controller in controllers.split(","):
            base = PurePosixPath("sys/fs/cgroup", controller if controllers else "")
            group = base / path.lstrip("/")
            yield from (str(folder) for folder in (group, *group.parents) if folder.is_relative_to(base))


class Nvidia(Struct, frozen=True, kw_only=True):
    """NVIDIA's hardware and software."""

    hardware: list[str]  # GPUs, whether or not the driver works: PCI addresses, or "Tegra"
    driver: str | None  # version of the kernel's
    cuda_version: str | None  # newest that the driver runs
    gpus: list[Gpu]  # those that the driver offers
    toolkit: str | None  # version of the CUDA toolkit under /usr/local/cuda
    problem: str | None  # why the driver offers no GPU, with the fix; None = it does


def nvidia_facts(host: Host, asked: Driver | str) -> Nvidia:
    """Return facts of NVIDIA's hardware and software; ``asked`` is what the driver answered, or why it did not."""
    driver = None if isinstance(asked, str) else asked
    version = re.search(r"Module\s.*?(\d+\.\d+[.\d]*)", host.read("proc/driver/nvidia/version") or "")
    return Nvidia(
        hardware=_hardware(host),
        driver=version[1] if version else host.read("sys/module/nvidia/version"),
        cuda_version=".".join(map(str, driver.cuda_version)) if driver else None,
        gpus=list(driver.gpus) if driver else [],
        toolkit=host.learn("CUDA toolkit", _toolkit, None),
        problem=asked if isinstance(asked, str) else None,
    )


def _is_tegra(host: Host) -> bool:
    return "nvidia,tegra" in (host.read("proc/device-tree/compatible") or "")


def _hardware(host: Host) -> list[str]:
    found = ["Tegra"] if _is_tegra(host) else []
    for folder in host.find("sys/bus/pci/devices/*"):
        kind = host.read(f"{folder}/class") or ""
        if host.read(f"{folder}/vendor") == NVIDIA_PCI and kind.startswith(DISPLAY_CLASS):
            found.append(f"PCI {folder.rpartition('/')[2]}")
    return found


def _toolkit(host: Host) -> str | None:
    contents = host.read("usr/local/cuda/version.json")
    return str(json.loads(contents)["cuda"]["version"]) if contents else None


class Jetson(Struct, frozen=True, kw_only=True):
    """One of NVIDIA's Jetson boards."""

    model: str | None
    l4t: str | None  # version of its Linux, for example "36.4.3"
    jetpack: str | None  # of the package, or else the number before the dot, by the version of L4T
    tensorrt: str | None  # JetPack's, whether or not this Python finds it
    power_mode: str | None  # what ``nvpmodel -q`` says, for example "MAXN"
    gpu_mhz: tuple[int, int] | None  # lowest and highest clock; equal = held, as ``jetson_clocks`` does


def jetson_facts(host: Host) -> Jetson | None:
    """Return what a Jetson says about itself; None = this is none."""
    release = host.read("etc/nv_tegra_release")
    if not _is_tegra(host) and release is None:
        return None
    core = _debian_version(host, "nvidia-l4t-core")
    numbers = re.search(r"R(\d+).*?REVISION:\s*([\d.]+)", release or "")
    l4t = f"{numbers[1]}.{numbers[2]}" if numbers else core and core.partition("-")[0]
    power = re.search(r"NV Power Mode:\s*(.+)", host.run("nvpmodel", "-q") or "")
    return Jetson(
        model=host.read("proc/device-tree/model"),
        l4t=l4t,
        jetpack=_debian_version(host, "nvidia-jetpack") or JETPACK_OF_L4T.get((l4t or "").partition(".")[0]),
        tensorrt=_debian_version(host, r"libnvinfer\d+"),
        power_mode=power[1].strip() if power else None,
        gpu_mhz=host.learn("clock of the GPU", _gpu_mhz, None),
    )


def _debian_version(host: Host, package: str) -> str | None:
    """Return the version of an installed package; removed ones stay listed as "deinstall ok config-files"."""
    for entry in (host.read("var/lib/dpkg/status") or "").split("\n\n"):
        fields = dict(re.findall(r"^(Package|Status|Version): (.+)$", entry, re.MULTILINE))
        if re.fullmatch(package, fields.get("Package", "")) and fields.get("Status", "").endswith(" installed"):
            return fields.get("Version")
    return None


def _gpu_mhz(host: Host) -> tuple[int, int] | None:
    for folder in host.find("sys/class/devfreq/*"):
        if re.search(r"gpu|gv11b|ga10b|gp10b|gpc", folder):
            low, high = (host.read(f"{folder}/{end}_freq") for end in ("min", "max"))
            if low and high:
                return int(low) // 1_000_000, int(high) // 1_000_000
    return None


def package_facts(_: Host) -> dict[str, str]:
    """Return name → version of the Python packages that are installed and matter here, by name."""
    found: dict[str, str] = {}
    for package in distributions():
        name = re.sub(r"[-_.]+", "-", package.metadata["Name"] or "").lower()
        if OF_INTEREST.fullmatch(name):
            found.setdefault(name, package.version)  # the first on sys.path is the one that is imported
    for name in ("tensorrt", "tensorrt_rtx"):  # JetPack's may come without its metadata
        if find_spec(name) is not None:
            found.setdefault(name.replace("_", "-"), "of unknown version")
    return dict(sorted(found.items()))


def clashes(packages: dict[str, str]) -> list[str]:
    """Return what is wrong with the packages together, with the fix."""
    advice = []
    for family, keep in RIVALS:
        if len(both := [name for name in packages if family.fullmatch(name)]) > 1:
            advice.append(
                f"{' and '.join(both)} write into one folder, and only the one installed last works: "
                f"pip uninstall -y {' '.join(both)} && pip install {keep if keep in both else both[0]}"
            )
    return advice


class OpenCv(Struct, frozen=True, kw_only=True):
    """The library ``cv2``."""

    version: str
    gstreamer: bool  # whether it opens GStreamer pipelines, as the cameras of a Jetson need
    ffmpeg: bool  # whether it opens videos and network streams with FFmpeg
    path: str  # JetPack's lies outside of a virtual environment


def opencv_facts(_: Host) -> OpenCv:
    """Return what the library ``cv2`` was built with."""
    import cv2

    built = cv2.getBuildInformation()
    gstreamer, ffmpeg = (re.search(rf"^\s*{name}:\s*YES", built, re.MULTILINE) for name in ("GStreamer", "FFMPEG"))
    path = str(Path(cv2.__file__).parent)
    return OpenCv(version=cv2.__version__, gstreamer=bool(gstreamer), ffmpeg=bool(ffmpeg), path=path)
