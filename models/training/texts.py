"""What training text says: numbers of every kind, words, codes, prices, units."""

from __future__ import annotations

import numpy as np

DIGITS = "0123456789"
CLEAR_LETTERS = "abcdefghjkmnpqrtuvwxy"
"""Letters for random codes: those that no digit looks like (o, i, l, s, z) are kept to words, where context tells."""
WORDS = [
    "the",
    "and",
    "for",
    "with",
    "open",
    "closed",
    "exit",
    "entry",
    "stop",
    "go",
    "north",
    "south",
    "east",
    "west",
    "street",
    "road",
    "avenue",
    "lane",
    "park",
    "bus",
    "taxi",
    "train",
    "station",
    "platform",
    "gate",
    "level",
    "floor",
    "room",
    "office",
    "shop",
    "store",
    "sale",
    "price",
    "total",
    "litres",
    "volume",
    "unit",
    "power",
    "water",
    "gas",
    "meter",
    "energy",
    "pump",
    "diesel",
    "super",
    "unleaded",
    "runner",
    "marathon",
    "race",
    "team",
    "city",
    "run",
    "sport",
    "finish",
    "start",
    "bank",
    "hotel",
    "cafe",
    "bar",
    "pizza",
    "market",
    "fresh",
    "food",
    "drink",
    "beer",
    "wine",
    "coffee",
    "tea",
    "milk",
    "bread",
    "fish",
    "meat",
    "school",
    "library",
    "museum",
    "church",
    "police",
    "fire",
    "first",
    "aid",
    "danger",
    "warning",
    "caution",
    "no",
    "smoking",
    "parking",
    "private",
    "property",
    "keep",
    "clear",
    "left",
    "right",
    "push",
    "pull",
    "slow",
    "speed",
    "limit",
    "zone",
    "free",
    "new",
    "best",
    "hot",
    "cold",
    "day",
    "night",
    "monday",
    "tuesday",
    "friday",
    "sunday",
    "january",
    "april",
    "august",
    "november",
    "special",
    "offer",
    "off",
    "only",
    "made",
    "italy",
    "germany",
    "france",
    "china",
    "japan",
    "model",
    "serial",
    "type",
    "class",
    "size",
    "max",
    "min",
    "home",
    "house",
    "garden",
    "villa",
    "mr",
    "mrs",
    "dr",
    "best",
    "king",
    "queen",
    "star",
    "moon",
    "sun",
    "blue",
    "red",
    "green",
    "black",
    "white",
    "gold",
    "silver",
    "big",
    "small",
    "old",
    "long",
    "short",
    "high",
    "low",
    "top",
    "view",
    "lake",
]
UNITS = ("kwh", "kw", "m3", "km", "kg", "l", "v", "a", "hz", "m", "cm", "mm", "ml", "g", "h", "min", "th", "st", "nd")
VOWELS, CONSONANTS = "aeiou", "bcdfghjklmnprstvwz"


def random_text(rng: np.random.Generator, *, hard: float = 1.0) -> str:
    """Draw a text to render; upper, lower and title case.

    Args:
        rng: The source of chance.
        hard: 0..1, how much of the variety is drawn: 0 gives short plain numbers only.
    """
    if rng.random() > hard:
        return digits(rng, 1, 4)
    makers = (small_number, whole_number, decimal_number, marked_number, number_with_unit, word, code)
    maker = makers[rng.choice(len(makers), p=[0.15, 0.30, 0.12, 0.23, 0.05, 0.09, 0.06])]
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
