import pytest

from edgereader.runtime.diagnosis import packages as module
from edgereader.runtime.diagnosis.packages import clashes, opencv_facts, package_facts


class Installed:
    """A stand-in for a distribution."""

    def __init__(self, name, version):
        self.metadata, self.version = {"Name": name}, version


@pytest.fixture
def installed(monkeypatch):
    def install(*pairs, modules=()):
        monkeypatch.setattr(module, "distributions", lambda: [Installed(*each) for each in pairs])
        monkeypatch.setattr(module, "find_spec", lambda name: name in modules or None)
        return package_facts(None)

    return install


def test_the_real_ones():
    found = package_facts(None)
    assert {"numpy", "click", "msgspec", "onnxruntime", "opencv-python-headless"} <= set(found)
    assert "edgereader" not in found
    assert list(found) == sorted(found)


def test_the_first_on_the_path_counts(installed):
    found = installed(("torch", "2.9"), ("NumPy", "2.1"), ("numpy", "1.26"), ("pip", "24"), (None, "1"))
    assert found == {"numpy": "2.1", "torch": "2.9"}


def test_tensorrt_without_papers(installed):
    assert installed(("tensorrt_rtx", "1.7"), modules=("tensorrt", "tensorrt_rtx")) == {
        "tensorrt": "of unknown version",
        "tensorrt-rtx": "1.7",
    }


def test_clashes(installed):
    found = installed(
        ("onnxruntime_gpu", "1.31"),
        ("onnxruntime", "1.30"),
        ("opencv-python", "4.11"),
        ("opencv-contrib-python-headless", "4.11"),
        ("onnxruntime-extensions", "0.14"),
    )
    runtimes, opencvs = clashes(found)
    assert runtimes.startswith("onnxruntime and onnxruntime-gpu write into one folder")
    assert runtimes.endswith("pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu")
    assert "pip uninstall -y opencv-contrib-python-headless opencv-python &&" in opencvs
    assert opencvs.endswith("pip install opencv-contrib-python-headless")


def test_no_clashes(installed):
    assert clashes(installed(("onnxruntime", "1.31"), ("onnxruntime-genai", "0.9"), ("opencv-python", "4.11"))) == []


@pytest.mark.parametrize(("built", "has"), [("YES (1.20.3)", True), ("NO", False)])
def test_opencv(monkeypatch, built, has):
    lines = f"  Video I/O:\n    FFMPEG:                      YES\n    GStreamer:                   {built}\n"
    monkeypatch.setattr("cv2.getBuildInformation", lambda: lines)
    opencv = opencv_facts(None)
    assert (opencv.gstreamer, opencv.ffmpeg) == (has, True)
    assert opencv.path.endswith("cv2")
