import ctypes
import mmap
import os
import subprocess
import sys
import time
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from edgereader.benchmarks.speed import device
from edgereader.benchmarks.speed.device import (
    Clocks,
    allocations_per_frame,
    clocks_mhz,
    device_bytes,
    device_mib,
    gpu_clocks,
    gpu_of,
    handles,
    host_bytes,
    metered,
)
from edgereader.runtime.errors import BackendUnavailable
from edgereader.runtime.sessions.nvidia import Driver, Gpu


def test_the_peak_stays_when_memory_is_given_back():
    program = (
        "from edgereader.benchmarks.speed.device import host_bytes, peak_bytes\n"
        "held = bytearray(200 << 20); del held\n"
        "print(peak_bytes() - host_bytes())"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert int(said) > 150 << 20


def test_the_memory_of_this_process():
    """Pages fresh from the kernel, filled bit by bit: a heap may have room left, or keep what was as large as they."""
    before = host_bytes()
    with mmap.mmap(-1, 64 * device.MIB) as fresh:
        for _ in range(64):
            fresh.write(b"1" * device.MIB)
        assert 60 * device.MIB < host_bytes() - before < 80 * device.MIB


class StandInForLibcuda:
    """Counts what was retained, and answers as a GPU with 3 of 10 bytes free does."""

    def __init__(self, failing=None):
        self.retained, self.failing = 0, failing

    def __getattr__(self, name):
        def call(*arguments):
            if name == self.failing:
                return 2
            self.retained += {"cuDevicePrimaryCtxRetain": 1, "cuDevicePrimaryCtxRelease_v2": -1}.get(name, 0)
            if name == "cuMemGetInfo_v2":
                for place, value in zip(arguments, (3, 10), strict=True):
                    place._obj.value = value
            return 0

        return call


@pytest.mark.parametrize("failing", [None, "cuMemGetInfo_v2"])
def test_a_stand_in_for_libcuda_is_asked_and_left_as_it_was(monkeypatch, failing):
    driver = StandInForLibcuda(failing)
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: driver)
    with pytest.raises(BackendUnavailable, match="cuMemGetInfo_v2 gave error 2") if failing else nullcontext():
        assert device_bytes() == 7
    assert driver.retained == 0
    assert (device_mib("cuda"), device_mib("cpu"), device_mib(None)) == (None if failing else 0, None, None)


@pytest.mark.gpu
def test_the_memory_of_a_gpu_is_told():
    try:
        ctypes.CDLL(device.LIBRARY)
    except OSError:
        pytest.skip("no NVIDIA driver here")
    assert device_bytes() > 0


def test_frames_that_leave_nothing_count_nothing_and_others_are_told(fake, frames):
    reader, kept = fake(), []
    reader.read = lambda _: []
    assert abs(allocations_per_frame(reader, frames, 100)) < 0.2
    reader.read = lambda _: kept.append([object(), object()])
    assert allocations_per_frame(reader, frames, 100) >= 2.5


def test_handles_of_this_process_are_counted(tmp_path):
    before = handles()
    with (tmp_path / "a").open("w"), (tmp_path / "b").open("w"):
        assert handles() == before + 2
    assert handles() == before


@pytest.fixture
def counters(tmp_path, monkeypatch):
    """Two packages and a part of one, which is counted in it already."""
    for name, microjoules in (("intel-rapl:0", 900), ("intel-rapl:1", 50), ("intel-rapl:0:0", 7)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "energy_uj").write_text(f"{microjoules}\n")
        (tmp_path / name / "max_energy_range_uj").write_text("999\n")
    monkeypatch.setattr(device, "POWERCAP", tmp_path)
    return tmp_path


def test_rapl_adds_the_packages_and_counters_may_begin_again(counters):
    with metered(on_gpu=False) as energy:
        (counters / "intel-rapl:0/energy_uj").write_text("100\n")
        (counters / "intel-rapl:1/energy_uj").write_text("250\n")
        (counters / "intel-rapl:0:0/energy_uj").write_text("500\n")
        time.sleep(0.01)
    assert energy.source == "rapl"
    assert energy.joules == pytest.approx(400e-6)
    assert energy.seconds >= 0.01


@pytest.mark.parametrize("there", [True, False])
def test_counters_that_may_not_be_read_or_are_not_there_tell_nothing(counters, there):
    for path in counters.glob("*/energy_uj"):
        path.write_text("") if there else path.unlink()
    with metered(on_gpu=False) as energy:
        pass
    assert energy.source is None


def test_nvml_gives_the_gpus_energy(monkeypatch):
    used = iter((5000, 7500))

    def total(device, pointer):
        pointer._obj.value = next(used)
        return 0

    library = SimpleNamespace(
        nvmlInit_v2=lambda: 0,
        nvmlDeviceGetHandleByIndex_v2=lambda *_: 0,
        nvmlDeviceGetTotalEnergyConsumption=total,
    )
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    with metered(on_gpu=True) as energy:
        pass
    assert (energy.source, energy.joules) == ("nvml", 2.5)


def test_a_driver_that_does_not_start_tells_nothing(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace(nvmlInit_v2=lambda: 9))
    with metered(on_gpu=True) as energy:
        pass
    assert energy.source is None


def test_jtop_comes_first_and_is_asked_again_and_again(counters, monkeypatch):
    class Board:
        def start(self):
            self.power, self.closed = {"tot": {"power": 8000}}, False

        def close(self):
            self.closed = True

    board = Board()
    monkeypatch.setitem(sys.modules, "jtop", SimpleNamespace(jtop=lambda: board))
    monkeypatch.setattr(device, "JTOP_EVERY_S", 0.01)
    with metered(on_gpu=False) as energy:
        time.sleep(0.5)
    assert energy.source == "jtop"
    assert energy.joules == pytest.approx(8 * energy.seconds, rel=0.2)
    assert board.closed


def test_clocks_of_the_cores(monkeypatch):
    clocks = [SimpleNamespace(current=mhz) for mhz in (2400.5, 1800)]
    monkeypatch.setattr("psutil.cpu_freq", lambda **_: clocks)
    assert clocks_mhz(on_gpu=False) == [2400.5, 1800.0]


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """Put a program in nvidia-smi's place: nvidia_smi(shell commands)."""

    def write(commands):
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{commands}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    return write


def test_what_a_stand_in_for_nvidia_smi_says_is_read(nvidia_smi):
    nvidia_smi('echo "1980, [N/A], 51"; echo "345, 80.1, 30"')
    assert gpu_clocks() == Clocks(sm_mhz=1980, power_w=None, temperature_c=51)
    assert clocks_mhz(on_gpu=True) == [1980.0]


@pytest.mark.parametrize("commands", ["exit 9", "echo Failed to initialize NVML"])
def test_a_stand_in_for_nvidia_smi_that_fails_is_no_error(nvidia_smi, commands):
    nvidia_smi(commands)
    assert gpu_clocks() is None
    assert clocks_mhz(on_gpu=True) == []


def test_a_machine_without_nvidia_smi(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpu_clocks() is None
    found = gpu_of(Driver((12, 6), (Gpu("Orin", "sm87", 16 << 30, integrated=True),)))
    assert (found.name, found.compute_capability, found.memory_gib) == ("Orin", "sm87", 16)
    assert (found.cuda, found.driver) == ("12.6", None)
