"""Values of a configuration → `Settings`; mistakes are put in words, and found on their lines."""

import copy
import difflib
import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from ..addresses import masked
from ..settings import Settings

EXAMPLE = Path(__file__).parents[1] / "example.toml"
"""A configuration with every key, its default and what it does."""
MOST = 50
"""Mistakes that are reported at once."""
Place = tuple[str | int, ...]
"""Keys, and positions in lists, from the root: ``("number", 0, "region", 2)``."""


@dataclass(frozen=True)
class Problem:
    """A mistake in a configuration."""

    place: Place
    """Of the key."""
    said: str
    """What was expected, what was got, and the fix."""

    def __str__(self) -> str:
        """Return key and mistake."""
        return f"{'.'.join(key for key in self.place if isinstance(key, str))}: {self.said}"


def problem(place: Place, expected: str, got: str, fix: str = "") -> Problem:
    """Return a mistake in the words of all errors here; a fix where it is not plain."""
    return Problem(place, f"expected {expected}, got {got}{'; ' * bool(fix)}{fix}")


def convert(data: dict[str, Any]) -> tuple[Settings | None, list[Problem]]:
    """Return the settings without the keys that are wrong, and what is wrong; None where a wrong key is needed."""
    data = copy.deepcopy(data)
    endless = [place for place, value in walk(data) if isinstance(value, float) and not math.isfinite(value)]
    problems = [problem(place, "a finite number", str(_value(data, place))) for place in endless]
    for place in endless:
        _drop(data, place)
    while len(problems) < MOST:
        try:
            return msgspec.convert(data, Settings), problems
        except msgspec.ValidationError as exc:
            place, found = _problem(data, str(exc))
            if not any(known.place[: len(found.place)] == found.place for known in problems):
                problems.append(found)
            if not _drop(data, place):
                break
    return None, problems


def _problem(data: dict[str, Any], message: str) -> tuple[Place, Problem]:
    """Return which value to leave out, and what msgspec says of it in words."""
    said, _, path = message.partition(" - at `$")
    place: Place = tuple(int(number) if number else name for name, number in re.findall(r"\.(\w+)|\[(\d+)\]", path))
    if missing := re.match("Object missing required field `(.*)`", said):
        return place, problem((*place, missing[1]), _in_words(_type_at((*place, missing[1]))), "nothing")
    if unknown := re.match("Object contains unknown field `(.*)`$", said, re.DOTALL):
        return (*place, unknown[1]), problem(
            (*place, unknown[1]), "a known key", "this one", _nearest(place, unknown[1])
        )
    return place, problem(place, _in_words(_type_at(place)), _shown(_value(data, place)))


def _drop(data: dict[str, Any], place: Place) -> bool:
    """Leave out the key in which a wrong value is; return False if it is the whole file."""
    keys = [at for at, key in enumerate(place) if isinstance(key, str)]
    if not keys:
        return False
    *above, key = place[: keys[-1] + 1]
    _value(data, tuple(above)).pop(key, None)
    return True


def _value(data: Any, place: Place) -> Any:
    for key in place:
        data = data[key]
    return data


def _nearest(place: Place, key: str) -> str:
    """Return what could have been meant."""
    kind = _type_at(place)
    names = [field.name for field in kind.fields] if isinstance(kind, inspect.StructType) else []
    near = difflib.get_close_matches(key, names, n=1)
    return f"is it {near[0]}?" if near else f"known are {', '.join(names)}"


def _type_at(place: Place) -> inspect.Type:
    """Return the type that the settings have at a place."""
    kind = inspect.type_info(Settings)
    for key in place:
        if isinstance(kind, inspect.UnionType):
            kind = next(option for option in kind.types if not isinstance(option, inspect.NoneType))
        if isinstance(kind, inspect.StructType):
            kind = next(field.type for field in kind.fields if field.name == key)
        elif isinstance(kind, inspect.TupleType):
            kind = kind.item_types[min(int(key), len(kind.item_types) - 1)]
        elif isinstance(kind, inspect.ListType):
            kind = kind.item_type
    return kind


def _in_words(kind: inspect.Type) -> str:
    """Return a type in words: "a whole number from 1 to 65535"."""
    if isinstance(kind, inspect.UnionType):
        return " or ".join(_in_words(option) for option in kind.types if not isinstance(option, inspect.NoneType))
    if isinstance(kind, inspect.LiteralType):
        return f"one of {', '.join(json.dumps(value) for value in kind.values)}"
    if isinstance(kind, (inspect.IntType, inspect.FloatType)):
        return f"{'a whole number' if isinstance(kind, inspect.IntType) else 'a number'}{_range(kind)}"
    if isinstance(kind, inspect.StrType):
        return "text" if kind.pattern is None else "1 to 64 of A-Z, a-z, 0-9, - and _, the first no sign"
    if isinstance(kind, (inspect.TupleType, inspect.ListType)):
        return _list_in_words(kind)
    return "true or false" if isinstance(kind, inspect.BoolType) else "a table"


def _list_in_words(kind: inspect.TupleType | inspect.ListType) -> str:
    if isinstance(kind, inspect.TupleType):
        return f"[{', '.join(_in_words(item) for item in kind.item_types)}]"
    length = "" if kind.max_length is None else f" of {kind.min_length or 0} to {kind.max_length}"
    return f"a list{length} of {_in_words(kind.item_type)}"


def _range(kind: inspect.IntType | inspect.FloatType) -> str:
    low = "" if kind.ge is None else f" from {kind.ge:g}" if kind.le is not None else f" of {kind.ge:g} or more"
    low = low if kind.gt is None else f" above {kind.gt:g}"
    return low if kind.le is None else f"{low} to {kind.le:.0f}"


def _shown(value: Any) -> str:
    """Return a wrong value, short; of what is no single value, only what it is."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, (bool, int, float)):
        return str(value).lower()[:40]
    return (
        f"the text {json.dumps(masked(value)[:40], ensure_ascii=False)}" if isinstance(value, str) else f"{value}"[:40]
    )


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
            values = msgspec.toml.decode(statement)
        except msgspec.DecodeError:
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
