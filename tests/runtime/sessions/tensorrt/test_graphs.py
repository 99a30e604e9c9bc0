"""Capture with cuda-bindings; where it is installed, that it has what is called."""

import importlib
import sys

import pytest

from edgereader.runtime.sessions.tensorrt.graphs import MODULE, capture

from .. import stand_in


@pytest.fixture
def stream(gpu):
    gpu.driver.Context().push()
    yield gpu.driver.Stream(1)
    gpu.driver.Context.pop()


def test_stand_in_work_that_fails_ends_the_capture(gpu, stream):
    assert capture(stream.handle, lambda: False) is None

    def broken():
        raise RuntimeError("not while capturing")

    assert capture(stream.handle, broken) is None
    assert stream._graph is None
    assert gpu.calls.count("cuStreamEndCapture") == 2


def test_without_cuda_bindings_there_are_none(monkeypatch):
    monkeypatch.setitem(sys.modules, MODULE, None)
    assert capture(1, lambda: True) is None


def test_cuda_bindings_have_what_is_called():
    pytest.importorskip(MODULE, reason="cuda-bindings is not installed: pip install cuda-bindings")
    real, ours = importlib.import_module(MODULE), stand_in.make_cuda_bindings(stand_in.Gpu())
    for name in vars(ours):
        assert name.startswith("__") or hasattr(real, name), name
    assert real.CUresult.CUDA_SUCCESS == 0
    assert {mode.name for mode in ours.CUstreamCaptureMode} <= {mode.name for mode in real.CUstreamCaptureMode}
    try:
        code, *_ = real.cuStreamEndCapture(0)
    except RuntimeError as exc:
        code = str(exc)  # there is no driver; capture takes that for a refusal
    assert code
