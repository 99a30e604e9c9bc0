import numpy as np
import pytest

from edgereader.runtime.text.alphabets import NUMBERS, make_alphabet
from edgereader.runtime.text.numerals import as_symbol, of_shape, probability, with_shapes, without_units

ALPHABET = make_alphabet("0123456789abcdefghijklmnopqrstuvwxyz", "CTC", NUMBERS, None)


def row(**values):
    found = np.full(37, 1e-6, np.float32)
    for character, value in values.items():
        found[ALPHABET.charset.index(character.strip("_")) + 1] = value
    return found


def at(rows, character):
    return pytest.approx(rows[..., ALPHABET.charset.index(character) + 1].tolist(), abs=1e-4)


@pytest.mark.parametrize(
    ("values", "read", "symbol"),
    [
        ({"o": 0.9, "_0": 0.1}, "o", "0"),
        ({"o": 0.99, "_0": 0.01}, "o", "o"),
        ({"b": 0.5, "_8": 0.4, "_6": 0.1}, "b", "8"),
        ({"b": 0.5, "_8": 0.1, "_6": 0.4}, "b", "6"),
        ({"k": 0.6, "_4": 0.4}, "k", "4"),
        ({"k": 0.8, "_4": 0.2}, "k", "k"),
        ({"_7": 0.3, "z": 0.7}, "7", "7"),
    ],
)
def test_letters_that_are_digits(values, read, symbol):
    assert as_symbol(read, row(**values), ALPHABET) == symbol


def test_a_letters_probability_moves_to_its_likeliest_digit():
    rows = np.stack((row(b=0.5, _8=0.45, _6=0.05), row(b=0.5, _8=0.1, _6=0.4), row(b=0.99, _6=0.01), row(k=1)))
    moved = with_shapes(rows, rows, ALPHABET)
    assert at(moved, "8") == [0.95, 0.1, 0, 0]
    assert at(moved, "6") == [0.05, 0.9, 0.01, 0]
    assert at(moved, "b") == [0, 0, 0.99, 0]
    assert at(moved, "k") == [0, 0, 0, 1]
    assert moved.sum(axis=1) == pytest.approx(rows.sum(axis=1), abs=1e-4)
    assert at(rows, "b") == [0.5, 0.5, 0.99, 0], "what was given stays"


def test_the_network_decides_and_the_soft_rows_move():
    rows, soft = row(o=0.99, _0=0.01)[None], row(o=0.8, _0=0.2)[None]
    assert at(with_shapes(rows, soft, ALPHABET), "o") == [0.8], "too unlikely before it was softened"


def test_probabilities_of_characters_and_shapes():
    both = row(_5=0.6, s=0.3, k=0.1)
    assert probability("5", both, ALPHABET) == pytest.approx(0.6)
    assert probability("S", both, ALPHABET) == 0
    assert of_shape("5", both, ALPHABET) == pytest.approx(0.9)
    assert of_shape("5", row(_5=0.8, s=0.8), ALPHABET) == 1


@pytest.mark.parametrize(
    ("text", "number"),
    [("12 345", "12 345"), ("12 mm", "12"), ("1'234.50", "1'234.50"), ("12 345 kwh", "12 345"), ("45 %", "45 %")]
    + [
        (" 12 ", "12"),
        ("- 18 c", "- 18"),
        ("no 12", "12"),
        ("kwh 1 234 567", "1 234 567"),
        ("12'", "12"),
        ("'12", "12"),
    ]
    + [("room 12", None), ("12 of 30", None), ("open", None), (" ", None), ("1 a b 2", None), ("12 kwh", None)]
    + [("12kwh", None), ("123kwh", "123"), ("no.12", "12"), ("$9.99", "$9.99"), ("kwh", None), ("", None)]
    + [("150km/h", "150"), ("50km/h", None), ("usd$500", "$500"), ("12.kg", "12"), ("a1", "1"), ("no12a", None)]
    + [("5km", None), ("no7", None), ("12ab34", None), ("v1.2", "1.2"), ("-40c", "-40")],
)
def test_units(text, number):
    inside = without_units(text)
    assert (None if inside is None else text[inside]) == number


def test_letters_that_belong_to_numbers():
    symbols = make_alphabet("0123456789abc", "CTC", "0123456789ab", None, find="numbers").symbols
    assert [without_units(text, symbols) is not None for text in ("a12", "b", "12c", "1c2")] == [
        True,
        False,
        True,
        False,
    ]


def test_a_charset_that_repeats_characters_decodes_by_place():
    repeated = make_alphabet("0123456789.o-.o,0", "CTC", NUMBERS, None)
    values = np.zeros(18, np.float32)
    values[[1, 17]] = 0.2, 0.3  # both zeros
    values[[12, 15]] = 0.3, 0.1  # both o
    assert repeated.classes["0"] == (1, 17)
    assert probability("0", values, repeated) == pytest.approx(0.5)
    assert probability(".", values, repeated) == 0
    moved = with_shapes(values[None], values[None], repeated)
    assert moved[0, [1, 17, 12, 15]] == pytest.approx([0.2, 0.7, 0, 0])
