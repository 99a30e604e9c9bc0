import pytest

from edgereader.benchmarks import peers
from edgereader.benchmarks.contenders import OPENERS, Options, Unavailable
from edgereader.benchmarks.peers import PEERS, open_peers, reason
from edgereader.runtime.errors import BackendUnavailable


@pytest.fixture
def openers(monkeypatch):
    """Contenders that open, are not installed, or break."""

    def load(name, options):
        if name == "easyocr":
            raise Unavailable("easyocr is not installed:\npip install easyocr")
        if name == "onnxtr":
            raise KeyError("models")
        return f"{name} of {options.bundle}"

    monkeypatch.setattr(peers, "opener", lambda _: load)


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
