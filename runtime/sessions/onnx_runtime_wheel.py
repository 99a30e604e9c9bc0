"""Whether the installed ONNX Runtime can run on the GPU, and if not, what to do about it."""

import ctypes
import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..errors import BackendUnavailable
from ..extras import pip_install
from .nvidia import Driver

CUDA, TENSORRT = "CUDAExecutionProvider", "TensorrtExecutionProvider"
PROVIDERS = {"cuda": CUDA, "tensorrt-ep": TENSORRT}
"""Backend → ONNX Runtime's name for what runs it."""


def expect_wheel(ort: Any, backend: str, driver: Driver) -> None:
    """Check that the wheel has the provider, and that the driver is new enough for it.

    Raises:
        BackendUnavailable: it is not so.
    """
    if PROVIDERS[backend] not in ort.get_available_providers():
        raise BackendUnavailable(f"backend {backend}: expected ONNX Runtime with its provider, got {_without(ort)}")
    major, newest = int(_cuda_version(ort)), driver.cuda_version
    if major > newest[0]:
        raise BackendUnavailable(
            f"backend {backend}: expected a driver for CUDA {major}, as onnxruntime {ort.__version__} is for, "
            f"got one for {newest[0]}.{newest[1]}; update it, or install an onnxruntime-gpu for CUDA {newest[0]}"
        )


def _without(ort: Any) -> str:
    """What is installed instead of a wheel with the provider, and the fix."""
    if CUDA in ort.get_available_providers():
        return "one without TensorRT, as on aarch64; take backend tensorrt or cuda"
    wheels = [wheel for wheel in ("onnxruntime", "onnxruntime-gpu") if _installed(wheel)]
    got = "two wheels in one folder, the last one for CPUs" if len(wheels) > 1 else "the wheel for CPUs"
    return f"{got}; pip uninstall -y {' '.join(wheels)}, then {pip_install('gpu')}"


def _installed(wheel: str) -> bool:
    try:
        return bool(version(wheel))
    except PackageNotFoundError:
        return False


def _cuda_version(ort: Any) -> str:
    """The major version of CUDA that a wheel is built for, "0" when it does not say."""
    return (getattr(ort, "cuda_version", "") or "0").split(".")[0]


def missing_library(ort: Any, provider: str) -> str | None:
    """Return the library that a provider could not load, None when all are there."""
    folder = Path(ort.__file__).parent / "capi"
    name = "cuda" if provider == CUDA else "tensorrt"
    try:
        ctypes.CDLL(str(folder / "libonnxruntime_providers_shared.so"), ctypes.RTLD_GLOBAL)
        ctypes.CDLL(str(folder / f"libonnxruntime_providers_{name}.so"), os.RTLD_LAZY)
    except OSError as exc:
        return str(exc).partition(":")[0]
    return None


def lacks(ort: Any, backend: str, library: str) -> str:
    """Return what to do about a library that a provider could not load."""
    fix = "pip install 'onnxruntime-gpu[cuda,cudnn]'"
    if library.startswith(("libnvinfer", "libnvonnxparser")):
        fix = f"pip install 'tensorrt-cu{_cuda_version(ort)}<11'"
    return f"backend {backend}: expected the libraries of its provider, got no {library}; {fix}"
