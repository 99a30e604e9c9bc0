from dataclasses import replace

import numpy as np
import pytest

from edgereader.runtime.geometry.heatmaps import Region
from edgereader.runtime.geometry.images import box
from edgereader.runtime.joining import apart, join
from edgereader.runtime.text.alignment import align
from edgereader.runtime.text.alphabets import NUMBERS, make_alphabet
from edgereader.runtime.text.decoding import Text

CHARSET = "0123456789abc" + NUMBERS[10:]
CARD = ["4539", "1488", "0343", "6467"]  # satisfies Luhn
DIGIT = 20


def alphabet(pattern=None, check=None, permitted=NUMBERS):
    return make_alphabet(CHARSET, "CTC", permitted, pattern, check)


def piece(text, x, y=100, high=40, confidence=0.9, **changes):
    wide = DIGIT * len(text)
    cells = np.stack([box(x + DIGIT * at, y, DIGIT, high) for at in range(len(text))])
    positions = tuple((at + 0.5) / len(text) for at in range(len(text)))
    read = {"accepted": True, "positions": positions, **changes}
    return Region(box(x, y, wide, high), cells, 0.9), Text(text, confidence, (0.97,) * len(text), **read)


def line(parts, gap=20, **changes):
    x, pieces = 50, []
    for part in parts:
        pieces.append(piece(part, x, **changes))
        x += DIGIT * len(part) + gap
    return pieces


def joined(pieces, alphabet):
    return [(text.text, round(text.confidence, 4)) for _, text in join(pieces, alphabet)]


def test_groups_of_a_card_are_judged_together():
    pieces = line(CARD)
    (found,) = [pair for pair in join(pieces, alphabet(check="luhn")) if len(pair[1].text) == 16]
    region, text = found
    assert (text.text, text.accepted) == ("".join(CARD), True)
    assert text.confidence == pytest.approx(0.9**4)
    assert region.quad.tolist() == [[50, 100], [430, 100], [430, 140], [50, 140]]
    laid = align(text, region.quad, region.characters)
    assert (laid.peaks, laid.agrees, len(laid.characters)) == (16, True, 16)
    middles = [character.quad[:, 0].mean() for character in laid.characters]
    assert middles == pytest.approx([50 + 100 * (at // 4) + 20 * (at % 4) + 10 for at in range(16)], abs=6)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[0-9]{16}", "4539148803436467"),
        ("[0-9]{4}( [0-9]{4}){3}", "4539 1488 0343 6467"),
        ("[0-9]{4} [0-9]{4}", "4539 1488"),
    ],
)
def test_a_pattern_says_whether_gaps_are_blanks(pattern, expected):
    found = joined(line(CARD), alphabet(pattern))
    assert expected in [text for text, _ in found]
    assert len({len(text) for text, _ in found}) == 1
    for _, text in join(line(CARD), alphabet(pattern)):
        assert len(text.confidences) == len(text.positions) == len(text.text)
        assert list(text.positions) == sorted(text.positions)


def test_nothing_is_joined_that_does_not_fit():
    assert joined(line(CARD), alphabet("[0-9]{5}")) == []
    assert joined(line(["1234", "5678"]), alphabet(check="ean13")) == []


@pytest.mark.parametrize(
    "other",
    [
        piece("5678", 50 + 80 + 60),  # a gap of one and a half heights
        piece("5678", 150, y=130),  # another line
        piece("5678", 150, high=20),  # another size
        piece("5678", 150, accepted=False),  # a word
        piece("5678", 150, dropped=(-0.1,)),  # a letter between the two
    ],
)
def test_what_does_not_go_on_is_not_joined(other):
    assert joined([piece("1234", 50), other], alphabet("[0-9]{8}")) == []
    assert joined([piece("1234", 50), piece("5678", 150)], alphabet("[0-9]{8}")) == [("12345678", 0.81)]


def test_a_unit_behind_the_last_group_stays_out():
    pieces = [piece("1234", 50), piece("567", 150, dropped=(1.1, 1.3))]
    ((_, text),) = join(pieces, alphabet("[0-9]{7}"))
    assert (text.text, len(text.dropped)) == ("1234567", 2)
    assert min(text.dropped) > text.positions[-1]


def test_places_found_twice_are_joined_once():
    twice = [*line(CARD[:2]), *line(CARD[:2], confidence=0.8)]
    assert joined(twice, alphabet("[0-9]{8}")) == [("45391488", 0.81)]


def test_a_container_code_in_three_groups():
    letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    codes = make_alphabet(letters, "CTC", NUMBERS, None, "iso6346")
    assert ("CSQU3054383", 0.729) in joined(line(["CSQU", "305438", "3"]), codes)
    assert joined(line(["CSQU", "305438", "4"]), codes) == []
    small = make_alphabet(letters.lower(), "CTC", NUMBERS, None, "iso6346")
    assert ("CSQU3054383", 0.729) in joined(line(["csqu", "305438", "3"]), small)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("17.03.24 08:05", ["17.03.24", "08:05"]),
        ("08:05:59 2024-03-17", ["08:05:59", "2024-03-17"]),
        ("1/4/2026 31.12.2026", ["1/4/2026", "31.12.2026"]),
        ("12 345 08:05", ["12 345", "08:05"]),
        ("4539 1488 0343 6467", ["4539 1488 0343 6467"]),
        ("99.99.24 08", ["99.99.24 08"]),
        ("1.234.567 25:61", ["1.234.567 25:61"]),
        ("17.03.24", ["17.03.24"]),
    ],
)
def test_dates_and_times_are_readings_of_their_own(text, expected):
    region, whole = piece(text, 100, confidence=0.97 ** len(text))
    region = replace(region, characters=region.characters[[character != " " for character in text]])
    found = list(apart([(region, whole)]))
    assert [text.text for _, text in found] == expected
    assert found[0][0].quad[0].tolist() == region.quad[0].tolist()
    assert found[-1][0].quad[2].tolist() == region.quad[2].tolist()
    at = 0
    for part, words in found:
        at = text.index(words.text, at)
        assert words.confidence == pytest.approx(0.97 ** (len(words.text.replace(" ", "")) + text.count(" ")))
        laid = align(words, part.quad, part.characters)
        assert (laid.peaks, laid.agrees) == (len(words.text.replace(" ", "")), True)
        middles = [character.quad[:, 0].mean() for character in laid.characters]
        assert middles == pytest.approx([100 + DIGIT * (at + place + 0.5) for place in range(len(words.text))], abs=6)


def test_no_text_stays_none():
    region, whole = piece("1", 100)
    nothing = replace(whole, text="", positions=(), confidences=(), accepted=False)
    assert list(apart([(region, nothing)])) == [(region, nothing)]
