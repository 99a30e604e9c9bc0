import pytest
from msgspec.structs import replace

from edgereader.runtime.diagnosis.verdict import judge

from .machines import CONTAINER, JETSON, NO_DRIVER, NVPMODEL, ORIN, PC, RTX

ALL = dict.fromkeys(("tensorrt", "tensorrt-rtx", "cuda", "tensorrt-ep", "cpu"), "ok")


def test_a_gpu_that_works(examined):
    report = examined(PC, RTX, ALL, auto="tensorrt")
    assert report.ok
    assert report.working == list(ALL)
    assert report.verdict == "works, as the canary shows: tensorrt in fp16"
    assert report.advice == []


def test_only_the_cpu_and_no_gpu(examined):
    report = examined(CONTAINER, NO_DRIVER, {"cpu": "ok"})
    assert (report.ok, report.working, report.has_gpu) == (True, ["cpu"], False)
    assert report.verdict == "works, as the canary shows: cpu in fp16"
    assert report.advice == []


def test_results_that_cannot_be_checked(examined):
    report = examined(CONTAINER, NO_DRIVER, {"cpu": "unchecked"})
    report = judge(replace(report, bundle=replace(report.bundle, canary=False)))
    assert report.ok
    assert report.verdict == "works, unchecked, for want of a canary: cpu in fp16"
    (advice,) = report.advice
    assert "no canary" in advice


@pytest.mark.parametrize(("driver", "advice"), [(RTX, []), (NO_DRIVER, [NO_DRIVER])])
def test_a_gpu_that_lies_idle(examined, driver, advice):
    report = examined(PC, driver, {"cpu": "ok"})
    assert (report.ok, report.working) == (False, ["cpu"])
    assert report.verdict.startswith("the GPU lies idle")
    assert report.verdict.endswith("What runs: cpu in fp16")
    assert report.advice == advice


@pytest.mark.parametrize("state", ["failed", "crashed", "timeout", "unavailable"])
def test_nothing_works(examined, state):
    report = examined(CONTAINER, NO_DRIVER, {"cpu": state})
    assert (report.ok, report.working) == (False, [])
    assert report.verdict.startswith("nothing works")


def test_auto_that_crashes_where_others_work(examined):
    report = examined(PC, RTX, {"cuda": "ok", "cpu": "ok", "tensorrt": "crashed"}, auto="tensorrt")
    assert (report.ok, report.working) == (False, ["cuda", "cpu"])
    assert report.verdict == "backend auto does not work, but cuda does: ask for it (--backend cuda)"


def test_models_on_different_backends(examined):
    report = examined(PC, RTX, ALL, auto="cuda")
    detector, recognizer = report.auto
    report = judge(replace(report, auto=[detector, replace(recognizer, backend="cpu", precision="int8")]))
    assert report.verdict.endswith("detector on cuda in fp16, recognizer on cpu in int8")


def test_advice(examined):
    report = examined(CONTAINER, NO_DRIVER, {"cpu": "ok"})
    system = replace(report.system, python="3.8.10", python_ok=False)
    clash = {"onnxruntime": "1.31", "onnxruntime-gpu": "1.31"}
    bundle = replace(report.bundle, problems=["a.onnx: expected 3 bytes, got 2; export again"])
    python, packages, file = judge(replace(report, system=system, packages=clash, bundle=bundle)).advice
    assert python == "Python 3.8.10: expected >=3.10; make a new virtual environment"
    assert packages.startswith("onnxruntime and onnxruntime-gpu")
    assert file == "a.onnx: expected 3 bytes, got 2; export again"


def test_advice_on_a_jetson(examined, command):
    command("nvpmodel", f"printf '{NVPMODEL}'")
    report = examined(JETSON, ORIN, ALL, auto="tensorrt")
    report = judge(replace(report, opencv=replace(report.opencv, gstreamer=False)))
    power, tensorrt, cameras = report.advice
    assert power.startswith("power mode 15W is not the fastest")
    assert "JetPack's TensorRT 10.3.0.30-1+cuda12.5" in tensorrt
    assert "no GStreamer" in cameras
    opencv, jetson = replace(report.opencv, gstreamer=True), replace(report.jetson, power_mode="MAXN_SUPER")
    assert judge(replace(report, opencv=opencv, jetson=jetson, packages={"tensorrt": "10.3.0"})).advice == []
