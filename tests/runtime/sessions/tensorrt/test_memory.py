"""Memory, streams and events, against a stand-in of pycuda."""

import inspect
import threading

import numpy as np
import pytest

from edgereader.runtime.errors import BackendError
from edgereader.runtime.sessions.tensorrt.memory import Array, Buffer, Owned, Scratch, Stream, open_device

from .. import stand_in


@pytest.fixture
def device(gpu):
    return open_device(gpu.driver, integrated=gpu.integrated)


def test_stand_in_has_one_device_for_all(gpu, device):
    assert open_device(gpu.driver, integrated=False) is device
    assert gpu.calls.count("retain_primary_context") == 1


def test_stand_in_context_is_current_inside_and_in_any_thread(gpu, device):
    depths = []

    def work():
        with device.current(), device.current():
            depths.append(len(gpu.contexts))
        depths.append(len(gpu.contexts))

    work()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert depths == [2, 0, 2, 0]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("MemoryError", r"out of device memory: cuMemAlloc failed: .*; use a smaller canvas \(long_side_px\) or batch"),
        ("LaunchError", "CUDA: cuMemAlloc failed: .*; the GPU is lost to this process: start it again"),
        ("LogicError", "CUDA: cuMemAlloc failed: .*; see `edgereader doctor`"),
        ("RuntimeError", "CUDA: cuMemAlloc failed: .*; see `edgereader doctor`"),
        ("Error", "CUDA: cuMemAlloc failed: .*; see `edgereader doctor`"),
    ],
)
def test_stand_in_errors_are_translated(gpu, device, error, message):
    cause = getattr(gpu.driver, error)("cuMemAlloc failed:\n stand-in")
    with pytest.raises(BackendError, match=message) as caught, device.current():
        raise cause
    assert caught.value.__cause__ is cause
    assert gpu.contexts == []


def test_stand_in_other_errors_pass(gpu, device):
    with pytest.raises(KeyError), device.current():
        raise KeyError
    assert gpu.contexts == []


def test_stand_in_array_lives_as_long_as_its_views(gpu, device):
    with device.current():
        array = Array(device, (4, 8), np.uint8)
        view = array.host[1:, ::2]
        array.close()
    assert gpu.held == (0, 1, 0)
    view[...] = 7
    assert view.sum() == 7 * 12
    thread = threading.Thread(target=lambda box: box.clear(), args=([view],))
    del view
    thread.start()
    thread.join()
    del thread
    assert gpu.held == (0, 0, 0)
    assert gpu.leaked == []


def test_stand_in_scratch_grows_and_does_not_shrink(gpu, device):
    owned = Owned(device)
    with device.current():
        scratch = owned.add(Scratch(device, owned.add(Stream(device))))
        first = scratch.of(100)
        assert scratch.of(50) is first
        assert scratch.of(100) is first
        second = scratch.of(101)
        assert second is not first
        assert second.bytes == 101
        assert len(gpu.memory) == 1
        gpu.free_bytes = 150  # old and new do not fit together
        assert scratch.of(200).bytes == 200
        with pytest.raises(gpu.driver.MemoryError):
            scratch.of(10_000)
        assert scratch.of(100).bytes == 100
    owned.close()
    assert gpu.held == (0, 0, 0)


def test_stand_in_closing_goes_on_after_a_failure(gpu, device):
    class Broken:
        def close(self):
            raise gpu.driver.LogicError("stand-in")

    owned = Owned(device)
    with device.current():
        owned.add(Buffer(device, 100))
        owned.add(Broken())
        owned.add(Buffer(device, 100))
    owned.close()
    owned.close()
    assert gpu.held == (0, 0, 0)


def test_pycuda_has_what_the_stand_in_has():
    real = pytest.importorskip("pycuda.driver", reason="pycuda is not installed: it needs the CUDA toolkit")
    ours = stand_in.make_pycuda(stand_in.Gpu())
    for name, kind in vars(ours).items():
        assert name.startswith("__") or hasattr(real, name), name
        for member in vars(kind) if inspect.isclass(kind) else ():
            assert member.startswith("_") or hasattr(getattr(real, name), member), f"{name}.{member}"
