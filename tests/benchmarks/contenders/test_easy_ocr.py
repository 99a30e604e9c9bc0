import sys
from types import SimpleNamespace

import numpy as np
import pytest

from edgereader.benchmarks.contenders import Options, Unavailable
from edgereader.benchmarks.contenders.easy_ocr import EasyOcr, open_contender

QUAD = [[1, 2], [30, 2], [30, 9], [1, 9]]


class Stub:
    """A reader that gives the same lines for everything, and keeps what it was asked."""

    def __init__(self, *lines):
        self.lines, self.asked = [(QUAD, text, np.float64(score)) for text, score in lines], []

    def readtext(self, frame, **options):
        assert type(frame) is np.ndarray
        self.asked.append(options)
        return self.lines

    recognize = readtext


def library(monkeypatch, reader):
    torch = SimpleNamespace(threads=[])
    torch.set_num_threads = torch.threads.append
    monkeypatch.setitem(sys.modules, "easyocr", SimpleNamespace(Reader=reader))
    monkeypatch.setitem(sys.modules, "torch", torch)
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
    assert stub.asked == [{}, {"allowlist": "0123456789"}]
    assert EasyOcr(Stub()).recognize(crop).text == ""


def test_it_is_unavailable_where_it_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "easyocr", None)
    with pytest.raises(Unavailable, match="pip install easyocr"):
        open_contender("easyocr", Options())


def test_it_downloads_nothing(monkeypatch):
    def reader(languages, *, download_enabled, **options):
        assert not download_enabled
        raise FileNotFoundError("Missing craft_mlt_25k.pth and downloads disabled")

    library(monkeypatch, reader)
    with pytest.raises(Unavailable, match="Missing craft_mlt_25k.pth .* to download its models"):
        open_contender("easyocr", Options())


def test_the_threads_are_those_asked_for(monkeypatch):
    torch = library(monkeypatch, lambda *_, **__: Stub())
    open_contender("easyocr", Options())
    assert torch.threads == []
    open_contender("easyocr", Options(threads=2))
    assert torch.threads == [2]
