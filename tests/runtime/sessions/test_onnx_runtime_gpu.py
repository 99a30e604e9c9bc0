"""No GPU here: the buffers run on ONNX Runtime's CPU provider, and a stand-in of its module plays the providers."""

import io
import logging
import os
import sys
from contextlib import redirect_stdout
from types import SimpleNamespace

import numpy as np
import pytest

from edgereader.runtime.bundles.bundle import Bundle, Checked
from edgereader.runtime.errors import BackendError, BackendUnavailable
from edgereader.runtime.sessions import onnx_runtime_gpu
from edgereader.runtime.sessions.nvidia import Driver, Gpu, NoGpu
from edgereader.runtime.sessions.onnx_runtime import OnnxRuntimeSession
from edgereader.runtime.sessions.onnx_runtime_gpu import GpuBinding, open_gpu
from edgereader.runtime.sessions.opening import open_session
from edgereader.runtime.sessions.profiles import default_profile

CUDA, TENSORRT, CPU = "CUDAExecutionProvider", "TensorrtExecutionProvider", "CPUExecutionProvider"
DRIVER = Driver((13, 0), (Gpu("stand-in", "sm90", 8 << 30, integrated=False),))


class StandInRuntime:
    """ONNX Runtime's module for GPUs: makes sessions of these providers and remembers what was asked for."""

    __version__, cuda_version = "1.31.1", "13.0"
    __file__ = "/nowhere/onnxruntime/__init__.py"

    def __init__(self, running=None, error=None, parts=((CUDA, 3), (CPU, 1))):
        self.running, self.error, self.parts = running, error, parts
        self.options = None

    def get_available_providers(self):
        return [TENSORRT, CUDA, CPU]

    def preload_dlls(self):
        print("Failed to load libcublasLt.so.13")

    def InferenceSession(self, _path, _options, providers, enable_fallback):
        assert enable_fallback == 0
        self.options = dict(providers)
        if self.error is not None:
            raise self.error
        names = self.running or [name for name, _ in providers] + [CPU]
        parts = [SimpleNamespace(ep_name=name, get_nodes=lambda count=count: [0] * count) for name, count in self.parts]
        return SimpleNamespace(get_providers=lambda: names, get_provider_graph_assignment_info=lambda: parts)


@pytest.fixture(autouse=True)
def machine(monkeypatch, tmp_path):
    monkeypatch.setattr(onnx_runtime_gpu, "nvidia_driver", lambda: DRIVER)
    monkeypatch.setattr(onnx_runtime_gpu, "missing_library", lambda *_: None)
    monkeypatch.setattr(onnx_runtime_gpu, "_tensorrt_version", lambda *_: "101304")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.fixture
def path(bundle_folder):
    return bundle_folder / "detector.onnx"


def checked(path):
    return Checked(path, path.read_bytes())


def opened(ort, path, backend="cuda", precision="fp32", profile=None):
    options = SimpleNamespace(add_session_config_entry=lambda *_: None)
    return open_gpu(ort, checked(path), options, backend, precision, profile or {})


def test_stand_in_cuda_has_its_provider_and_its_options(path, caplog):
    ort, said = StandInRuntime(), io.StringIO()
    with redirect_stdout(said), caplog.at_level(logging.INFO, "edgereader"):
        assert opened(ort, path).get_providers()[0] == CUDA
    assert list(ort.options) == [CUDA]
    assert ort.options[CUDA]["use_tf32"] == 0
    assert ort.options[CUDA]["gpu_mem_limit"] == 4 << 30
    assert ort.options[CUDA]["arena_extend_strategy"] == "kSameAsRequested"
    assert said.getvalue() == ""
    assert "cuda runs 3 of the 4 nodes of detector.onnx" in caplog.text


def test_stand_in_tensorrt_has_cuda_behind_it_and_a_profile(bundle_folder, path, tmp_path, caplog):
    ort = StandInRuntime(parts=[(TENSORRT, 4)])
    profile = default_profile(Bundle.open(bundle_folder), "detector")
    opened(ort, path, "tensorrt-ep", "fp32", profile)
    options = ort.options[TENSORRT]
    assert list(ort.options) == [TENSORRT, CUDA]
    assert options["trt_profile_min_shapes"] == "image:1x32x32x3"
    assert options["trt_profile_opt_shapes"] == "image:1x768x1280x3"
    assert options["trt_profile_max_shapes"] == "image:1x1280x1280x3"
    assert (options["trt_fp16_enable"], options["trt_int8_enable"]) == (False, False)
    sha256 = Bundle.open(bundle_folder).detector.files["fp32"].sha256
    folder = tmp_path / "edgereader" / "tensorrt-ep" / sha256 / "onnxruntime-1.31.1-tensorrt-101304-sm90"
    assert options["trt_engine_cache_path"] == options["trt_timing_cache_path"] == str(folder)
    assert "this may take minutes" in caplog.text
    caplog.clear()
    (folder / "a.engine").touch()
    opened(ort, path, "tensorrt-ep", "fp32", profile)
    assert "this may take minutes" not in caplog.text


@pytest.mark.parametrize(("precision", "fp16", "int8"), [("fp16", True, False), ("int8-trt", False, True)])
def test_stand_in_tensorrt_may_use_what_the_graph_is_in(path, precision, fp16, int8):
    ort = StandInRuntime(parts=[(TENSORRT, 4)])
    opened(ort, path, "tensorrt-ep", precision)
    assert (ort.options[TENSORRT]["trt_fp16_enable"], ort.options[TENSORRT]["trt_int8_enable"]) == (fp16, int8)


def test_an_engine_of_something_else_is_never_found(path, tmp_path):
    other = tmp_path / "other.onnx"
    other.write_bytes(b"x")
    keys = [(path, "a", "b", "sm87"), (path, "a", "c", "sm87"), (path, "d", "b", "sm87"), (path, "a", "b", "sm90")]
    folders = {onnx_runtime_gpu.cache_folder(checked(key[0]), *key[1:]) for key in (*keys, (other, "a", "b", "sm87"))}
    assert len(folders) == 5


def test_a_folder_that_cannot_be_written_is_named(path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(path))
    with pytest.raises(BackendUnavailable, match="expected a folder for engines"):
        opened(StandInRuntime(), path, "tensorrt-ep")


@pytest.mark.parametrize(("backend", "running"), [("cuda", [CPU]), ("tensorrt-ep", [CUDA, CPU])])
def test_stand_in_that_falls_back_is_an_error_that_names_the_library(path, monkeypatch, backend, running):
    monkeypatch.setattr(onnx_runtime_gpu, "missing_library", lambda *_: "libcudnn.so.9")
    with pytest.raises(BackendUnavailable, match=rf"{backend}.*libcudnn\.so\.9.*cuda,cudnn.*{running[0]} instead"):
        opened(StandInRuntime(running), path, backend)
    with pytest.raises(BackendUnavailable, match=r"libcudnn\.so\.9"):
        opened(StandInRuntime(error=RuntimeError("install TensorRT")), path, backend)


def test_stand_in_whose_provider_takes_no_node_is_an_error(path):
    with pytest.raises(BackendError, match="got all 4 nodes elsewhere"):
        opened(StandInRuntime(parts=[(CPU, 4)]), path)


def test_stand_in_that_cannot_load_the_graph(path):
    with pytest.raises(BackendError, match=r"cuda: .*detector\.onnx: ONNX Runtime failed: bad graph"):
        opened(StandInRuntime(error=RuntimeError("bad\ngraph")), path)
    with pytest.raises(BackendError, match="no memory left"):
        opened(StandInRuntime(error=RuntimeError("CUDA failure 2: out of memory")), path)


@pytest.mark.parametrize("backend", ["cuda", "tensorrt-ep"])
def test_without_a_driver_nothing_is_loaded(bundle_folder, monkeypatch, backend):
    def no_driver():
        raise NoGpu("no NVIDIA driver")

    monkeypatch.setattr(onnx_runtime_gpu, "nvidia_driver", no_driver)
    with pytest.raises(BackendUnavailable, match="no NVIDIA driver"):
        open_session(Bundle.open(bundle_folder), "detector", backend)


def test_without_tensorrt_the_fix_is_named(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    monkeypatch.setattr(onnx_runtime_gpu, "NVINFER", ("libnvinfer.so.0",))
    with pytest.raises(BackendUnavailable, match=r"no libnvinfer\.so\.0; pip install 'tensorrt-cu13<11'"):
        onnx_runtime_gpu._tensorrt_version(StandInRuntime())


@pytest.fixture
def binding(bundle_folder, monkeypatch):
    """Six rows whose buffers "on the GPU" lie in ordinary memory."""
    monkeypatch.setattr(onnx_runtime_gpu, "DEVICE", "cpu")
    session = OnnxRuntimeSession(checked(bundle_folder / "detector.onnx"))
    arrays = {"image": np.zeros((6, 64, 96, 3), np.uint8), "region": np.zeros((6, 32, 48), np.float32)}
    arrays["affinity"] = arrays["region"].copy()
    return GpuBinding(session._session, arrays, {"region", "affinity"}, set(arrays))


def test_on_the_cpu_the_gpu_binding_copies_in_and_out_in_place(binding):
    region = binding.outputs["region"]
    for level in (255, 51):
        binding.inputs["image"][..., 2] = level
        binding.start(6)
        binding.wait()
        assert binding.outputs["region"] is region
        assert np.allclose(region, level / 255)


def test_on_the_cpu_few_batch_sizes_are_run_and_each_is_allocated_once(binding, monkeypatch):
    import onnxruntime

    made, allocate = [], onnxruntime.OrtValue.ortvalue_from_shape_and_type
    stand_in = SimpleNamespace(
        ortvalue_from_shape_and_type=lambda shape, *rest: made.append(shape[0]) or allocate(shape, *rest),
        ortvalue_from_numpy=onnxruntime.OrtValue.ortvalue_from_numpy,
    )
    monkeypatch.setattr(onnxruntime, "OrtValue", stand_in)
    for batch in (1, 2, 3, 4, 5, 6, 5, 3, 1):
        binding.inputs["image"][...] = 20 * batch
        binding.run(batch)
        assert np.allclose(binding.outputs["region"][:batch], 20 * batch / 255)
    assert made == [1, 2, 4, 6]


def test_on_the_cpu_a_batch_too_many_for_memory_leaves_the_others(binding, monkeypatch):
    binding.inputs["image"][...] = 255
    session, broken = binding._session, SimpleNamespace(io_binding=binding._session.io_binding)

    def run_with_iobinding(bound):
        raise RuntimeError("Failed to allocate memory for requested buffer of size 123")

    broken.run_with_iobinding = run_with_iobinding
    binding._session = broken
    with pytest.raises(BackendError, match=r"image \(4, 64, 96, 3\): the GPU has no memory left.*smaller canvas"):
        binding.run(4)
    assert (binding._bindings, binding._uploads) == ({}, {})
    binding._session = session
    binding.run(4)
    assert (binding.outputs["region"][:4] == 1).all()


def test_on_the_cpu_a_forked_process_is_told_that_a_gpu_does_not_come_along(binding, monkeypatch):
    binding.run(4)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(BackendError, match=r"which opened the GPU, got .*; start processes by multiprocessing's spawn"):
        binding.run(4)


@pytest.mark.gpu
@pytest.mark.parametrize("backend", ["cuda", "tensorrt-ep"])
def test_a_gpu_reads_the_canary_of_the_shipped_bundle(monkeypatch, backend):
    monkeypatch.undo()
    from edgereader.runtime.sessions.nvidia import nvidia_driver

    try:
        nvidia_driver()
        session = open_session(Bundle.open("digits-edge"), "detector", backend)
    except BackendUnavailable as exc:
        pytest.skip(str(exc))
    assert session.backend == backend
