import pytest

from edgereader.runtime.errors import AlphabetError
from edgereader.runtime.text.alphabets import FORBIDDEN, NUMBERS, make_alphabet
from edgereader.runtime.text.values import Notation

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


SPACED = "0123456789abcdefghijklmnopqrstuvwxyz$%#+-/.,: '"


@pytest.mark.parametrize(
    ("options", "numbers", "permitted"),
    [
        ({"alphabet": NUMBERS}, True, "0123456789$%#+-/.,: '"),
        ({"alphabet": NUMBERS, "find": "text"}, False, SPACED),
        ({"alphabet": None}, False, SPACED),
        ({"alphabet": None, "find": "numbers"}, True, "0123456789$%#+-/.,: '"),
        ({"alphabet": "0123456789"}, True, "0123456789"),
        ({"alphabet": "0123456789. "}, True, "0123456789. "),
        ({"alphabet": "0123456789", "find": "text"}, False, "0123456789"),
        ({"alphabet": "0123456789abc"}, False, "0123456789abc"),
        ({"alphabet": "0123456789abc", "find": "numbers"}, True, "0123456789abc"),
        ({"alphabet": "+-"}, False, "+-"),
    ],
)
def test_what_is_looked_for_and_what_it_is_made_of(options, numbers, permitted):
    alphabet = make_alphabet(SPACED, "CTC", pattern=None, **options)
    assert alphabet.numbers is numbers
    assert set(alphabet.permitted) == set(permitted)
    free = {character for character, allowed in zip(SPACED, alphabet.allowed[1:], strict=True) if allowed == 0}
    assert alphabet.allowed[0] == 0, "the blank"
    assert set(alphabet.allowed.tolist()) <= {0.0, FORBIDDEN}
    letters = set("abcdefghijklmnopqrstuvwxyz") if numbers else set()
    assert free == set(permitted) | letters, "numbers: letters run free, to be judged"


@pytest.mark.parametrize("options", [{"alphabet": "abc", "find": "numbers"}, {"alphabet": NUMBERS, "find": "words"}])
def test_numbers_need_digits_and_there_is_nothing_else_to_find(options):
    with pytest.raises(AlphabetError, match=r"expected .* got .*;"):
        make_alphabet(SPACED, "CTC", pattern=None, **options)


@pytest.mark.parametrize(
    ("text", "pattern", "check", "form"),
    [
        ("123 456", None, None, "123 456"),
        ("123 456", "[0-9]{6}", None, "123456"),
        ("123 456", "[0-9]{3} [0-9]{3}", None, "123 456"),
        ("123 456", "[0-9 ]+", None, "123 456"),
        ("12 3456", "[0-9]{3} [0-9]{3}", None, None),
        ("4006381 333931", None, "ean13", "4006381333931"),
        ("978-3-16-148410-0", None, "ean13", "978-3-16-148410-0"),
        ("4006381 333932", None, "ean13", None),
        ("4006381 333931", "4.{13}", "ean13", "4006381 333931"),
    ],
)
def test_patterns_and_checks_look_across_gaps(text, pattern, check, form):
    alphabet = make_alphabet(SPACED, "CTC", NUMBERS, pattern, check)
    assert alphabet.fits(text) is (form is not None)
    assert form is None or alphabet.form(text) == form


def test_another_pattern_for_the_same_alphabet():
    alphabet = make_alphabet(SPACED, "CTC", "0123456789", None, "luhn", notation=Notation(","))
    other = alphabet.matching("[0-9]{4}")
    assert (other.permitted, other.numbers, other.check, other.notation) == ("0123456789", True, "luhn", Notation(","))
    assert [other.fits(text) for text in ("0018", "018", "0017")] == [True, False, False]
    with pytest.raises(AlphabetError, match="pattern"):
        alphabet.matching("(")


def test_case_matters_only_where_the_recognizer_knows_both():
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
