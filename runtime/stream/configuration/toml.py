"""TOML: its values, and on which line each key is, which `tomllib` does not tell."""

import re
import sys
from bisect import bisect_right
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Place = tuple[str | int, ...]
"""Keys, and positions in lists, from the root: ``("number", 0, "region", 2)``."""

BLANK = re.compile(r"[ \t]*")
NOTHING = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:\\.|[^"\\])*"|'[^']*'""")
VALUE = re.compile(
    r'''"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?'{3,5}|"(?:\\.|[^"\\])*"|'[^']*'|[^,\]}#\r\n]+''',
    re.DOTALL,
)
"""A string, of one line or several, or anything else up to its end."""


def parse(text: str) -> dict[str, Any]:
    """Values of a TOML text.

    Raises:
        tomllib.TOMLDecodeError: it is not TOML; the message says where.
    """
    return tomllib.loads(text)


def find_lines(text: str) -> dict[Place, int]:
    """Lines, counted from 1, of all tables, keys and elements of lists in a text that is right TOML."""
    return _Walk(text).lines


class _Walk:
    def __init__(self, text: str) -> None:
        self.lines: dict[Place, int] = {}
        self._text, self._at = text, 0
        self._ends = [each.start() for each in re.finditer("\n", text)]
        self._elements: dict[Place, int] = {}
        table: Place = ()
        self._skip(NOTHING)
        while self._at < len(text):
            if self._next() == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(NOTHING)

    def _header(self) -> Place:
        """``[table]`` or ``[[list of tables]]``: where the keys below it belong."""
        another = self._text.startswith("[[", self._at)
        start = self._at
        self._at += 1 + another
        *outer, last = self._names()
        self._at += 1 + another
        place: Place = ()
        for name in outer:
            place = self._inside((*place, name))
            self._mark(place, start)
        place += (last,)
        if another:
            self._mark(place, start)
            self._elements[place] = self._elements.get(place, -1) + 1
            place = self._inside(place)
        self._mark(place, start)
        return place

    def _inside(self, place: Place) -> Place:
        """The last element, where the place is a list of tables."""
        return (*place, self._elements[place]) if place in self._elements else place

    def _pair(self, table: Place) -> None:
        """``key.of.several = value``"""
        start, place = self._at, table
        for name in self._names():
            place += (name,)
            self._mark(place, start)
        self._at += 1
        self._skip(BLANK)
        self._value(place)

    def _value(self, place: Place) -> None:
        if self._next() == "[":
            self._list(place)
        elif self._next() == "{":
            self._inner_table(place)
        else:
            self._take(VALUE)

    def _list(self, place: Place) -> None:
        self._at += 1
        self._skip(NOTHING)
        position = 0
        while self._next() != "]":
            self._mark((*place, position), self._at)
            self._value((*place, position))
            self._comma()
            position += 1
        self._at += 1

    def _inner_table(self, place: Place) -> None:
        self._at += 1
        self._skip(NOTHING)
        while self._next() != "}":
            self._pair(place)
            self._comma()
        self._at += 1

    def _comma(self) -> None:
        self._skip(NOTHING)
        self._at += self._next() == ","
        self._skip(NOTHING)

    def _names(self) -> list[str]:
        names: list[str] = []
        while not names or self._next() == ".":
            self._at += bool(names)
            self._skip(BLANK)
            names.append(_unquoted(self._take(KEY)))
            self._skip(BLANK)
        return names

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _skip(self, pattern: re.Pattern[str]) -> None:
        if found := pattern.match(self._text, self._at):
            self._at = found.end()

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise ValueError(f"expected right TOML, got {self._text[self._at : self._at + 20]!r}")
        self._at = found.end()
        return found[0]

    def _mark(self, place: Place, at: int) -> None:
        self.lines.setdefault(place, bisect_right(self._ends, at - 1) + 1)


def _unquoted(key: str) -> str:
    if key.startswith('"'):
        return str(next(iter(parse(f"{key} = 0"))))
    return key.strip("'") if key.startswith("'") else key
