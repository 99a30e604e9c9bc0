import pytest

from edgereader.runtime.errors import AlphabetError
from edgereader.runtime.text.values import Notation, places, shown

NONE = ["01/04/2026", "12:30", "17.03.2024", "2024-03-17", "1/2", "12-14", "192.168.1.1", "12.", "5-", "+-3", "--1"]
NONE += ["", ".", "-", "%", "$45%", "1,23,456", "12.34.56", "1e5", "1_0", "AB12", "nan", "٣", "12 345", "1 2", "1.,5"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12345", 12345), ("007", 7), ("45%", 45), ("45 %", 45), ("$19.99", 19.99), ("19.99$", 19.99), ("+12", 12),
        ("-18", -18), ("−18", -18), ("- 18", -18), ("-$5", -5), ("$-5", -5), (".75", 0.75), (",750", 0.75),
        ("-.5", -0.5),
        ("12,5", 12.5), ("0.123", 0.123), ("1234.567", 1234.567), ("1.234,56", 1234.56), ("1,234.56", 1234.56),
        ("1,234,567", 1234567), ("1.234.567,8", 1234567.8), ("1'234.50", 1234.5), ("1’234", 1234), ("#42", 42),
        ("12345678901234567890", 12345678901234567890), *((text, None) for text in NONE),
    ],
)  # fmt: skip
def test_what_can_mean_one_number_only(text, value):
    found = Notation().value_of(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("text", ["1.234", "1,234", "-1.234", "$123,456", "12.345"])
def test_what_could_be_two_numbers_has_no_value(text):
    assert Notation().value_of(text) is None
    assert Notation(".").value_of(text) is not None
    assert Notation(",").value_of(text) is not None


@pytest.mark.parametrize(
    ("notation", "text", "value"),
    [
        (Notation("."), "1.234", 1.234), (Notation("."), "1,234", 1234), (Notation("."), "12,5", None),
        (Notation(","), "1.234", 1234), (Notation(","), "1,234", 1.234), (Notation(","), "12.5", None),
        (Notation(thousands=" "), "12 345", 12345), (Notation(thousands=" "), "12 34", None),
        (Notation(thousands=" "), "12 345,67", 12345.67), (Notation(thousands=" "), "1.234", 1.234),
        (Notation(",", " ."), "1 234,5", 1234.5), (Notation(",", " ."), "1.234", 1234),
        (Notation(",", " ."), "1 234.567", None), (Notation(thousands=""), "1,234", 1.234),
        (Notation(thousands=","), "1,234", 1234), (Notation(thousands="."), "0.123", 123),
    ],
)  # fmt: skip
def test_settings_say_which(notation, text, value):
    assert notation.value_of(text) == value


@pytest.mark.parametrize("wrong", [("-", None), ("", None), (".", ".,"), (None, "x"), (None, "1")])
def test_settings_that_mean_nothing(wrong):
    with pytest.raises(AlphabetError, match=r"expected .* got .*; "):
        Notation(*wrong)


@pytest.mark.parametrize(
    ("text", "value", "decimals", "expected"),
    [
        ("00123460", 123.46, 3, "123.460"),
        ("00123000", 123.0, 3, "123.000"),
        ("00000000", 0.0, 3, "0.000"),
        ("12654", 1265.4, 0, "1265.4"),
        ("00123", 123.0, 0, "00123"),
        ("00123.4", 123.4, 3, "00123.4"),
        ("123,40", 123.4, 0, "123,40"),
        ("1.234,5", 1234.5, 0, "1234.5"),
        ("1,234", 1234, 0, "1234"),
        ("12 345", 12345, 0, "12345"),
        ("B-ER 12", None, 3, "B-ER 12"),
        ("999999999999999999", 999999999999999.999, 3, "1000000000000000.000"),
    ],
)
def test_a_reading_is_shown_as_its_text_unless_that_says_another_number(text, value, decimals, expected):
    assert shown(text, value, decimals) == expected


@pytest.mark.parametrize(("text", "digits"), [("123.460", 3), ("123,4", 1), ("00123", 0), ("1.234,5", 1)])
def test_the_places_of_what_is_shown(text, digits):
    assert places(text) == digits
