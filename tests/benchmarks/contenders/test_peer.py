import cv2
import numpy as np
import pytest

from edgereader.benchmarks.contenders import Contender, Found, Unavailable
from edgereader.benchmarks.contenders.peer import box, library, limit_opencv


class Sizes(Contender):
    def read(self, frame):
        return [self.recognize(frame)]

    def recognize(self, crop):
        return Found(str(crop.size), 1.0)


def test_photos_are_read_one_after_the_other():
    reader, frames = Sizes("numpy", "no-such-package"), iter([np.zeros(3), np.zeros(4)])
    found = reader.read_many(frames)
    assert next(found)[0].text == "3"
    assert len(next(frames)) == 4  # not taken before it was asked for
    assert reader.versions == {"numpy": np.__version__}


def test_a_missing_library_names_its_cure():
    with pytest.raises(Unavailable, match=r"no_such_library cannot be imported \(No module .*\): pip install it"):
        library("no_such_library", "pip install it")


def test_a_library_that_fails_to_load_is_unavailable(tmp_path, monkeypatch):
    (tmp_path / "broken_library.py").write_text("raise RuntimeError('operator nms does not exist')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(Unavailable, match="operator nms does not exist"):
        library("broken_library", "pip install it")


def test_a_box_goes_clockwise_from_its_top_left():
    quad = box(1, 2, 30, 40)
    assert quad.dtype == np.float32
    assert quad.tolist() == [[1, 2], [30, 2], [30, 40], [1, 40]]


def test_opencv_is_limited_only_where_it_was_asked_for():
    cv2.setNumThreads(2)
    limit_opencv(0)
    assert cv2.getNumThreads() == 2
    limit_opencv(1)
    assert cv2.getNumThreads() == 1
