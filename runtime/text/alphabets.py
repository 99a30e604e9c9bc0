"""What a reading may be: a number or any text, its characters, its pattern, its check digit."""

import re
import string
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..errors import AlphabetError
from .checks import CHECKS, WITH_LETTERS
from .values import Notation

NUMBERS = "0123456789$%#+-/.,:"
"""The default alphabet: what numbers are written with."""
INSIDE = " '’−"
"""More that numbers are written with, and that the default alphabet has where a recognizer knows it: gaps and marks
between groups, and the minus of typesetters."""
GAP = " "
FORBIDDEN = -1e4
"""Added to the logits of a forbidden class."""

Probabilities = NDArray[np.float32]
Prediction = Literal["CTC", "Attn"]
Find = Literal["numbers", "text"]


@dataclass(frozen=True)
class Alphabet:
    """What a reading may consist of, for one recognizer."""

    charset: str
    """The recognizer's characters, in the order of its classes; several classes may be one character."""
    prediction: Prediction
    """The recognizer's last stage."""
    permitted: str
    """The characters that a reading may have."""
    numbers: bool
    """True: numbers are looked for, and words left out, which is why the graph is masked for no letter; False: the
    graph itself is masked for all that is not permitted."""
    pattern: re.Pattern[str] | None = None
    """A reading must match this as a whole."""
    check: str | None = None
    """A reading must pass this check, one of ``CHECKS``."""
    notation: Notation = field(default_factory=Notation)
    """How numbers are written, for their values."""

    @property
    def special(self) -> int:
        """Number of classes before the charset."""
        return 1 if self.prediction == "CTC" else 2

    @property
    def chooses(self) -> bool:
        """Whether a pattern or a check chooses among the likeliest texts."""
        return self.pattern is not None or self.check is not None

    def fits(self, text: str) -> bool:
        """Return whether a text, with or without its gaps, matches the pattern and passes the check, if there are
        any.
        """
        text = self.form(text)
        matches = self.pattern is None or self.pattern.fullmatch(text) is not None
        return matches and (self.check is None or CHECKS[self.check](text))

    def form(self, text: str) -> str:
        """Return a text as a reading has it.

        A pattern and a check look across gaps: ``123 456`` is read as ``123456`` where ``[0-9]{6}`` is asked for, and
        a card's number without the gaps in which it is printed. A pattern that matches the gaps keeps them. Codes with
        letters that have a check are written in capitals.
        """
        text = text.upper() if self.check in WITH_LETTERS else text
        if not self.chooses or GAP not in text or (self.pattern is not None and self.pattern.fullmatch(text)):
            return text
        closed = text.replace(GAP, "")
        return closed if self.pattern is None or self.pattern.fullmatch(closed) else text

    def matching(self, pattern: str | None) -> "Alphabet":
        """Return the same alphabet with another pattern.

        Raises:
            AlphabetError: the pattern is none.
        """
        return replace(self, pattern=_compiled(pattern, self.charset))

    @cached_property
    def symbols(self) -> str:
        """What numbers are written with here; all else is letters."""
        return "".join(dict.fromkeys(NUMBERS + INSIDE + self.permitted))

    @cached_property
    def separators(self) -> NDArray[np.intp]:
        """Classes of the permitted signs, points, gaps and the like."""
        marks = ({*NUMBERS, *INSIDE} - set(string.digits)) & set(self.permitted)
        return np.array([self.charset.index(mark) + self.special for mark in sorted(marks)], np.intp)

    @cached_property
    def classes(self) -> dict[str, tuple[int, ...]]:
        """Character → the classes that write it: one, unless the charset repeats it."""
        found: dict[str, tuple[int, ...]] = {}
        for place, character in enumerate(self.charset, self.special):
            found[character] = (*found.get(character, ()), place)
        return found

    @cached_property
    def mask(self) -> Probabilities:
        """(classes,) float32: 0 for permitted characters and for ends, ``FORBIDDEN`` for all others and for [GO]."""
        ends = [0.0] if self.prediction == "CTC" else [FORBIDDEN, 0.0]
        return np.array(
            ends + [0.0 if character in self.permitted else FORBIDDEN for character in self.charset], np.float32
        )

    @cached_property
    def allowed(self) -> Probabilities:
        """(classes,) float32, the graph's input of this name: of numbers, letters and the like are free too."""
        free = "".join(character for character in self.charset if character not in NUMBERS + INSIDE)
        return replace(self, permitted=self.permitted + free).mask if self.numbers else self.mask


def make_alphabet(
    charset: str,
    prediction: Prediction,
    alphabet: str | None,
    pattern: str | None,
    check: str | None = None,
    *,
    find: Find | None = None,
    notation: Notation | None = None,
) -> Alphabet:
    """Check what a user asks for against what a recognizer knows.

    Args:
        charset: the recognizer's characters.
        prediction: its last stage.
        alphabet: the only characters; ``NUMBERS`` = all that what is looked for is written with; None = every one.
            With a check of codes that have letters, ``NUMBERS`` stands for letters and digits.
        pattern: regular expression that a whole reading must match, or None. Where the charset knows letters of
            one case only, case does not matter.
        check: "luhn", "iso6346", "ean13", or None.
        find: "numbers" or "text"; None = numbers where the alphabet has nothing that numbers are not written with.
        notation: how numbers are written, for their values; None = `Notation`'s defaults.

    Raises:
        AlphabetError: a character that the recognizer does not know, a pattern or a check that is none, a check
            of codes with letters where letters cannot be read, or numbers without digits.
    """
    if find not in {None, *get_args(Find)}:
        raise AlphabetError(f"find: expected one of {', '.join(get_args(Find))}, got {find!r}; use one of these")
    if check is not None and check not in CHECKS:
        raise AlphabetError(f"check {check!r}: expected one of {', '.join(CHECKS)}, got another; use one of these")
    codes = check in WITH_LETTERS and alphabet == NUMBERS
    plain = set(alphabet or "") <= {*NUMBERS, *INSIDE} and bool(set(alphabet or "") & set(string.digits))
    numbers = find == "numbers" or (find is None and plain and not codes)
    if codes:
        wanted = "".join(character for character in charset if character in string.ascii_letters + string.digits)
    elif alphabet is None or alphabet == NUMBERS:
        wanted = "".join(character for character in charset if not numbers or character in NUMBERS + INSIDE)
    else:
        wanted = alphabet
    unknown = sorted(set(wanted) - set(charset))
    if unknown or not wanted:
        got = repr("".join(unknown)) if unknown else "none of them"
        raise AlphabetError(f"alphabet: expected characters of {charset!r}, got {got}; leave out what is not in there")
    if numbers and not set(wanted) & set(string.digits):
        raise AlphabetError(f"alphabet: expected digits for numbers, got {wanted!r}; add them, or find text")
    if check in WITH_LETTERS and not set(wanted) & set(string.ascii_letters):
        raise AlphabetError(f"check {check!r}: expected an alphabet with letters, got {wanted!r}; allow letters")
    return Alphabet(charset, prediction, wanted, numbers, _compiled(pattern, charset), check, notation or Notation())


def _compiled(pattern: str | None, charset: str) -> re.Pattern[str] | None:
    one_case = charset in {charset.lower(), charset.upper()}
    try:
        return None if pattern is None else re.compile(pattern, re.IGNORECASE if one_case else 0)
    except re.error as exc:
        raise AlphabetError(f"pattern {pattern!r}: expected a regular expression, got: {exc}; correct it") from exc
