import os

import pytest

from edgereader.benchmarks.gpu.figures import Clocks
from edgereader.benchmarks.gpu.state import clocks, gpu_of
from edgereader.runtime.sessions.nvidia import Driver, Gpu


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Put a program in nvidia-smi's place: stand_in(shell commands)."""

    def write(commands):
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{commands}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    return write


def test_what_a_stand_in_for_nvidia_smi_says_is_read(stand_in):
    stand_in('echo "1980, 3201, [N/A], 51"; echo "345, 3201, 80.1, 30"')
    assert clocks() == Clocks(sm_mhz=1980, memory_mhz=3201, power_w=None, temperature_c=51)


@pytest.mark.parametrize("commands", ["exit 9", "echo Failed to initialize NVML", "true"])
def test_a_stand_in_for_nvidia_smi_that_fails_is_no_error(stand_in, commands):
    stand_in(commands)
    assert clocks() is None


def test_a_machine_without_nvidia_smi(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert clocks() is None
    found = gpu_of(Driver((12, 6), (Gpu("Orin", "sm87", 16 << 30, integrated=True),)))
    assert (found.name, found.compute_capability, found.memory_gib) == ("Orin", "sm87", 16)
    assert (found.cuda, found.driver) == ("12.6", None)
