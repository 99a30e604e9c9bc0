"""Check digits: does a text satisfy the sum that its kind of number carries? Pure functions on texts."""

import re
import string
from collections.abc import Callable, Mapping

_SEPARATORS = str.maketrans("", "", " -")


def luhn(text: str) -> bool:
    """Return whether the last digit is the check digit of a payment card, IMEI and the like.

    From the right every second digit is doubled, its own digits are added up, and the whole sum is a multiple of
    ten (ISO/IEC 7812-1, annex B). Blanks and hyphens do not count; two digits at least.
    """
    digits = text.translate(_SEPARATORS)
    if re.fullmatch("[0-9]{2,}", digits) is None:
        return False
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0


def ean13(text: str) -> bool:
    """Return whether the last of 13 digits is the check digit of an article number (EAN-13, GTIN-13, ISBN-13).

    From the left the digits weigh 1, 3, 1, 3, …, and the whole sum is a multiple of ten (GS1 General
    Specifications, section 7.9.1). Blanks and hyphens do not count.
    """
    digits = text.translate(_SEPARATORS)
    if re.fullmatch("[0-9]{13}", digits) is None:
        return False
    return (sum(map(int, digits[::2])) + 3 * sum(map(int, digits[1::2]))) % 10 == 0


_LETTER_VALUES = dict(zip(string.ascii_uppercase, (value for value in range(10, 39) if value % 11), strict=True))


def iso6346(text: str) -> bool:
    """Return whether the last digit is the check digit of a freight container's code, such as CSQU3054383.

    Three letters, one of U, J and Z, and seven digits, in either case. A digit is worth itself, a letter 10 to 38
    without the multiples of 11; the place counted from 0 weighs as a power of two; the sum modulo 11, a ten being
    0, is the check digit (ISO 6346, annex A). Blanks and hyphens do not count.
    """
    code = text.translate(_SEPARATORS).upper()
    if re.fullmatch("[A-Z]{3}[UJZ][0-9]{7}", code) is None:
        return False
    values = (_LETTER_VALUES[character] if character in _LETTER_VALUES else int(character) for character in code[:-1])
    return sum(value << place for place, value in enumerate(values)) % 11 % 10 == int(code[-1])


CHECKS: Mapping[str, Callable[[str], bool]] = {"luhn": luhn, "iso6346": iso6346, "ean13": ean13}
"""Name → check."""
WITH_LETTERS = frozenset({"iso6346"})
"""Checks of codes that have letters."""
