"""How readings are scored against labels: by their digits alone."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

NUMBER_DIGITS = 2
"""Readings with at least this many digits count for the precision: a lone digit is often a stray stroke."""


def digits(text: str) -> str:
    """Keep the digits 0-9 of a text: `-12.5 %` gives `125`."""
    return re.sub(r"[^0-9]", "", text)


def is_exact(label: str, reading: str) -> bool:
    """Tell whether a crop's reading has the digits of its label, all and in order."""
    return digits(label) == digits(reading)


@dataclass(frozen=True)
class Match:
    """The numbers read in one scene, matched with its labels as multisets of digit strings."""

    matched: tuple[str, ...]
    """Labelled and read; sorted, as are the others."""
    missed: tuple[str, ...]
    """Labelled and not read."""
    false: tuple[str, ...]
    """Read and not labelled."""

    @property
    def labels(self) -> int:
        """The number of labels with a digit."""
        return len(self.matched) + len(self.missed)

    @property
    def true_numbers(self) -> int:
        """The number of matched readings of two digits or more."""
        return count_numbers(self.matched)

    @property
    def numbers(self) -> int:
        """The number of readings of two digits or more."""
        return count_numbers(self.matched + self.false)


def match(labels: Iterable[str], readings: Iterable[str]) -> Match:
    """Match the digit strings of labels and readings; texts without a digit are left out on both sides."""
    wanted, got = (Counter(filter(None, map(digits, texts))) for texts in (labels, readings))
    return Match(*(tuple(sorted(part.elements())) for part in (wanted & got, wanted - got, got - wanted)))


def count_numbers(digit_strings: Iterable[str]) -> int:
    """Count the strings of two digits or more."""
    return sum(len(string) >= NUMBER_DIGITS for string in digit_strings)


def ratio(part: int, whole: int) -> float | None:
    """Give `part / whole`, or None where there is nothing to divide by: a figure that does not exist is not 0."""
    return part / whole if whole else None
