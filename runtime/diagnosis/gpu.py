"""NVIDIA's GPUs and driver, and what a Jetson says about itself."""

import json
import re

from msgspec import Struct

from ..sessions.nvidia import Driver, Gpu
from .host import Host

NVIDIA_PCI, DISPLAY_CLASS = "0x10de", "0x03"
JETPACK_OF_L4T = {"32": "4", "35": "5", "36": "6", "38": "7"}


class Nvidia(Struct, frozen=True, kw_only=True):
    """NVIDIA's hardware and software."""

    hardware: list[str]
    """GPUs that the machine has, whether or not the driver works: PCI addresses, or "Tegra"."""
    driver: str | None
    """Version of the kernel's driver."""
    cuda_version: str | None
    """Newest CUDA version that the driver runs."""
    gpus: list[Gpu]
    """GPUs that the driver offers."""
    toolkit: str | None
    """Version of the CUDA toolkit under /usr/local/cuda."""
    problem: str | None
    """Why the driver offers no GPU, with the fix; None = it does."""


class Jetson(Struct, frozen=True, kw_only=True):
    """One of NVIDIA's Jetson boards."""

    model: str | None
    """Its name."""
    l4t: str | None
    """Version of its Linux, for example "36.4.3"."""
    jetpack: str | None
    """Version of JetPack: of the package, or else the number before the dot, by the version of L4T."""
    tensorrt: str | None
    """Version of JetPack's TensorRT, whether or not this Python finds it."""
    power_mode: str | None
    """What ``nvpmodel -q`` says, for example "MAXN"."""
    gpu_mhz: tuple[int, int] | None
    """Lowest and highest clock of the GPU; equal = held, as ``jetson_clocks`` does."""


def nvidia_facts(host: Host, asked: Driver | str) -> Nvidia:
    """NVIDIA's hardware and software; ``asked`` is what the driver answered, or why it did not."""
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


def jetson_facts(host: Host) -> Jetson | None:
    """What a Jetson says about itself; None = this is none."""
    release = host.read("etc/nv_tegra_release")
    if not _is_tegra(host) and release is None:
        return None
    core = _debian_version(host, "nvidia-l4t-core")
    numbers = re.search(r"R(\d+).*?REVISION:\s*([\d.]+)", release or "")
    l4t = f"{numbers[1]}.{numbers[2]}" if numbers else core and core.partition("-")[0]
    return Jetson(
        model=host.read("proc/device-tree/model"),
        l4t=l4t,
        jetpack=_debian_version(host, "nvidia-jetpack") or JETPACK_OF_L4T.get((l4t or "").partition(".")[0]),
        tensorrt=_debian_version(host, r"libnvinfer\d+"),
        power_mode=_power_mode(host),
        gpu_mhz=host.learn("clock of the GPU", _gpu_mhz, None),
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


def _debian_version(host: Host, package: str) -> str | None:
    """Version of an installed package; removed ones stay in the list as "deinstall ok config-files"."""
    for entry in (host.read("var/lib/dpkg/status") or "").split("\n\n"):
        fields = dict(re.findall(r"^(Package|Status|Version): (.+)$", entry, re.MULTILINE))
        if re.fullmatch(package, fields.get("Package", "")) and fields.get("Status", "").endswith(" installed"):
            return fields.get("Version")
    return None


def _power_mode(host: Host) -> str | None:
    said = re.search(r"NV Power Mode:\s*(.+)", host.run("nvpmodel", "-q") or "")
    return said[1].strip() if said else None


def _gpu_mhz(host: Host) -> tuple[int, int] | None:
    for folder in host.find("sys/class/devfreq/*"):
        if re.search(r"gpu|gv11b|ga10b|gp10b|gpc", folder):
            low, high = (host.read(f"{folder}/{end}_freq") for end in ("min", "max"))
            if low and high:
                return int(low) // 1_000_000, int(high) // 1_000_000
    return None
