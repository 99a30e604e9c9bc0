"""The driver is a stand-in of libcuda whose functions fill what they are given to fill."""

import ctypes
from types import SimpleNamespace

import pytest

from edgereader.runtime.errors import BackendUnavailable
from edgereader.runtime.sessions import nvidia
from edgereader.runtime.sessions.nvidia import Driver, Gpu, NoGpu, nvidia_driver

ORIN = Gpu("Orin", "sm87", 8 << 30, integrated=True)
ADA = Gpu("NVIDIA RTX 4090", "sm89", 24 << 30, integrated=False)
BLACKWELL = Gpu("NVIDIA RTX 5090", "sm120", 32 << 30, integrated=False)


class StandInDriver:
    def __init__(self, gpus=(ORIN,), version=12_060, failing="", code=999, name=b"CUDA_ERROR_UNKNOWN"):
        self._gpus, self._version, self._failing = gpus, version, failing
        self._code, self._name = code, name

    def __getattribute__(self, function):
        if function == object.__getattribute__(self, "_failing"):
            return lambda *_: object.__getattribute__(self, "_code")
        return object.__getattribute__(self, function)

    def cuInit(self, _flags):
        return 0

    def cuDriverGetVersion(self, version):
        version._obj.value = self._version
        return 0

    def cuDeviceGetCount(self, count):
        count._obj.value = len(self._gpus)
        return 0

    def cuDeviceGet(self, device, place):
        device._obj.value = 10 + place
        return 0

    def cuDeviceGetName(self, name, size, device):
        name.value = self._gpus[device.value - 10].name.encode()
        assert size == 256
        return 0

    def cuDeviceTotalMem_v2(self, memory, device):
        memory._obj.value = self._gpus[device.value - 10].memory_bytes
        return 0

    def cuDeviceGetAttribute(self, value, number, device):
        gpu = self._gpus[device.value - 10]
        major, minor = divmod(int(gpu.compute_capability[2:]), 10)
        value._obj.value = {75: major, 76: minor, 18: int(gpu.integrated)}[number]
        return 0

    def cuGetErrorName(self, _code, text):
        text._obj.value = self._name
        return 0 if self._name else 1


@pytest.fixture
def drive(monkeypatch):
    def use(library):
        def load(name):
            assert name == "libcuda.so.1"
            if library is None:
                raise OSError("libcuda.so.1: cannot open shared object file")
            return library

        real = {name: getattr(ctypes, name) for name in ("c_int", "c_size_t", "c_char_p", "byref")}
        real["create_string_buffer"] = ctypes.create_string_buffer
        monkeypatch.setattr(nvidia, "ctypes", SimpleNamespace(CDLL=load, **real))

    return use


@pytest.mark.parametrize(
    ("version", "expected"), [(12_060, (12, 6)), (13_000, (13, 0)), (11_080, (11, 8)), (13_020, (13, 2))]
)
def test_stand_in_driver_and_its_gpus(drive, version, expected):
    drive(StandInDriver((ORIN, ADA, BLACKWELL), version))
    assert nvidia_driver() == Driver(expected, (ORIN, ADA, BLACKWELL))


def test_no_driver_is_no_gpu(drive):
    drive(None)
    with pytest.raises(NoGpu, match=r"no NVIDIA driver: libcuda\.so\.1 .*--gpus all") as caught:
        nvidia_driver()
    assert isinstance(caught.value, BackendUnavailable)
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize("library", [StandInDriver(()), StandInDriver(failing="cuInit", code=100)])
def test_stand_in_driver_without_a_gpu(drive, library):
    drive(library)
    with pytest.raises(NoGpu, match="no NVIDIA GPU: .*CUDA_VISIBLE_DEVICES"):
        nvidia_driver()


FUNCTIONS = [name for name in vars(StandInDriver) if name.startswith("cu") and name != "cuGetErrorName"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_stand_in_driver_whose_every_function_is_checked(drive, function):
    assert len(FUNCTIONS) == 7
    drive(StandInDriver(failing=function))
    with pytest.raises(BackendUnavailable, match=f"NVIDIA driver: {function} gave CUDA_ERROR_UNKNOWN; see") as caught:
        nvidia_driver()
    assert not isinstance(caught.value, NoGpu)


def test_stand_in_driver_with_an_error_that_has_no_name(drive):
    drive(StandInDriver(failing="cuInit", code=12345, name=None))
    with pytest.raises(BackendUnavailable, match="cuInit gave error 12345"):
        nvidia_driver()
