"""A loaded plan: here only what TensorRT for RTX does without a GPU; the rest runs in test_tensor_rt.py."""

import inspect
import re

import pytest

from edgereader.runtime.errors import BackendError
from edgereader.runtime.sessions.tensorrt.engines import Engine, logger_of

from .. import stand_in

WITHOUT = "TensorRT for RTX is not installed: pip install tensorrt-rtx"


def test_stand_in_has_nothing_that_tensorrt_for_rtx_lacks():
    """What a session calls of TensorRT is in the stand-in, and so must be in the library, with the same arguments."""
    real = pytest.importorskip("tensorrt_rtx", reason=WITHOUT)
    for name, kind in vars(stand_in.make_tensorrt(stand_in.Gpu(), "tensorrt_rtx")).items():
        if name.startswith("_"):
            continue
        assert hasattr(real, name), name
        for member, value in vars(kind).items() if isinstance(kind, type) else ():
            if not member.startswith("_") and member not in {"name", "value"}:
                found = getattr(getattr(real, name), member, None)
                assert found is not None, f"{name}.{member}"
                if inspect.isfunction(value):
                    expected = [*inspect.signature(value).parameters][1:]
                    assert expected in _arguments(member, found.__doc__), f"{name}.{member}"


def _arguments(member, documentation):
    """Names of the arguments in each signature that pybind11 writes down."""
    signatures = re.findall(rf"\b{member}\(self: [^,)]*,? ?(.*)\) ->", documentation)
    return [re.findall(r"(?:^|, )(\w+): ", signature) for signature in signatures]


def test_attributes_that_are_set_exist_in_tensorrt_for_rtx():
    real = pytest.importorskip("tensorrt_rtx", reason=WITHOUT)
    assert real.Runtime.engine_host_code_allowed.fset
    assert real.IRuntimeConfig.cuda_graph_strategy.fset


def test_tensorrt_for_rtx_says_why_it_refuses_a_corrupted_plan():
    real = pytest.importorskip("tensorrt_rtx", reason=WITHOUT)
    with pytest.raises(BackendError, match=r"a\.engine: TensorRT refused deserialize_cuda_engine: .*Serial") as caught:
        Engine(real, b"no plan" * 100, "a.engine")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "fix"),
    [
        ("Error Code 1: Serialization (header.magicTag failed)", "build it again with `edgereader engine`"),
        ("(cudaError 35: CUDA driver version is insufficient for CUDA runtime version)", "update the NVIDIA driver"),
        ("Error Code 2: OutOfMemory (Requested size was 1 bytes.)", "use a smaller canvas"),
        ("Cuda Runtime (out of memory)", "use a smaller canvas"),
    ],
)
def test_the_fix_is_for_what_tensorrt_said(said, fix):
    trt = stand_in.make_tensorrt(stand_in.Gpu(), "tensorrt")

    def refuse(_self, _plan):
        logger_of(trt).log(type("Severity", (), {"name": "ERROR"}), said)

    trt.Runtime.deserialize_cuda_engine = refuse
    trt.Runtime.__init__ = lambda _self, _logger: None
    with pytest.raises(BackendError, match=f"refused deserialize_cuda_engine: .*; {fix}"):
        Engine(trt, b"", "a.engine")


def test_each_library_has_one_logger_that_keeps_the_last_errors():
    trt = stand_in.make_tensorrt(stand_in.Gpu(), "tensorrt")
    logger = logger_of(trt)
    assert logger_of(trt) is logger
    severity = type("Severity", (), {})()
    for number in range(20):
        severity.name = "ERROR" if number % 2 else "INFO"
        said = f"line\n{number}"
        logger.log(severity, said)
    assert logger.take() == " ".join(f"line {number}" for number in range(5, 20, 2))
    assert not logger.take()
