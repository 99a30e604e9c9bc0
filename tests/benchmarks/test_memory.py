import ctypes
import mmap

import pytest

from edgereader.benchmarks import memory
from edgereader.benchmarks.memory import MIB, device_bytes, host_bytes
from edgereader.runtime.errors import BackendUnavailable


def test_the_memory_of_this_process():
    """Pages fresh from the kernel, filled bit by bit: a heap may have room left, or keep what was as large as they."""
    before = host_bytes()
    with mmap.mmap(-1, 64 * MIB) as fresh:
        for _ in range(64):
            fresh.write(b"1" * MIB)
        assert 60 * MIB < host_bytes() - before < 80 * MIB


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
