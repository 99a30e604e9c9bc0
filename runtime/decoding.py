"""Symbols and probabilities → text; alphabets, patterns and the rule what a number is; pure functions.

A recogniser's classes are its charset after a few special ones: CTC has a blank first (Graves et al.,
"Connectionist Temporal Classification", ICML 2006), Attn has [GO] and [s] (Baek et al., "What Is Wrong
With Scene Text Recognition Model Comparisons?", ICCV 2019).
"""

import re
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .errors import AlphabetError

NUMBERS = "0123456789$%#+-/.,:"
"""The default alphabet: what numbers are written with."""
FORBIDDEN = -1e4
"""Added to the logits of a forbidden class."""
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

Probabilities = NDArray[np.float32]
Prediction = Literal["CTC", "Attn"]


@dataclass(frozen=True)
class Text:
    """What a recogniser reads in one crop."""

    text: str
    """The characters."""
    confidence: float
    """Product of the characters' probabilities: how likely all of them are right, 0..1."""
    confidences: tuple[float, ...]
    """Probability of each character, 0..1."""
    accepted: bool = True
    """Whether this is what was asked for: a number unless all text is wanted, and fitting the pattern."""


@dataclass(frozen=True)
class Alphabet:
    """What a reading may consist of, for one recogniser."""

    charset: str
    """The recogniser's characters, in the order of its classes."""
    prediction: Prediction
    """The recogniser's last stage."""
    permitted: str
    """The characters that a reading may have."""
    numbers: bool
    """True: the graph runs unmasked and letters are judged; False: the graph itself is masked by ``allowed``."""
    pattern: re.Pattern[str] | None = None
    """A reading must match this as a whole."""

    @property
    def special(self) -> int:
        """Number of classes before the charset."""
        return 1 if self.prediction == "CTC" else 2

    def mask(self) -> Probabilities:
        """(classes,) float32: 0 for permitted characters and for ends, ``FORBIDDEN`` for all others and for [GO]."""
        ends = [0.0] if self.prediction == "CTC" else [FORBIDDEN, 0.0]
        return np.array(ends + [0.0 if each in self.permitted else FORBIDDEN for each in self.charset], np.float32)

    def allowed(self) -> Probabilities:
        """(classes,) float32, the graph's input of this name."""
        return replace(self, permitted=self.charset).mask() if self.numbers else self.mask()


def make_alphabet(charset: str, prediction: Prediction, alphabet: str | None, pattern: str | None) -> Alphabet:
    """Check what a user asks for against what a recogniser knows.

    Args:
        charset: the recogniser's characters.
        prediction: its last stage.
        alphabet: ``NUMBERS`` = numbers only; other characters = only these; None = all text.
        pattern: regular expression that a whole reading must match, or None.

    Raises:
        AlphabetError: a character that the recogniser does not know, or a pattern that is none.
    """
    numbers = alphabet == NUMBERS
    wanted = charset if alphabet is None else "".join(each for each in alphabet if each in charset or not numbers)
    unknown = sorted(set(wanted) - set(charset))
    if unknown or not wanted:
        got = repr("".join(unknown)) if unknown else "none of them"
        raise AlphabetError(f"alphabet: expected characters of {charset!r}, got {got}; leave out what is not in there")
    try:
        compiled = re.compile(pattern) if pattern is not None else None
    except re.error as exc:
        raise AlphabetError(f"pattern {pattern!r}: expected a regular expression, got: {exc}; correct it") from exc
    return Alphabet(charset, prediction, wanted, numbers, compiled)


def decode(log_probs: Probabilities, alphabet: Alphabet) -> Text:
    """Text of one crop.

    Args:
        log_probs: (T, classes) float32, as the graph gives them under ``alphabet.allowed()``.
        alphabet: what a reading may consist of.

    Returns:
        The text; where it is not accepted, the nearest text of permitted characters.
    """
    characters = _greedy(log_probs, alphabet.allowed(), alphabet)
    text = _number(characters, log_probs, alphabet) if alphabet.numbers else _text(characters)
    fits = alphabet.pattern is None or alphabet.pattern.fullmatch(text.text) is not None
    return replace(text, accepted=text.accepted and fits and bool(text.text))


@dataclass(frozen=True)
class _Character:
    character: str
    probability: float
    row: Probabilities
    """(classes,) probabilities at the step that wrote it."""


def _text(characters: list[_Character]) -> Text:
    confidences = tuple(each.probability for each in characters)
    confidence = float(np.prod(confidences)) if confidences else 0.0
    return Text("".join(each.character for each in characters), confidence, confidences)


def _greedy(log_probs: Probabilities, mask: Probabilities, alphabet: Alphabet) -> list[_Character]:
    """The best permitted class of each step: CTC merges repeats and drops blanks, Attn ends at the first [s]."""
    best = (log_probs + mask).argmax(axis=1)
    path = np.exp(log_probs[np.arange(len(best)), best])
    if alphabet.prediction == "Attn":
        ends = np.flatnonzero(best == 1)
        steps = list(range(ends[0] if len(ends) else len(best)))
    else:
        runs = np.split(np.arange(len(best)), np.flatnonzero(np.diff(best)) + 1)
        steps = [int(run[path[run].argmax()]) for run in runs if best[run[0]] != 0]
    return [
        _Character(alphabet.charset[best[step] - alphabet.special], float(path[step]), np.exp(log_probs[step]))
        for step in steps
    ]


def _number(read: list[_Character], log_probs: Probabilities, alphabet: Alphabet) -> Text:
    """A number by the rule of the constants above, or, not accepted, the best permitted characters."""
    characters = [_judge(each, alphabet) for each in read]
    inside = _without_units("".join(each.character for each in characters))
    if inside is not None:
        return _text(characters[inside])
    return replace(_text(_greedy(log_probs, alphabet.mask(), alphabet)), accepted=False)


def _judge(read: _Character, alphabet: Alphabet) -> _Character:
    """Make a letter a symbol of numbers where that is not much less likely; a digit's letters count for it."""
    if read.character in alphabet.permitted:
        return replace(read, probability=_of_shape(read.character, read.row, alphabet))
    best = max(alphabet.permitted, key=lambda each: _probability(each, read.row, alphabet))
    alike = LOOK_ALIKES.get(read.character, "")
    candidates = [(each, LOOK_ALIKE_RATIO) for each in alike] + [(best, LETTER_RATIO)]
    for symbol, ratio in sorted(candidates, key=lambda each: -_probability(each[0], read.row, alphabet)):
        if _probability(symbol, read.row, alphabet) >= ratio * read.probability:
            return replace(read, character=symbol, probability=_of_shape(symbol, read.row, alphabet))
    return read


def _probability(character: str, row: Probabilities, alphabet: Alphabet) -> float:
    index = alphabet.charset.find(character)
    return float(row[index + alphabet.special]) if index >= 0 else 0.0


def _of_shape(symbol: str, row: Probabilities, alphabet: Alphabet) -> float:
    """Probability of a symbol together with the letters that look like it."""
    letters = [letter for letter, digits in LOOK_ALIKES.items() if symbol in digits]
    return min(sum(_probability(each, row, alphabet) for each in (symbol, *letters)), 1.0)


_SYMBOL = f"[{re.escape(NUMBERS)}]"
_UNIT = f"[^{re.escape(NUMBERS)}](?:[^0-9]*[^{re.escape(NUMBERS)}])?"
_WITH_UNITS = re.compile(f"(?:({_UNIT})[.,:/]*)?({_SYMBOL}+?)(?:[.,:/]*({_UNIT}))?")


def _without_units(text: str) -> slice | None:
    """Where the number is in a text; None when the text is a word."""
    found = _WITH_UNITS.fullmatch(text)
    if found is None:
        return None
    digits = sum(each.isdecimal() for each in found[2])
    letters = sum(each not in NUMBERS for each in text)
    return slice(*found.span(2)) if digits and letters <= LETTERS_PER_DIGIT * digits else None
