import os
import sys

import numpy as np
import pytest

from edgereader.benchmarks.contenders import Options, Unavailable
from edgereader.benchmarks.contenders.tesseract import Tesseract, open_contender


class Stub:
    """What pytesseract offers, without its program."""

    Output = type("Output", (), {"DICT": "dict"})

    def __init__(self, words):
        self.words, self.configs, self.pixels = words, [], []

    def get_tesseract_version(self):
        return "5.3.0"

    def image_to_data(self, image, config, output_type):
        assert output_type == "dict"
        self.configs.append(config)
        self.pixels.append(image[0, 0].tolist())
        keys = ("text", "conf", "left", "top", "width", "height")
        return dict(zip(keys, map(list, zip(*self.words, strict=True)), strict=True))


WORDS = [("", -1, 0, 0, 500, 300), ("EXIT", 90.0, 1, 2, 3, 4), ("12", 96.5, 10, 20, 30, 5), ("a7", 40, 1, 1, 9, 9)]


def test_words_with_a_digit_are_kept_with_their_places(photo):
    first, second = Tesseract(Stub(WORDS)).read(photo)
    assert (first.text, first.confidence) == ("12", 0.965)
    assert first.quad.tolist() == [[10, 20], [40, 20], [40, 25], [10, 25]]
    assert second.text == "a7"


def test_a_crop_is_a_line_of_digits_as_sure_as_its_worst_word(crop):
    stub = Stub([("", -1, 0, 0, 9, 9), ("12", 96, 0, 0, 9, 9), ("345", 30, 9, 0, 9, 9)])
    found = Tesseract(stub).recognize(crop)
    assert (found.text, found.confidence, found.quad) == ("12345", 0.3, None)
    assert stub.configs == ["--psm 7 -c tessedit_char_whitelist=0123456789"]
    assert Tesseract(Stub(WORDS[:1])).recognize(crop).text == ""


def test_it_is_given_red_first_or_grey():
    crop = np.full((8, 9, 3), (10, 20, 30), np.uint8)
    stub = Stub(WORDS)
    Tesseract(stub).read(crop)
    Tesseract(stub).recognize(crop[..., 0])
    assert stub.pixels == [[30, 20, 10], 10]


def test_a_missing_program_is_unavailable(monkeypatch):
    pytesseract = pytest.importorskip("pytesseract")
    monkeypatch.setattr(pytesseract.pytesseract, "tesseract_cmd", "/no/such/program")
    with pytest.raises(Unavailable, match="no such program"):
        open_contender("tesseract", Options())


def test_its_program_is_told_how_many_threads_to_use(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytesseract", Stub(WORDS))
    monkeypatch.setenv("OMP_THREAD_LIMIT", "8")
    open_contender("tesseract", Options())
    assert os.environ["OMP_THREAD_LIMIT"] == "8"
    open_contender("tesseract", Options(threads=2))
    assert os.environ["OMP_THREAD_LIMIT"] == "2"
