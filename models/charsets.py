"""Alphabets by name, and how many classes a recognizer of each has."""

from __future__ import annotations

from itertools import chain

DIGITS = "0123456789"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


def ranges(parts: str) -> str:
    """Return the characters of parts with blanks between: of "az", those from a to z; of other parts, themselves."""
    spans = (range(ord(part[0]), ord(part[-1]) + 1) if len(part) == 2 else map(ord, part) for part in parts.split())
    return "".join(map(chr, chain.from_iterable(spans)))


CHARSETS = {
    "digits": DIGITS,
    "alnum36": DIGITS + LETTERS,
    "printable94": DIGITS + LETTERS + LETTERS.upper() + PUNCTUATION,
    "numbers": DIGITS + LETTERS + "$%#+-/.,:",
    "numbers-spaced": DIGITS + LETTERS + "$%#+-/.,: ",
    "easyocr-english": DIGITS + PUNCTUATION + " €" + LETTERS.upper() + LETTERS,
    "easyocr-latin": " "
    + ranges("!~ ª ÀÖ Øö øć Čē Ėě Ğğ Ĩī Įı Ķķ Ĺľ Łň Œŕ Řś Şš Ťť Ũū Ůů Ųų Ÿž Ə Ơơ Ưư Șț ə \u0307 Ḍḍ Ḷḷ Ṁṇ Ṭṭ Ạỹ €"),
    "easyocr-cyrillic": DIGITS
    + PUNCTUATION
    + " €₽"
    + LETTERS.upper()
    + LETTERS
    + ranges("АЕ Ё Же ё жя ЂђЃѓЄєІіЇїЈјЉљЊњЋћЌќЎўЏџ Ґғ Ққ Үү Ҳҳ Ҷҷ Ӏ ӏ Ӣӣ Өө Ӯӯ"),
}
"""Name -> characters, in the order of the network's classes.

`alnum36` and `printable94` are those of the published recognizers (case-insensitive and
case-sensitive); `numbers-spaced` is the one of the bundle that ships with EdgeReader, `numbers` the former one.
`easyocr-…` are those of EasyOCR's second generation (english_g2, latin_g2, cyrillic_g2), which have a space.
"""

SPECIAL_SYMBOLS = {"CTC": 1, "Attn": 2}
"""Prediction stage -> classes before the charset: blank, or [GO] and [s]."""


def num_classes(charset: str, prediction: str) -> int:
    """Return how many classes a recognizer of `charset` has; `prediction` is "CTC" or "Attn"."""
    return SPECIAL_SYMBOLS[prediction] + len(charset)
