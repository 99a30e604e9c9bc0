"""Alphabets by name, and how many classes a recogniser of each has."""

from __future__ import annotations

DIGITS = "0123456789"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

CHARSETS = {
    "digits": DIGITS,
    "alnum36": DIGITS + LETTERS,
    "printable94": DIGITS + LETTERS + LETTERS.upper() + PUNCTUATION,
    "numbers": DIGITS + LETTERS + "$%#+-/.,:",
    "numbers-spaced": DIGITS + LETTERS + "$%#+-/.,: ",
}
"""Name -> characters, in the order of the network's classes.

`alnum36` and `printable94` are those of the published recognisers (case-insensitive and
case-sensitive); `numbers-spaced` is the one of the bundle that ships with EdgeReader.
"""

SPECIAL_SYMBOLS = {"CTC": 1, "Attn": 2}
"""Prediction stage -> classes before the charset: blank, or [GO] and [s]."""


def num_classes(charset: str, prediction: str) -> int:
    """Classes of a recogniser that reads `charset`; `prediction` is "CTC" or "Attn"."""
    return SPECIAL_SYMBOLS[prediction] + len(charset)
