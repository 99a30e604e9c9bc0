import ctypes

import numpy as np
import pytest

from edgereader.benchmarks.gpu import memory
from edgereader.benchmarks.gpu.memory import MIB, device_bytes, growth, host_bytes
from edgereader.runtime.errors import BackendUnavailable


def test_memory_that_stays_is_constant():
    found = growth([700 * MIB] * 100, 100, 2.0)
    assert (found.slope_mib, found.low_mib, found.high_mib) == (0, 0, 0)
    assert found.constant


def test_a_leak_among_noise_is_found_with_its_size():
    noise = np.random.default_rng(0).normal(0, 1, 100)
    found = growth([int((500 + 0.05 * sample + each) * MIB) for sample, each in enumerate(noise)], 100, 2.0)
    assert found.low_mib < 5 < found.high_mib  # 0.05 MiB in 100 frames
    assert found.low_mib > 2
    assert not found.constant


def test_what_is_too_noisy_to_tell_is_not_called_constant():
    noise = np.random.default_rng(1).normal(0, 30, 100)
    found = growth([int((500 + each) * MIB) for each in noise], 100, 2.0)
    assert found.low_mib < 0 < found.high_mib
    assert not found.constant


def test_one_step_early_on_is_not_a_slope_of_nothing():
    found = growth([500 * MIB] * 50 + [540 * MIB] * 50, 100, 2.0)
    assert found.most_mib - found.first_mib == 40
    assert not found.constant


def test_the_memory_of_this_process():
    before = host_bytes()
    kept = np.ones(64 * MIB, np.uint8)
    assert 60 * MIB < host_bytes() - before < 80 * MIB
    assert kept[-1] == 1


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


def test_a_stand_in_for_libcuda_is_asked_and_left_as_it_was(monkeypatch):
    driver = StandInForLibcuda()
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _name: driver)
    assert device_bytes() == 7
    assert driver.retained == 0


def test_a_stand_in_for_libcuda_that_fails_is_named_and_left_as_it_was(monkeypatch):
    driver = StandInForLibcuda("cuMemGetInfo_v2")
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _name: driver)
    with pytest.raises(BackendUnavailable, match="cuMemGetInfo_v2 gave error 2"):
        device_bytes()
    assert driver.retained == 0


@pytest.mark.gpu
def test_the_memory_of_a_gpu_is_told():
    try:
        ctypes.CDLL(memory.LIBRARY)
    except OSError:
        pytest.skip("no NVIDIA driver here")
    assert device_bytes() > 0
