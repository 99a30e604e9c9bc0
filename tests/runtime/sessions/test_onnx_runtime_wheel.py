"""A stand-in of ONNX Runtime's module says which wheel is installed."""

from types import SimpleNamespace

import pytest

from edgereader.runtime.errors import BackendUnavailable
from edgereader.runtime.sessions import onnx_runtime_wheel
from edgereader.runtime.sessions.nvidia import Driver
from edgereader.runtime.sessions.onnx_runtime_wheel import CUDA, TENSORRT, expect_wheel, lacks, missing_library

CPU = "CPUExecutionProvider"
DRIVER = Driver((13, 0), ())


def stand_in(*providers, cuda_version="13.0"):
    return SimpleNamespace(
        get_available_providers=lambda: [*providers, CPU], cuda_version=cuda_version, __version__="1.31.1"
    )


def test_a_wheel_that_fits():
    expect_wheel(stand_in(TENSORRT, CUDA), "cuda", DRIVER)
    expect_wheel(stand_in(TENSORRT, CUDA, cuda_version="12.8"), "tensorrt-ep", DRIVER)
    expect_wheel(stand_in(CUDA, cuda_version=""), "cuda", DRIVER)


@pytest.mark.parametrize(
    ("installed", "match"),
    [
        (
            {"onnxruntime"},
            r"for CPUs; pip uninstall -y onnxruntime, then pip install 'onnxruntime-gpu\[cuda,cudnn\]",
        ),
        ({"onnxruntime", "onnxruntime-gpu"}, r"two wheels.*uninstall -y onnxruntime onnxruntime-gpu, then"),
    ],
)
def test_a_wheel_for_cpus_is_named_with_the_fix(monkeypatch, installed, match):
    monkeypatch.setattr(onnx_runtime_wheel, "_installed", installed.__contains__)
    with pytest.raises(BackendUnavailable, match=match):
        expect_wheel(stand_in(), "cuda", DRIVER)


def test_what_pip_installed_is_found():
    assert onnx_runtime_wheel._installed("numpy")
    assert not onnx_runtime_wheel._installed("no-such-wheel")


def test_a_wheel_without_tensorrt():
    with pytest.raises(BackendUnavailable, match="without TensorRT, as on aarch64; take backend tensorrt or cuda"):
        expect_wheel(stand_in(CUDA), "tensorrt-ep", DRIVER)


def test_a_driver_that_is_too_old():
    with pytest.raises(BackendUnavailable, match=r"driver for CUDA 13, as onnxruntime 1\.31\.1.*got one for 12\.6"):
        expect_wheel(stand_in(CUDA), "cuda", Driver((12, 6), ()))


def test_the_library_that_is_missing_is_found(tmp_path):
    ort = SimpleNamespace(__file__=str(tmp_path / "__init__.py"))
    assert missing_library(ort, CUDA).endswith("libonnxruntime_providers_shared.so")


@pytest.mark.parametrize(
    ("library", "fix"),
    [
        ("libcublasLt.so.13", "pip install 'onnxruntime-gpu[cuda,cudnn]'"),
        ("libnvinfer.so.10", "pip install 'tensorrt-cu13<11'"),
        ("libnvonnxparser.so.10", "pip install 'tensorrt-cu13<11'"),
    ],
)
def test_the_fix_depends_on_the_library(library, fix):
    assert lacks(stand_in(), "cuda", library).endswith(f"got no {library}; {fix}")
