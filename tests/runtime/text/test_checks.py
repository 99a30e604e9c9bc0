import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgereader.runtime.text.checks import CHECKS, WITH_LETTERS, ean13, iso6346, luhn

VALID = {
    "luhn": ["79927398713", "4539-1488-0343-6467", "490154203237518", "18", "00"],
    "ean13": ["4006381333931", "9783161484100", "978-3-16-148410-0", "0000000000000"],
    "iso6346": ["CSQU3054383", "csqu3054383", "CSQU 305438-3", "TOLU4734787"],
}
OF_ANOTHER_KIND = {
    "luhn": ["", "0", "12.34", "7992739871a", "٧٩٩٢٧٣٩٨٧١٣", "1/8"],
    "ean13": ["", "400638133393", "40063813339310", "4006381333931x"],
    "iso6346": ["", "CSQX3054383", "CSU3054383", "CSQU305438", "3054383"],
}


@pytest.mark.parametrize(("check", "text"), [(name, text) for name, texts in VALID.items() for text in texts])
def test_published_numbers_pass_and_any_wrong_digit_fails(check, text):
    passes = CHECKS[check]
    assert passes(text)
    for place, digit in enumerate(text):
        for other in set("0123456789") - {digit} if digit.isdecimal() else ():
            wrong = text[:place] + other + text[place + 1 :]
            last = sum(character.isdecimal() for character in text[place:]) == 1
            assert not passes(wrong) or (check == "iso6346" and not last), wrong


@pytest.mark.parametrize(("check", "text"), [(name, text) for name, texts in OF_ANOTHER_KIND.items() for text in texts])
def test_what_is_of_another_kind_fails(check, text):
    assert not CHECKS[check](text)


@given(st.text("0123456789", min_size=1, max_size=20))
def test_one_check_digit_in_ten_passes(digits):
    assert sum(luhn(digits + last) for last in "0123456789") == 1
    if len(digits) == 12:
        assert sum(ean13(digits + last) for last in "0123456789") == 1


@given(st.integers(0, 26**3 - 1), st.sampled_from("UJZ"), st.integers(0, 999_999))
def test_one_container_check_digit_passes(owner, category, serial):
    letters = "".join(chr(ord("A") + owner // 26**place % 26) for place in range(3))
    assert sum(iso6346(f"{letters}{category}{serial:06d}{last}") for last in range(10)) == 1


def test_swapped_neighbours_are_found():
    assert luhn("79927398713")
    assert not luhn("79923798713")
    assert not ean13("4006383133931")
    assert not iso6346("CQSU3054383")


def test_the_checks_with_letters_are_checks():
    assert set(CHECKS) >= WITH_LETTERS
