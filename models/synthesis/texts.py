"""What training text says: numbers of every kind, words, codes, prices, units."""

from __future__ import annotations

import numpy as np

DIGITS = "0123456789"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CLEAR_LETTERS = "abcdefghjkmnpqrtuvwxy"
"""Letters for random codes: those that no digit looks like (o, i, l, s, z) are kept to words, where context tells."""
WORDS = [
    "the", "and", "for", "with", "open", "closed", "exit", "entry", "stop", "go", "north", "south", "east", "west",
    "street", "road", "avenue", "lane", "park", "bus", "taxi", "train", "station", "platform", "gate", "level",
    "floor", "room", "office", "shop", "store", "sale", "price", "total", "litres", "volume", "unit", "power", "water",
    "gas", "meter", "energy", "pump", "diesel", "super", "unleaded", "runner", "marathon", "race", "team", "city",
    "run", "sport", "finish", "start", "bank", "hotel", "cafe", "bar", "pizza", "market", "fresh", "food", "drink",
    "beer", "wine", "coffee", "tea", "milk", "bread", "fish", "meat", "school", "library", "museum", "church",
    "police", "fire", "first", "aid", "danger", "warning", "caution", "no", "smoking", "parking", "private",
    "property", "keep", "clear", "left", "right", "push", "pull", "slow", "speed", "limit", "zone", "free", "new",
    "best", "hot", "cold", "day", "night", "monday", "tuesday", "friday", "sunday", "january", "april", "august",
    "november", "special", "offer", "off", "only", "made", "italy", "germany", "france", "china", "japan", "model",
    "serial", "type", "class", "size", "max", "min", "home", "house", "garden", "villa", "mr", "mrs", "dr", "best",
    "king", "queen", "star", "moon", "sun", "blue", "red", "green", "black", "white", "gold", "silver", "big", "small",
    "old", "long", "short", "high", "low", "top", "view", "lake",
]  # fmt: skip
UNITS = ("kwh", "kw", "m3", "km", "kg", "l", "v", "a", "hz", "m", "cm", "mm", "ml", "g", "h", "min", "th", "st", "nd")
VOWELS, CONSONANTS = "aeiou", "bcdfghjklmnprstvwz"


def random_text(rng: np.random.Generator, *, hard: float = 1.0) -> str:
    """Draw a text to render, in upper, lower or title case; with `hard` (0..1) at 0, short plain numbers only."""
    if rng.random() > hard:
        return digits(rng, 1, 4)
    makers = (
        small_number, whole_number, decimal_number, marked_number, signed_number, date, long_number, number_with_unit,
        word, code,
    )  # fmt: skip
    maker = makers[rng.choice(len(makers), p=[0.14, 0.22, 0.10, 0.16, 0.06, 0.05, 0.06, 0.05, 0.10, 0.06])]
    return maker(rng)


def digits(rng: np.random.Generator, shortest: int, longest: int) -> str:
    """Draw digits, leading zeros and repeats included."""
    return "".join(rng.choice(list(DIGITS), int(rng.integers(shortest, longest + 1))))


def small_number(rng: np.random.Generator) -> str:
    """Draw one or two digits: shirts, houses, platforms."""
    return digits(rng, 1, 2)


def shirt_number(rng: np.random.Generator) -> str:
    """Draw a player's number: two digits more often than one, and many with a narrow 1."""
    number = digits(rng, 1, 1) if rng.random() < 0.36 else digits(rng, 2, 2)
    if len(number) == 2 and rng.random() < 0.2:
        return f"1{number[0]}" if rng.random() < 0.6 else f"{number[0]}1"
    return number


def display_number(rng: np.random.Generator) -> str:
    """Draw what a meter, a pump, a scale or a clock shows: leading zeros, and often a decimal point."""
    shortest, longest = (1, 4) if rng.random() < 0.35 else (4, 7)
    text = "0" * int(rng.choice([0, 0, 0, 1, 2, 3])) + digits(rng, shortest, longest)
    text = text[:8]
    kind = rng.random()
    if kind < 0.5 and len(text) > 1:
        at = len(text) - int(rng.integers(1, min(3, len(text) - 1) + 1))
        return f"{text[:at]}.{text[at:]}"
    return f"{digits(rng, 1, 2)}:{digits(rng, 2, 2)}" if kind > 0.93 else text


def whole_number(rng: np.random.Generator) -> str:
    """Draw two to nine digits: bibs, years, counters with leading zeros."""
    kind = rng.random()
    if kind < 0.15:
        return str(rng.integers(1850, 2040))
    if kind < 0.3:
        return ("0" * int(rng.integers(1, 4)) + digits(rng, 1, 5))[:9]
    return digits(rng, 2, 5) if kind < 0.85 else digits(rng, 5, 9)


def decimal_number(rng: np.random.Generator) -> str:
    """Draw a number with a decimal point or comma: displays and prices."""
    point = rng.choice([".", ".", ","])
    return f"{digits(rng, 1, 6)}{point}{digits(rng, 1, 3)}"


def marked_number(rng: np.random.Generator) -> str:
    """Draw a number with signs: price, per cent, time, date, fraction, range, grouped digits."""
    first, second, third = (digits(rng, 1, 2) for _ in range(3))
    patterns = (
        f"${digits(rng, 1, 3)}.{digits(rng, 2, 2)}", f"${digits(rng, 1, 4)}", f"{digits(rng, 1, 2)}%",
        f"{digits(rng, 1, 1)}0%", f"{digits(rng, 1, 1)}0%", f"{digits(rng, 1, 2)}%", f"-{first}%",
        f"#{digits(rng, 1, 4)}", f"{first}:{digits(rng, 2, 2)}", f"{first}/{second}", f"{first}-{second}",
        f"{first}.{second}.{third}", f"{first}/{second}/{digits(rng, 2, 4)}", f"+{digits(rng, 1, 4)}",
        f"{digits(rng, 1, 3)},{digits(rng, 3, 3)}", f"{digits(rng, 2, 4)}-{digits(rng, 2, 4)}",
        f"{digits(rng, 3, 4)} {digits(rng, 3, 4)}", f"{first}:{digits(rng, 2, 2)}:{digits(rng, 2, 2)}", f"-{first}",
    )  # fmt: skip
    return patterns[rng.integers(len(patterns))]


def signed_number(rng: np.random.Generator) -> str:
    """Draw a number with a sign, point or slash at one of its ends: thermometers, scales, lists, prices."""
    number = digits(rng, 1, 4) if rng.random() < 0.6 else decimal_number(rng)
    first = rng.choice(["-", "-", "-", "+", ".", "-.", "/", "", ""])
    last = "" if first else rng.choice([".", "-", "/", ",", ".-", ":", "%"])
    return f"{first}{number}{last}"


def date(rng: np.random.Generator) -> str:
    """Draw a date, in any order and with any separator, at times with the time of day."""
    mark, day, month = str(rng.choice(list("/-."))), int(rng.integers(1, 32)), int(rng.integers(1, 13))
    year = str(rng.integers(1950, 2040))
    year = year[2:] if rng.random() < 0.35 else year
    plain = rng.random() < 0.2
    parts = [str(day) if plain else f"{day:02}", str(month) if plain else f"{month:02}", year]
    if rng.random() < 0.2:
        parts.reverse()
    clock = f" {rng.integers(24):02}:{rng.integers(60):02}" if rng.random() < 0.15 else ""
    return mark.join(parts) + clock


def long_number(rng: np.random.Generator) -> str:
    """Draw ten to twenty digits: articles, cards, telephones, serial numbers, with gaps or without, and containers."""
    kind = rng.random()
    if kind < 0.25:
        return digits(rng, 10, 20)
    if kind < 0.4:
        return article_number(rng)
    if kind < 0.55:
        return " ".join(digits(rng, 4, 4) for _ in range(int(rng.integers(3, 6))))
    if kind < 0.7:
        mark = rng.choice([" ", "-", "/", "."])
        country = rng.choice(["", "", f"+{digits(rng, 1, 3)} "])
        return f"{country}{mark.join(digits(rng, 2, 4) for _ in range(int(rng.integers(2, 5))))}"
    if kind < 0.85:
        owner = "".join(rng.choice(list(LETTERS), 3)) + str(rng.choice(list("UUUUJZ")))
        return f"{owner}{rng.choice(['', ' '])}{digits(rng, 6, 6)}{rng.choice(['', ' '])}{digits(rng, 1, 1)}"
    return " ".join(digits(rng, 3, 3) for _ in range(int(rng.integers(2, 5))))


def article_number(rng: np.random.Generator) -> str:
    """Draw what stands below a barcode: 13 digits in groups of 1, 6 and 6, 12 in 1, 5, 5 and 1, or 8 in 4 and 4."""
    groups = ((1, 6, 6), (1, 6, 6), (1, 5, 5, 1), (4, 4), (6, 6), (13,), (6,))[rng.integers(7)]
    return " ".join(digits(rng, count, count) for count in groups)


def number_with_unit(rng: np.random.Generator) -> str:
    """Draw a number and its unit, together or apart."""
    unit = UNITS[rng.integers(len(UNITS))]
    unit = rng.choice([unit, unit.upper(), unit.title()])
    return f"{digits(rng, 1, 4)}{rng.choice(['', ' '])}{unit}"


def word(rng: np.random.Generator) -> str:
    """Draw a word, known or made of syllables."""
    text = WORDS[rng.integers(len(WORDS))]
    if rng.random() < 0.35:
        syllables = int(rng.integers(1, 4))
        text = "".join(rng.choice(list(CONSONANTS)) + rng.choice(list(VOWELS)) for _ in range(syllables))
        text += rng.choice(["", rng.choice(list(CONSONANTS))])
    return str(rng.choice([text.upper(), text, text.title()], p=[0.6, 0.2, 0.2]))


def code(rng: np.random.Generator) -> str:
    """Draw a code of letters and digits, such as a plate or a part number."""
    letters = "".join(rng.choice(list(CLEAR_LETTERS.upper()), int(rng.integers(1, 4))))
    parts = [letters, digits(rng, 1, 4)]
    if rng.random() < 0.4:
        parts.reverse()
    return str(rng.choice(["", "-", " "], p=[0.6, 0.2, 0.2])).join(parts)
