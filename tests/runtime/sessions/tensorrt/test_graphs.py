"""Capture with cuda-bindings; where it is installed, that it has what is called."""

import importlib
import sys

import pytest

from edgereader.runtime.errors import BackendError
from edgereader.runtime.sessions.tensorrt.graphs import MODULE, capture

from .. import stand_in


@pytest.fixture
def stream(gpu):
    gpu.driver.Context().push()
    yield gpu.driver.Stream(1)
    gpu.driver.Context.pop()


def test_stand_in_captures_without_running_and_replays(gpu, stream):
    ran = []
    graph = capture(stream.handle, lambda: stream._push("run", lambda: ran.append(1)) or True)
    stream.synchronize()
    assert ran == []
    graph.launch(stream.handle)
    graph.launch(stream.handle)
    stream.synchronize()
    assert ran == [1, 1]
    graph.close()
    graph.close()
    assert gpu.alive == 1  # the stream


@pytest.mark.parametrize("broken", ["cuStreamBeginCapture", "cuStreamEndCapture", "cuGraphInstantiate"])
def test_stand_in_that_refuses_leaves_the_stream_usable(gpu, stream, caplog, broken):
    gpu.fail(broken)
    assert capture(stream.handle, lambda: True) is None
    assert f"{broken} gave CUDA_ERROR_STREAM_CAPTURE_INVALIDATED" in caplog.text
    ran = []
    stream._push("run", lambda: ran.append(1))
    stream.synchronize()
    assert ran == [1]
    assert gpu.alive == 1


def test_stand_in_work_that_fails_ends_the_capture(gpu, stream):
    assert capture(stream.handle, lambda: False) is None

    def broken():
        raise RuntimeError("not while capturing")

    assert capture(stream.handle, broken) is None
    assert stream._graph is None
    assert gpu.calls.count("cuStreamEndCapture") == 2


def test_stand_in_launch_that_fails_is_an_error(gpu, stream):
    graph = capture(stream.handle, lambda: True)
    gpu.fail("cuGraphLaunch")
    with pytest.raises(BackendError, match="cuGraphLaunch gave CUDA_ERROR_STREAM_CAPTURE_INVALIDATED"):
        graph.launch(stream.handle)


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
