"""Alphabets by name."""

import hashlib
import string

import pytest

from edgereader.models.charsets import CHARSETS, num_classes


@pytest.mark.parametrize(("name", "size"), [("digits", 10), ("alnum36", 36), ("printable94", 94), ("numbers", 45)])
def test_each_character_once(name, size):
    assert len(CHARSETS[name]) == len(set(CHARSETS[name])) == size


def test_published_orders():
    assert CHARSETS["alnum36"] == string.digits + string.ascii_lowercase
    assert CHARSETS["printable94"] == string.printable[:-6]


def test_class_counts_of_the_published_networks():
    assert num_classes(CHARSETS["alnum36"], "CTC") == 37
    assert num_classes(CHARSETS["alnum36"], "Attn") == 38
    assert num_classes(CHARSETS["printable94"], "Attn") == 96


@pytest.mark.parametrize(
    ("name", "size", "begin"),
    [
        ("easyocr-english", 96, "bcac45ee656362c1"),
        ("easyocr-latin", 351, "f6f61866a083d7b0"),
        ("easyocr-cyrillic", 207, "a1874ebb30568461"),
    ],
)
def test_charsets_are_those_of_easyocr(name, size, begin):
    """SHA-256 of the lists in EasyOCR 1.7.2's configuration: english_g2, latin_g2, cyrillic_g2."""
    charset = CHARSETS[name]
    assert (len(charset), charset.count(" ")) == (size, 1)
    assert hashlib.sha256(charset.encode()).hexdigest().startswith(begin)
