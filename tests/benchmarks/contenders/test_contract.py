"""The contract, over every contender that can run on this machine."""

import subprocess
import sys

import numpy as np
import pytest

from edgereader.benchmarks import contenders
from edgereader.benchmarks.contenders import (
    OPENERS,
    PEERS,
    Found,
    Options,
    Unavailable,
    open_peers,
    opener,
    reason,
    with_digits,
)
from edgereader.runtime.errors import BackendUnavailable

LIBRARIES = ("torch", "pytesseract", "rapidocr", "easyocr", "onnxtr", "onnxruntime")
SLOW = {"tesseract-sweep": [pytest.mark.slow]}
OTHERS = [pytest.param(name, marks=SLOW.get(name, [])) for name in OPENERS if not name.startswith("pytorch")]
"""Those that have no full-width networks, which would have to be made first."""


def opened(name):
    try:
        return opener(name)(name, Options(threads=1))
    except Unavailable as exc:
        pytest.skip(str(exc))


@pytest.mark.parametrize("name", OTHERS)
def test_a_contender_keeps_the_contract(name, crop, photo):
    contender = opened(name)
    assert all(isinstance(word, str) for pair in contender.versions.items() for word in pair)
    found, text = contender.read(photo), contender.recognize(crop)
    assert with_digits(found) == found
    assert isinstance(text, Found)
    assert text.quad is None
    assert 0 <= text.confidence <= 1
    for reading in found:
        assert 0 <= reading.confidence <= 1
        assert reading.quad.shape == (4, 2)
        assert reading.quad.dtype == np.float32
        (left, top), (right, bottom) = reading.quad.min(0), reading.quad.max(0)
        assert -5 <= left < right <= photo.shape[1] + 5
        assert -5 <= top < bottom <= photo.shape[0] + 5


@pytest.mark.parametrize("name", OTHERS[1:])
def test_a_contender_reads_a_plain_number_where_it_is(name, crop, photo):
    contender = opened(name)
    assert contender.recognize(crop).text == "4711"
    (found,) = contender.read(photo)
    assert found.text == "4711"
    np.testing.assert_allclose(found.quad.mean(0), (280, 130), atol=12)
    top_left, _, bottom_right, _ = found.quad
    assert (top_left < bottom_right).all()


@pytest.mark.parametrize("name", OTHERS)
def test_a_contender_finds_nothing_where_nothing_is(name):
    assert opened(name).read(np.full((200, 300, 3), 255, np.uint8)) == []


@pytest.mark.parametrize("name", OTHERS)
def test_many_photos_are_read_in_their_order(name, photo):
    contender, blank = opened(name), np.full_like(photo, 255)
    texts = [[reading.text for reading in found] for found in contender.read_many(iter([photo, blank, photo]))]
    alone = [[reading.text for reading in contender.read(frame)] for frame in (photo, blank)]
    assert texts == [alone[0], alone[1], alone[0]]


def test_an_unknown_contender_is_refused():
    with pytest.raises(ValueError, match="expected one of nothing, edgereader"):
        opener("abacus")


@pytest.mark.parametrize(
    ("name", "module", "cure"),
    [
        ("rapidocr", "rapidocr", "pip install .*'rapidocr"),
        ("onnxtr", "onnxtr.models", "pip install 'onnxtr"),
        ("tesseract", "pytesseract", "apt-get install tesseract-ocr"),
    ],
)
def test_a_contender_whose_library_is_missing_is_unavailable(monkeypatch, name, module, cure):
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, module.partition(".")[0], None)
    with pytest.raises(Unavailable, match=cure):
        opener(name)(name, Options())


def test_texts_without_a_digit_are_left_out():
    texts = [Found(text, 1.0) for text in ("EXIT", "No 7", "", "¾", "12")]
    assert [text.text for text in with_digits(texts)] == ["No 7", "12"]


def test_no_library_is_imported_before_a_contender_is_opened():
    files = {f"edgereader.benchmarks.contenders.{file}" for file in OPENERS.values()}
    code = f"import sys, {', '.join(sorted(files))}; print(*(set({LIBRARIES}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.fixture
def openers(monkeypatch):
    """Contenders that open, are not installed, or break."""

    def load(name, options):
        if name == "easyocr":
            raise Unavailable("easyocr is not installed:\npip install easyocr")
        if name == "onnxtr":
            raise KeyError("models")
        return f"{name} of {options.bundle}"

    monkeypatch.setattr(contenders, "opener", lambda _: load)


def test_the_bundle_is_no_peer_of_itself():
    assert set(PEERS) == set(OPENERS) - {"edgereader"}


def test_each_is_opened_once_with_the_options(openers):
    assert open_peers(("tesseract", "rapidocr", "tesseract"), Options(bundle="mine")) == (
        {"tesseract": "tesseract of mine", "rapidocr": "rapidocr of mine"},
        {},
    )
    assert open_peers((), Options()) == ({}, {})


def test_what_cannot_run_is_told_and_left_out(openers, capsys):
    opened, missing = open_peers(("easyocr", "rapidocr", "onnxtr"), Options())
    assert list(opened) == ["rapidocr"]
    assert missing == {"easyocr": "easyocr is not installed: pip install easyocr", "onnxtr": "KeyError: 'models'"}
    assert capsys.readouterr().err.splitlines() == [f"skipped: {name}: {why}" for name, why in missing.items()]


def test_it_is_an_error_if_none_can_run(openers, capsys):
    with pytest.raises(BackendUnavailable, match=r"easyocr is not installed.*; onnxtr: KeyError"):
        open_peers(("easyocr", "onnxtr"), Options())
    assert capsys.readouterr().err == ""


def test_a_reason_is_one_line():
    assert reason(Unavailable("a\n b")) == "a b"
    assert reason(ValueError("a\n b")) == "ValueError: a b"
