"""The charset is told in one of three ways, and fits the network."""

import pytest

from edgereader.models.checkpoints import CheckpointError
from edgereader.models.checkpoints.charsets import expect_charset, named_charset


def resolve_charset(flag, classes, prediction):
    return expect_charset(None if flag is None else named_charset(flag), classes, prediction)


def test_charset_by_name_by_letters_and_from_a_file(tmp_path):
    assert resolve_charset("digits", 11, "CTC") == "0123456789"
    assert resolve_charset("alnum36", 38, "Attn") == "0123456789abcdefghijklmnopqrstuvwxyz"
    assert len(resolve_charset("printable94", 96, "Attn")) == 94
    assert resolve_charset("easyocr-english", 97, "CTC")[42:45] == " €A"
    assert resolve_charset("01é@", 6, "Attn") == "01é@"
    assert resolve_charset("0123456789.-.,", 15, "CTC") == "0123456789.-.,", "some may repeat"
    (tmp_path / "charset.txt").write_text("0123\n456 é\n", encoding="utf-8")
    assert resolve_charset(f"@{tmp_path}/charset.txt", 10, "CTC") == "0123456 é"


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        (None, "got none; pass --charset with 36 characters .*alnum36"),
        ("digits", "expected a charset of 36 characters, got 10"),
        ("@/absent/charset.txt", "expected a text file"),
    ],
)
def test_charset_that_does_not_fit(flag, words):
    with pytest.raises(CheckpointError, match=words) as caught:
        resolve_charset(flag, 37, "CTC")
    assert "\n" not in str(caught.value)
