import pytest

from edgereader.runtime.alphabets import NUMBERS, make_alphabet
from edgereader.runtime.errors import AlphabetError

CHARSET = "0123456789abcdefghijklmnopqrstuvwxyz$%#+-/.,:"


@pytest.mark.parametrize(
    ("alphabet", "pattern"), [("ABC", None), ("", None), ("12€", None), ("123 ", None), (NUMBERS, "["), (None, "(")]
)
def test_alphabets_and_patterns_that_do_not_fit(alphabet, pattern):
    with pytest.raises(AlphabetError, match=r"expected .* got.*;"):
        make_alphabet(CHARSET, "CTC", alphabet, pattern)


def test_a_charset_without_symbols_reads_numbers_and_one_without_digits_cannot():
    assert make_alphabet("0123456789", "CTC", NUMBERS, None).permitted == "0123456789"
    with pytest.raises(AlphabetError):
        make_alphabet("abc", "CTC", NUMBERS, None)


def test_patterns_and_checks_both_must_fit():
    alphabet = make_alphabet(CHARSET, "CTC", NUMBERS, "4.*", "ean13")
    assert alphabet.chooses
    assert alphabet.fits("4006381333931")
    assert not alphabet.fits("4006381333932"), "the check"
    assert not alphabet.fits("9783161484100"), "the pattern"
    plain = make_alphabet(CHARSET, "CTC", NUMBERS, None)
    assert not plain.chooses
    assert plain.fits("7")


def test_case_matters_only_where_the_recogniser_knows_both():
    assert make_alphabet(CHARSET, "CTC", None, "[A-Z]{2}7").fits("ab7")
    assert not make_alphabet("abAB7", "CTC", None, "[A-Z]{2}7").fits("ab7")


def test_an_unknown_check():
    with pytest.raises(AlphabetError, match="expected one of luhn, iso6346, ean13"):
        make_alphabet(CHARSET, "CTC", NUMBERS, None, "isbn")


def test_container_codes_need_letters():
    alphabet = make_alphabet(CHARSET, "CTC", NUMBERS, None, "iso6346")
    assert set(alphabet.permitted) == set("0123456789abcdefghijklmnopqrstuvwxyz")
    assert not alphabet.numbers
    assert make_alphabet(CHARSET, "CTC", "usc0123456789", None, "iso6346").permitted == "usc0123456789"
    for charset, wanted in ((CHARSET, "0123456789"), ("0123456789", NUMBERS)):
        with pytest.raises(AlphabetError, match="with letters"):
            make_alphabet(charset, "CTC", wanted, None, "iso6346")
