"""What a number is: letters that look like digits, and units around it; pure functions on probabilities and texts."""

import re
from functools import cache

import numpy as np

from .alphabets import GAP, INSIDE, NUMBERS, Alphabet, Probabilities

LOOK_ALIKES = {
    "o": "0", "O": "0", "D": "0", "Q": "0", "i": "1", "I": "1", "l": "1", "z": "2", "Z": "2", "s": "5", "S": "5",
    "G": "6", "b": "68", "B": "8", "g": "96", "q": "9",
}  # fmt: skip
"""Letter → digits of about the same shape."""
LOOK_ALIKE_RATIO = 0.02
"""A letter becomes the digit that it looks like when that digit has at least this share of its probability."""
LETTER_RATIO = 0.5
"""A letter becomes any other permitted symbol from this share of its probability."""
LETTERS_PER_DIGIT = 1.0
"""Letters around a number (units, "No") are dropped when there are at most so many for each digit."""


def as_symbol(read: str, row: Probabilities, alphabet: Alphabet) -> str:
    """Return a symbol of numbers instead of a letter, where that is not much less likely; else the character itself.

    Args:
        read: the character that was read.
        row: (classes,) probabilities of the step that wrote it.
        alphabet: the classes and what is permitted of them.
    """
    if read in alphabet.permitted:
        return read
    best = max(
        (character for character in alphabet.permitted if character != GAP),
        key=lambda character: probability(character, row, alphabet),
    )
    alike = LOOK_ALIKES.get(read, "")
    candidates = [(digit, LOOK_ALIKE_RATIO) for digit in alike] + [(best, LETTER_RATIO)]
    for symbol, ratio in sorted(candidates, key=lambda candidate: -probability(candidate[0], row, alphabet)):
        if probability(symbol, row, alphabet) >= ratio * probability(read, row, alphabet):
            return symbol
    return read


def probability(character: str, row: Probabilities, alphabet: Alphabet) -> float:
    """Return the probability of a character in a row (classes,); 0 for one that the recognizer does not know."""
    return sum(float(row[place]) for place in alphabet.classes.get(character, ()))


def of_shape(symbol: str, row: Probabilities, alphabet: Alphabet) -> float:
    """Return the probability of a symbol together with the letters that look like it, in a row (classes,)."""
    letters = [letter for letter, digits in LOOK_ALIKES.items() if symbol in digits]
    return min(sum(probability(letter, row, alphabet) for letter in (symbol, *letters)), 1.0)


def with_shapes(rows: Probabilities, soft: Probabilities, alphabet: Alphabet) -> Probabilities:
    """Return rows in which a letter's probability went to the digit that it looks like most, by the rule of
    `as_symbol`.

    Args:
        rows: (T, classes) probabilities, which decide.
        soft: (T, classes) the same at a temperature, which are moved, in a copy.
        alphabet: the classes.
    """
    moved, classes = soft.copy(), alphabet.classes
    steps = np.arange(len(rows))
    for letter, digits in LOOK_ALIKES.items():
        targets = np.array([place for digit in digits for place in classes.get(digit, ())])
        for source in classes.get(letter, ()) if len(targets) else ():
            target = targets[rows[:, targets].argmax(axis=1)]
            moves = rows[steps, target] >= LOOK_ALIKE_RATIO * rows[:, source]
            moved[steps[moves], target[moves]] += moved[moves, source]
            moved[moves, source] = 0
    return moved


GAPS = INSIDE.replace("−", "")
"""What does not begin or end a number."""
MARKS = re.escape(".,:/" + GAPS)
"""What may stand between a number and its unit, as in "12 mm" and "12.kg"."""


@cache
def _with_units(symbols: str) -> re.Pattern[str]:
    """What matches a number of these symbols with units around it: its second group is the number."""
    symbol, other = f"[{re.escape(symbols)}]", f"[^{re.escape(symbols)}]"
    unit, gaps = f"{other}(?:[^0-9]*{other})?", f"[{re.escape(GAPS)}]*"
    return re.compile(f"{gaps}(?:({unit})[{MARKS}]*)?({symbol}+?)(?:[{MARKS}]*({unit}))?{gaps}")


def without_units(text: str, symbols: str = NUMBERS + INSIDE) -> slice | None:
    """Return where the number is in a text, without gaps around it; None when the text is a word.

    Args:
        text: what was read.
        symbols: what numbers are written with; all else is letters.
    """
    found = _with_units(symbols).fullmatch(text)
    if found is None:
        return None
    digits = sum(character.isdecimal() for character in found[2])
    letters = sum(character not in symbols for character in text)
    return slice(*found.span(2)) if digits and letters <= LETTERS_PER_DIGIT * digits else None
