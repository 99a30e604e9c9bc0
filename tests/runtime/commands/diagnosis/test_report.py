import pytest
from msgspec.structs import replace

from edgereader.runtime.bundles.bundle import Bundle, file_sha256, write_bundle
from edgereader.runtime.bundles.manifest import FileEntry, Passport
from edgereader.runtime.commands.diagnosis import report as module
from edgereader.runtime.commands.diagnosis.report import Engine, bundle_facts, examine, judge
from edgereader.runtime.sessions.opening import BACKENDS

from .conftest import add_canary
from .machines import CONTAINER, JETSON, NO_DRIVER, NVPMODEL, ORIN, PC, RTX

ALL = dict.fromkeys(("tensorrt", "tensorrt-rtx", "cuda", "tensorrt-ep", "cpu"), "ok")


def test_without_a_driver_no_gpu_backend_is_tried(make_host, proven_folder, monkeypatch):
    tried, heard = [], []
    monkeypatch.setattr(module, "ask_driver", lambda: NO_DRIVER)
    monkeypatch.setattr(module, "try_backend", lambda _, backend, *_rest: tried.append(backend) or [])
    report = examine(Bundle.open(proven_folder), make_host(CONTAINER), 60, heard.append)
    assert tried == ["cpu", "auto"]
    assert {(trial.state, trial.reason) for trial in report.trials} == {("unavailable", NO_DRIVER)}
    assert heard == ["asking the NVIDIA driver", *(f"trying {backend}" for backend in (*BACKENDS, "auto"))]


def test_with_one_all_are(examined):
    report = examined(PC, RTX, {})
    assert list(dict.fromkeys(trial.asked for trial in report.trials)) == list(BACKENDS)
    assert [trial.kind for trial in report.trials[:2]] == ["detector", "recognizer"]
    assert [trial.asked for trial in report.auto] == ["auto", "auto"]
    assert report.has_gpu


def test_a_bundle_with_one_model(make_host, make_bundle):
    report = examine(Bundle.open(make_bundle(recognizer=False)), make_host(CONTAINER), 60, lambda _: None)
    assert {trial.kind for trial in report.trials} == {"detector"}
    assert [trial.state for trial in report.auto] == ["unchecked"]


def test_a_probe_that_fails_leaves_the_rest(make_host, proven_folder, monkeypatch):
    def fail(*_):
        raise ValueError("unforeseen")

    for name in ("cpu_facts", "memory_facts", "jetson_facts", "package_facts", "opencv_facts"):
        monkeypatch.setattr(module.machine, name, fail)
    monkeypatch.setattr(module, "version", fail)
    report = examine(Bundle.open(proven_folder), make_host(CONTAINER), 60, lambda _: None)
    assert (report.cpu, report.memory, report.jetson, report.opencv, report.packages) == (None, None, None, None, {})
    names = "version of edgereader", "CPU", "memory", "Jetson", "packages", "OpenCV"
    assert report.unknown == [f"{name}: ValueError: unforeseen" for name in names]
    assert [trial.state for trial in report.auto] == ["ok", "ok"]


def test_a_sound_bundle(proven_folder):
    facts = bundle_facts(Bundle.open(proven_folder))
    assert (facts.name, facts.folder) == ("test", str(proven_folder))
    assert {kind: model.precisions for kind, model in facts.models.items()} == {
        "detector": ["fp32"],
        "recognizer": ["fp32"],
    }
    assert facts.models["recognizer"].architecture == "None-VGG-None-CTC"
    assert (facts.engines, facts.canary, facts.problems) == ([], True, [])


@pytest.mark.parametrize("name", ["detector.onnx", "canary-maps.png", "engines/r.fp16.engine"])
def test_every_file_of_a_bundle_is_checked(make_bundle, name):
    folder = add_canary(make_bundle())
    engine = {
        "kind": "recognizer",
        "precision": "fp16",
        "flavour": "tensorrt",
        "version": "10.3.0",
        "targets": ["sm87"],
    }
    write_engine(folder, engine)
    facts = bundle_facts(Bundle.open(folder))
    assert (facts.problems, facts.engines) == ([], [Engine(file="r.fp16.engine", **engine)])
    (folder / name).write_bytes(b"x")
    (problem,) = bundle_facts(Bundle.open(folder)).problems
    assert f"{name}: expected" in problem
    assert "export the bundle again" in problem


def write_engine(folder, engine):
    path = folder / "engines" / "r.fp16.engine"
    path.parent.mkdir()
    path.write_bytes(b"plan")
    bundle = Bundle.open(folder)
    file = FileEntry(path=path.name, sha256=file_sha256(path), bytes=4)
    passport = Passport(file=file, onnx_sha256=bundle.recognizer.files["fp32"].sha256, profile={}, **engine)
    write_bundle(folder, replace(bundle.manifest, engines=[passport]))


@pytest.mark.parametrize(
    ("machine", "driver", "states", "auto", "working", "verdict"),
    [
        (PC, RTX, ALL, "tensorrt", list(ALL), "works, as the canary shows: tensorrt in fp16"),
        (CONTAINER, NO_DRIVER, {"cpu": "ok"}, "cpu", ["cpu"], "works, as the canary shows: cpu in fp16"),
        (
            CONTAINER,
            NO_DRIVER,
            {"cpu": "unchecked"},
            "cpu",
            ["cpu"],
            "works, unchecked, for want of a canary: cpu in fp16",
        ),
    ],
)
def test_what_works(examined, machine, driver, states, auto, working, verdict):
    report = examined(machine, driver, states, auto=auto)
    assert (report.ok, report.working, report.verdict, report.advice) == (True, working, verdict, [])
    assert report.has_gpu == (machine is PC)


@pytest.mark.parametrize(("driver", "advice"), [(RTX, []), (NO_DRIVER, [NO_DRIVER])])
def test_a_gpu_that_lies_idle(examined, driver, advice):
    report = examined(PC, driver, {"cpu": "ok"})
    assert (report.ok, report.working, report.advice) == (False, ["cpu"], advice)
    assert report.verdict.startswith("the GPU lies idle")
    assert report.verdict.endswith("What runs: cpu in fp16")


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
    bundle = replace(report.bundle, canary=False, problems=["a.onnx: expected 3 bytes, got 2; export again"])
    python, packages, file, canary = judge(replace(report, system=system, packages=clash, bundle=bundle)).advice
    assert python == "Python 3.8.10: expected >=3.10; make a new virtual environment"
    assert packages.startswith("onnxruntime and onnxruntime-gpu")
    assert file == "a.onnx: expected 3 bytes, got 2; export again"
    assert "no canary" in canary


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
