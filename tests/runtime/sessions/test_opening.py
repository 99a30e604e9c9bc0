"""Choosing a backend; GPUs and the backends on them are stand-ins."""

import logging
from contextlib import suppress

import numpy as np
import pytest

from edgereader.runtime.bundles.bundle import Bundle
from edgereader.runtime.errors import BackendError, BackendUnavailable, BundleError
from edgereader.runtime.sessions import opening as sessions
from edgereader.runtime.sessions.nvidia import NoGpu
from edgereader.runtime.sessions.onnx_runtime import OnnxRuntimeSession
from edgereader.runtime.sessions.opening import BACKENDS, open_session

KINDS = "detector", "recognizer"


class StandInBackend(OnnxRuntimeSession):
    """The graph on the CPU under another backend's name; a broken one computes zeros."""

    broken = False

    def bind(self, shapes, *, batched):
        backend, self.backend = self.backend, "cpu"
        binding = super().bind(shapes, batched=batched)
        self.backend, run = backend, binding.run

        def zeros(batch):
            run(batch)
            for array in binding.outputs.values():
                array[...] = 0

        binding.run = zeros if self.broken else run
        return binding


@pytest.fixture
def install(monkeypatch):
    """A machine with a GPU: install(cuda="works", tensorrt="broken"); what is not named cannot run."""

    def fill(error=None, **backends):
        def driver():
            if error is not None:
                raise error

        def open_unproven(bundle, kind, backend, precision, threads):
            state = backends.get(backend.replace("-", "_"), "works" if backend == "cpu" else "absent")
            if state == "absent":
                raise BackendUnavailable(f"pip install {backend}")
            session = StandInBackend(bundle.read(kind, precision or "fp32"))
            session.backend, session.broken = backend, state == "broken"
            return session

        monkeypatch.setattr(sessions, "nvidia_driver", driver)
        monkeypatch.setattr(sessions, "open_unproven", open_unproven)

    return fill


@pytest.fixture
def auto(canary_folder, caplog):
    """What auto chooses, and the level and text of its last line in the log."""

    def choose(kind="detector", folder=canary_folder):
        caplog.clear()
        with caplog.at_level(logging.INFO, "edgereader"):
            session = open_session(Bundle.open(folder), kind)
        return session.backend, caplog.records[-1].levelname, caplog.records[-1].getMessage()

    return choose


@pytest.mark.parametrize("name", ["CPU", "gpu", ""])
def test_an_unknown_backend(bundle_folder, name):
    with pytest.raises(BackendUnavailable, match=f"{', '.join(BACKENDS)}; use one of these, or auto"):
        open_session(Bundle.open(bundle_folder), "detector", name)


@pytest.mark.parametrize("name", [name for name in BACKENDS if name != "cpu"])
def test_what_is_asked_for_runs_or_is_an_error(canary_folder, name):
    with suppress(BackendUnavailable, BundleError):  # where it is installed, and has an engine, it runs
        assert open_session(Bundle.open(canary_folder), "detector", name).backend == name


def test_without_a_driver_auto_is_cpu_and_says_why(install, auto):
    install(NoGpu("no NVIDIA driver"), cuda="works")
    assert auto() == ("cpu", "INFO", "detector: cpu in fp32 (no NVIDIA driver)")


def test_a_driver_that_fails_is_a_warning(install, auto):
    install(BackendUnavailable("NVIDIA driver: cuInit gave CUDA_ERROR_UNKNOWN"), cuda="works")
    backend, level, text = auto()
    assert (backend, level) == ("cpu", "WARNING")
    assert "cuInit gave CUDA_ERROR_UNKNOWN" in text


@pytest.mark.parametrize("kind", KINDS)
def test_the_best_backend_that_works_is_taken(install, auto, kind):
    install(tensorrt="works", cuda="works")
    assert auto(kind) == ("tensorrt", "INFO", f"{kind}: tensorrt in fp32 (the best backend, and it works here)")


def test_what_is_not_installed_is_passed_over(install, auto):
    install(cuda="works")
    backend, level, text = auto()
    assert (backend, level) == ("cuda", "INFO")
    assert text.endswith("(tensorrt: pip install tensorrt; tensorrt-rtx: pip install tensorrt-rtx)")


def test_a_gpu_that_lies_idle_is_a_warning(install, auto):
    install()
    backend, level, text = auto()
    assert (backend, level) == ("cpu", "WARNING")
    assert "cuda: pip install cuda" in text


@pytest.mark.parametrize("kind", KINDS)
def test_a_backend_that_misreads_the_canary_is_left_with_a_warning(install, auto, canary_folder, kind):
    install(tensorrt="broken", cuda="works")
    backend, level, text = auto(kind)
    assert (backend, level) == ("cuda", "WARNING")
    assert "tensorrt: expected" in text
    assert "on the bundle's canary" in text
    with pytest.raises(BackendError, match=r"tensorrt: expected .* on the bundle's canary"):
        open_session(Bundle.open(canary_folder), kind, "tensorrt")


def test_a_bundle_without_canary_runs_on_the_cpu_and_says_what_to_do(install, auto, bundle_folder):
    install(cuda="works")
    backend, level, text = auto(folder=bundle_folder)
    assert (backend, level) == ("cpu", "WARNING")
    assert "`edgereader export canary BUNDLE`" in text
    with pytest.raises(BundleError, match="expected a canary to check cuda with, got none"):
        open_session(Bundle.open(bundle_folder), "detector", "cuda")
    assert open_session(Bundle.open(bundle_folder), "detector", "cpu").backend == "cpu"


def test_what_no_backend_can_open_is_the_error_of_the_cpu(install, canary_folder):
    install(cuda="works")
    with pytest.raises(BundleError, match="in fp16"):
        open_session(Bundle.open(canary_folder), "detector", "auto", "fp16")


def test_only_tensorrt_ep_has_a_profile(canary_folder, monkeypatch):
    from edgereader.runtime.sessions import onnx_runtime, onnx_runtime_gpu

    opened = []
    for module, name in ((onnx_runtime, "OnnxRuntimeSession"), (onnx_runtime_gpu, "OnnxRuntimeGpuSession")):
        monkeypatch.setattr(module, name, lambda *given: opened.append(given[1:]))
    for backend in ("cpu", "cuda", "tensorrt-ep"):
        sessions.open_unproven(Bundle.open(canary_folder), "recognizer", backend, None)
    assert opened[:2] == [("cpu", "fp32", None, None), ("cuda", "fp32", None, None)]
    assert np.array_equal(opened[2][2]["crops"].max, (32, 32, 100, 1))
