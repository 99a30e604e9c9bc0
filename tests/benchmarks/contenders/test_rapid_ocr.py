import sys
from types import SimpleNamespace

import numpy as np
import pytest

from edgereader.benchmarks.accuracy.datasets import open_set
from edgereader.benchmarks.accuracy.scoring import is_exact
from edgereader.benchmarks.contenders import Options
from edgereader.benchmarks.contenders.rapid_ocr import RapidOcr, open_contender
from edgereader.runtime.geometry.files import read_photo

QUAD = [[1, 2], [30, 2], [30, 9], [1, 9]]


class Stub:
    """An engine that keeps the steps of the call before for what a call leaves out, as RapidOCR's does."""

    def __init__(self, *lines, params=None):
        self.steps, self.calls, self.params = {}, [], params
        texts, scores = zip(*lines, strict=True) if lines else (None, None)
        self.result = SimpleNamespace(
            txts=texts, scores=scores, boxes=None if not lines else np.array([QUAD] * len(lines))
        )

    def __call__(self, frame, **steps):
        assert frame.dtype == np.uint8
        self.steps |= steps
        self.calls.append(dict(self.steps))
        return self.result


def test_lines_with_a_digit_are_kept_with_their_places(photo):
    (found,) = RapidOcr(Stub(("EXIT", 0.9), ("No 12", 0.8))).read(photo)
    assert (found.text, found.confidence) == ("No 12", 0.8)
    assert found.quad.tolist() == QUAD
    assert RapidOcr(Stub()).read(photo) == []


def test_a_crop_does_not_switch_off_the_detector_for_good(photo, crop):
    stub = Stub(("12", 0.8))
    contender = RapidOcr(stub)
    contender.read(photo)
    assert contender.recognize(crop).text == "12"
    contender.read(photo)
    assert [call["use_det"] for call in stub.calls] == [True, False, True]
    assert stub.calls[0] == stub.calls[2]
    assert RapidOcr(Stub()).recognize(crop).text == ""


def test_the_threads_are_those_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "rapidocr", SimpleNamespace(RapidOCR=Stub))
    for threads, told in ((0, -1), (2, 2)):
        engine = open_contender("rapidocr", Options(threads=threads)).engine
        assert engine.params["EngineConfig.onnxruntime.intra_op_num_threads"] == told


def test_it_really_runs_with_one_thread():
    pytest.importorskip("rapidocr", reason="RapidOCR is not installed: pip install rapidocr")
    contender = open_contender("rapidocr", Options(threads=1))
    contender.recognize(np.full((40, 90, 3), 200, np.uint8))
    session = contender.engine.text_rec.session.session
    assert session.get_session_options().intra_op_num_threads == 1


@pytest.mark.slow
def test_crops_are_read_as_well_as_published(shared_data):
    pytest.importorskip("rapidocr", reason="RapidOCR is not installed: pip install rapidocr")
    contender, images = open_contender("rapidocr", Options()), open_set(shared_data / "crops_sevenseg").images
    exact = sum(is_exact(image.texts[0], contender.recognize(read_photo(image.path).frame).text) for image in images)
    assert round(exact / len(images), 3) == 0.736
