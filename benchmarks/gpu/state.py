"""What nvidia-smi says of the GPU, where it is there; it changes nothing."""

import subprocess

from ...runtime.sessions.nvidia import Driver
from .figures import Clocks, Gpu

FIELDS = ("clocks.sm", "clocks.mem", "power.draw", "temperature.gpu")


def clocks() -> Clocks | None:
    """Clocks, power and temperature of the first GPU; None where nvidia-smi does not tell."""
    said = ask(*FIELDS)
    if said is None:
        return None
    sm, memory, power, temperature = map(number, said)
    return Clocks(sm_mhz=sm, memory_mhz=memory, power_w=power, temperature_c=temperature)


def gpu_of(driver: Driver) -> Gpu:
    """The first GPU."""
    first, version = driver.gpus[0], ask("driver_version")
    return Gpu(
        name=first.name,
        compute_capability=first.compute_capability,
        memory_gib=round(first.memory_bytes / 2**30, 1),
        driver=version[0] if version else None,
        cuda=".".join(map(str, driver.cuda_version)),
    )


def ask(*fields: str) -> list[str] | None:
    """Fields of the first GPU; None without nvidia-smi, or when it fails."""
    command = ["nvidia-smi", f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"]  # by the user's PATH
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    values = [each.strip() for each in said.partition("\n")[0].split(",")]
    return values if len(values) == len(fields) else None


def number(text: str) -> float | None:
    """A figure; None for "[N/A]"."""
    try:
        return float(text)
    except ValueError:
        return None
