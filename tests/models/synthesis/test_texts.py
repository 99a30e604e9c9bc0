import re

import numpy as np

from edgereader.models.charsets import CHARSETS
from edgereader.models.synthesis.texts import (
    article_number,
    date,
    display_number,
    long_number,
    random_text,
    shirt_number,
    signed_number,
)


def texts(seed, hard, count=2000):
    rng = np.random.default_rng(seed)
    return [random_text(rng, hard=hard) for _ in range(count)]


def test_easy_texts_are_short_numbers():
    assert all(text.isdigit() and 1 <= len(text) <= 4 for text in texts(0, 0.0))


def test_every_text_can_be_written_with_the_numbers_charset():
    allowed = set(CHARSETS["numbers-spaced"])
    assert all(set(text.lower()) <= allowed for text in texts(1, 1.0))


def test_words_codes_and_signs_are_among_them():
    drawn = texts(2, 1.0)
    words = sum(text.isalpha() for text in drawn) / len(drawn)
    digits = sum(text.isdigit() for text in drawn) / len(drawn)
    assert 0.08 < words < 0.2
    assert 0.35 < digits < 0.6
    assert set("$%#+-/.,:") <= {sign for text in drawn for sign in text}


def test_shirts_have_one_or_two_digits_and_displays_up_to_eight():
    rng = np.random.default_rng(4)
    shirts = [shirt_number(rng) for _ in range(400)]
    assert all(number.isdigit() for number in shirts)
    assert {len(number) for number in shirts} == {1, 2}
    assert sum("1" in number for number in shirts if len(number) == 2) > 80
    counts = [sum(sign.isdigit() for sign in display_number(rng)) for _ in range(400)]
    assert set(counts) == set(range(1, 9))
    assert sum(count > 4 for count in counts) > 160


def test_long_numbers_are_grouped_or_not_and_some_are_containers():
    rng = np.random.default_rng(5)
    drawn = [long_number(rng) for _ in range(400)]
    counts = {sum(sign.isdigit() for sign in text) for text in drawn}
    assert {10, 13, 16, 20} <= counts
    assert any(re.fullmatch(r"[A-Z]{3}[UJZ] ?\d{6} ?\d", text) for text in drawn)
    assert any(re.fullmatch(r"\d{4}( \d{4}){3}", text) for text in drawn)
    assert {re.sub(r"\d", "9", article_number(rng)) for _ in range(200)} == {
        "9 999999 999999", "9 99999 99999 9", "9999 9999", "999999 999999", "9999999999999", "999999",
    }  # fmt: skip


def test_dates_and_signed_numbers_have_their_signs():
    rng = np.random.default_rng(6)
    assert all(re.fullmatch(r"\d+([-/.])\d+\1\d+( \d\d:\d\d)?", date(rng)) for _ in range(200))
    drawn = [signed_number(rng) for _ in range(400)]
    assert all(not (text[0] + text[-1]).isdigit() for text in drawn)
    assert any(text.startswith("-.") for text in drawn)
    assert any(text.endswith("-") for text in drawn)
