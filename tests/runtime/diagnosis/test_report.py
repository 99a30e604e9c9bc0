from edgereader.runtime.bundles.bundle import Bundle
from edgereader.runtime.diagnosis import report as module
from edgereader.runtime.diagnosis.report import examine
from edgereader.runtime.sessions.opening import BACKENDS

from .machines import CONTAINER, NO_DRIVER, PC, RTX


def asked_for(report):
    return list(dict.fromkeys(each.asked for each in report.trials))


def test_without_a_driver_no_gpu_backend_is_tried(make_host, proven_folder, monkeypatch):
    tried = []
    monkeypatch.setattr(module, "ask_driver", lambda: NO_DRIVER)
    monkeypatch.setattr(module, "try_backend", lambda *told: tried.append(told[1]) or [])
    told = []
    report = examine(Bundle.open(proven_folder), make_host(CONTAINER), 60, told.append)
    assert tried == ["cpu", "auto"]
    assert {(each.state, each.reason) for each in report.trials} == {("unavailable", NO_DRIVER)}
    assert told == ["asking the NVIDIA driver", *(f"trying {each}" for each in (*BACKENDS, "auto"))]


def test_with_one_all_are(examined):
    report = examined(PC, RTX, {})
    assert asked_for(report) == list(BACKENDS)
    assert [each.kind for each in report.trials[:2]] == ["detector", "recognizer"]
    assert [each.asked for each in report.auto] == ["auto", "auto"]
    assert report.has_gpu


def test_a_bundle_with_one_model(make_host, make_bundle):
    report = examine(Bundle.open(make_bundle(recognizer=False)), make_host(CONTAINER), 60, lambda _: None)
    assert {each.kind for each in report.trials} == {"detector"}
    assert [each.state for each in report.auto] == ["unchecked"]


def test_a_probe_that_fails_leaves_the_rest(make_host, proven_folder, monkeypatch):
    def fail(*_):
        raise ValueError("unforeseen")

    for name in ("cpu_facts", "memory_facts", "jetson_facts", "package_facts", "opencv_facts", "version"):
        monkeypatch.setattr(module, name, fail)
    report = examine(Bundle.open(proven_folder), make_host(CONTAINER), 60, lambda _: None)
    assert (report.cpu, report.memory, report.jetson, report.opencv, report.packages) == (None, None, None, None, {})
    assert [each.split(":")[0] for each in report.unknown] == [
        "version of edgereader",
        "CPU",
        "memory",
        "Jetson",
        "packages",
        "OpenCV",
    ]
    assert all(each.endswith("ValueError: unforeseen") for each in report.unknown)
    assert [each.state for each in report.auto] == ["ok", "ok"]
