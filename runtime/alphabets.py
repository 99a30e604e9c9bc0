"""What a reading may be: its characters, its pattern, its check digit."""

import re
import string
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .checks import CHECKS, WITH_LETTERS
from .errors import AlphabetError

NUMBERS = "0123456789$%#+-/.,:"
"""The default alphabet: what numbers are written with."""
FORBIDDEN = -1e4
"""Added to the logits of a forbidden class."""

Probabilities = NDArray[np.float32]
Prediction = Literal["CTC", "Attn"]


@dataclass(frozen=True)
class Alphabet:
    """What a reading may consist of, for one recogniser."""

    charset: str
    """The recogniser's characters, in the order of its classes; several classes may be one character."""
    prediction: Prediction
    """The recogniser's last stage."""
    permitted: str
    """The characters that a reading may have."""
    numbers: bool
    """True: the graph runs unmasked and letters are judged; False: the graph itself is masked by ``allowed``."""
    pattern: re.Pattern[str] | None = None
    """A reading must match this as a whole."""
    check: str | None = None
    """A reading must pass this check, one of ``CHECKS``."""

    @property
    def special(self) -> int:
        """Number of classes before the charset."""
        return 1 if self.prediction == "CTC" else 2

    @property
    def chooses(self) -> bool:
        """Whether a pattern or a check chooses among the likeliest texts."""
        return self.pattern is not None or self.check is not None

    def fits(self, text: str) -> bool:
        """Whether a text matches the pattern, if there is one, and passes the check, if there is one."""
        matches = self.pattern is None or self.pattern.fullmatch(text) is not None
        return matches and (self.check is None or CHECKS[self.check](text))

    @cached_property
    def classes(self) -> dict[str, tuple[int, ...]]:
        """Character → the classes that write it: one, unless the charset repeats it."""
        found: dict[str, tuple[int, ...]] = {}
        for each, character in enumerate(self.charset, self.special):
            found[character] = (*found.get(character, ()), each)
        return found

    @cached_property
    def mask(self) -> Probabilities:
        """(classes,) float32: 0 for permitted characters and for ends, ``FORBIDDEN`` for all others and for [GO]."""
        ends = [0.0] if self.prediction == "CTC" else [FORBIDDEN, 0.0]
        return np.array(ends + [0.0 if each in self.permitted else FORBIDDEN for each in self.charset], np.float32)

    @cached_property
    def allowed(self) -> Probabilities:
        """(classes,) float32, the graph's input of this name."""
        return replace(self, permitted=self.charset).mask if self.numbers else self.mask


def make_alphabet(
    charset: str, prediction: Prediction, alphabet: str | None, pattern: str | None, check: str | None = None
) -> Alphabet:
    """Check what a user asks for against what a recogniser knows.

    Args:
        charset: the recogniser's characters.
        prediction: its last stage.
        alphabet: ``NUMBERS`` = numbers only; other characters = only these; None = all text. With a check of codes
            that have letters, ``NUMBERS`` stands for letters and digits.
        pattern: regular expression that a whole reading must match, or None. Where the charset knows letters of
            one case only, case does not matter.
        check: "luhn", "iso6346", "ean13", or None.

    Raises:
        AlphabetError: a character that the recogniser does not know, a pattern or a check that is none, or a check
            of codes with letters where letters cannot be read.
    """
    if check is not None and check not in CHECKS:
        raise AlphabetError(f"check {check!r}: expected one of {', '.join(CHECKS)}, got another; use one of these")
    if check in WITH_LETTERS and alphabet == NUMBERS:
        alphabet = "".join(each for each in charset if each in string.ascii_letters + string.digits)
    numbers = alphabet == NUMBERS
    wanted = charset if alphabet is None else "".join(each for each in alphabet if each in charset or not numbers)
    unknown = sorted(set(wanted) - set(charset))
    if unknown or not wanted:
        got = repr("".join(unknown)) if unknown else "none of them"
        raise AlphabetError(f"alphabet: expected characters of {charset!r}, got {got}; leave out what is not in there")
    if check in WITH_LETTERS and not set(wanted) & set(string.ascii_letters):
        raise AlphabetError(f"check {check!r}: expected an alphabet with letters, got {wanted!r}; allow letters")
    return Alphabet(charset, prediction, wanted, numbers, _compiled(pattern, charset), check)


def _compiled(pattern: str | None, charset: str) -> re.Pattern[str] | None:
    one_case = charset in {charset.lower(), charset.upper()}
    try:
        return None if pattern is None else re.compile(pattern, re.IGNORECASE if one_case else 0)
    except re.error as exc:
        raise AlphabetError(f"pattern {pattern!r}: expected a regular expression, got: {exc}; correct it") from exc
