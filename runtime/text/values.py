"""What number a text says: its value, where it can mean only one; pure functions on texts."""

import re
from dataclasses import dataclass

from ..errors import AlphabetError

GROUPS = ".,'’"
"""What groups digits by threes unless the user says otherwise. A gap may as well stand between two numbers."""
DECIMALS = ".,"
_NUMBER = re.compile(
    r"(?P<head>[$#%] ?)?(?P<sign>[-−+]?) ?(?P<inner>[$#%] ?)?(?P<digits>[.,]?[0-9]+(?:[.,'’ ][0-9]+)*)(?P<tail> ?[$%])?"
)


@dataclass(frozen=True)
class Notation:
    """How numbers are written where they are read: ``1,234.5`` or ``1.234,5``."""

    decimal: str | None = None
    """What stands before the decimals, "." or ","; None = either, where it cannot group thousands as well."""
    thousands: str | None = None
    """Characters of ``.,'’`` and the space that group digits by threes, "" = none does; None = all of ``GROUPS`` but
    the decimal one, where it cannot stand before decimals as well."""

    def __post_init__(self) -> None:
        """Check the two.

        Raises:
            AlphabetError: other characters, or one that would mean both.
        """
        if self.decimal not in {None, *DECIMALS}:
            raise AlphabetError(f"decimal: expected . or , got {self.decimal!r}; leave it out if it may be either")
        wrong = set(self.thousands or "") - {*GROUPS, " "}
        if wrong or (self.decimal and self.decimal in (self.thousands or "")):
            got = f"{''.join(sorted(wrong))!r}" if wrong else "the decimal one"
            raise AlphabetError(f"thousands: expected some of {GROUPS} and the space, got {got}; use other characters")

    def value_of(self, text: str) -> float | None:
        """Return a reading as a number, an int where it has no decimals; None where it is no number, or could be two.

        A sign counts; ``$``, ``#`` and ``%`` around the number do not: ``45%`` is 45. Dates, times, ratios and lists
        have no value. ``1.234`` and ``1,234`` have one only where a setting says which.
        """
        found = self.parts(text)
        if found is None:
            return None
        sign, whole, part = found
        return sign * (float(f"{whole or 0}.{part}") if part else int(whole))

    def parts(self, text: str) -> tuple[int, str, str] | None:
        """Return the sign (1 or -1), digits before and digits after the point, without groups; None as with
        `value_of`.
        """
        found = _NUMBER.fullmatch(text)
        if found is None or sum(bool(found[part]) for part in ("head", "inner", "tail")) > 1:
            return None
        first, *more = re.split(r"([.,'’ ])", found["digits"])
        marks, groups = "".join(more[::2]), [first, *more[1::2]]
        ways = [way for way in (self._with_decimals(marks, groups), self._whole(marks, groups)) if way]
        return (-1 if found["sign"] in {"-", "−"} else 1, *ways[0]) if len(ways) == 1 else None

    def _with_decimals(self, marks: str, groups: list[str]) -> tuple[str, str] | None:
        """Digits before and after the last mark, if that one can be the decimal one."""
        decimals = self.decimal or "".join(mark for mark in DECIMALS if mark not in (self.thousands or ""))
        if not marks or marks[-1] not in decimals or marks[-1] in marks[:-1]:
            return None
        whole = self._whole(marks[:-1], groups[:-1])
        return (whole[0], groups[-1]) if whole else None

    def _whole(self, marks: str, groups: list[str]) -> tuple[str, str] | None:
        """The digits of a number without decimals, if its groups are of three."""
        grouping = GROUPS if self.thousands is None else self.thousands
        first, *rest = groups
        fits = len(set(marks)) == 1 and marks[0] in grouping and marks[0] != self.decimal
        fits = fits and all(len(group) == 3 for group in rest) and 1 <= len(first) <= 3
        fits = fits and (self.thousands is not None or first[0] != "0")
        return ("".join(groups), "") if not marks or fits else None


def shown(text: str, value: float | None, decimals: int = 0) -> str:
    """Return what to show a person of a reading: its text, or its value where the text alone says another one.

    A meter that shows 00123460 and no point may mean 123.460: then it is that, with all its decimals.

    Args:
        text: as it was read.
        value: what it means; None = it is no number.
        decimals: digits behind the point that a value has at least.
    """
    try:
        same = value is None or float(text.replace(",", ".")) == value
    except ValueError:
        same = False
    if value is None or (same and (not decimals or places(text))):
        return text
    return f"{value:.{max(decimals, places(str(value)) if value % 1 else 0)}f}"


def places(shown: str) -> int:
    """Return how many digits a number that is shown has behind its point, or comma."""
    return len(shown) - 1 - max(shown.rfind(point) for point in DECIMALS) if set(DECIMALS) & set(shown) else 0
