"""TOML: its values, and the line on which each key is, which `tomllib` does not say."""

import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Place = tuple[str | int, ...]
"""Keys, and positions in lists, from the root: ``("number", 0, "region", 2)``."""


def parse(text: str) -> dict[str, Any]:
    """Return the values of a TOML text.

    Raises:
        tomllib.TOMLDecodeError: it is not TOML; the message says where.
    """
    return tomllib.loads(text)


def walk(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Yield every value with its place: tables and lists first, then what is in them."""
    yield place, value
    if isinstance(value, (dict, list)):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from walk(inner, (*place, key))


def find_lines(text: str) -> dict[Place, int]:
    """Return the line, from 1, of every table and key of a right TOML text; elements of a list are on its key's line.

    The text is parsed statement by statement: the fewest lines that are right TOML by themselves. Of lists of tables
    those at the root are counted.
    """
    lines: dict[Place, int] = {}
    table: Place = ()
    lengths = Counter[str | int]()
    statement, start = "", 1
    for number, line in enumerate(text.split("\n"), 1):
        statement += f"{line}\n"
        if line.rstrip().endswith(",") and "#" not in line:
            continue  # amid a list: a long one is not parsed once a line
        try:
            values = parse(statement)
        except tomllib.TOMLDecodeError:
            continue
        if statement.lstrip().startswith("["):
            *_, ((root, *rest), _) = walk(values)
            if rest == [0]:
                lengths[root] += 1
                rest = []
            table = (root, lengths[root] - 1, *rest) if lengths[root] else (root, *rest)
            values = {}
            for length in range(1, len(table)):
                lines.setdefault(table[:length], start)
        for place, _ in walk(values, table):
            lines.setdefault(place, start)
        statement, start = "", number + 1
    return lines
