"""A configuration's text with some keys changed; comments, and all that is not changed, stay as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ...errors import ConfigError
from ...extras import pip_install
from ..settings import Number, Settings
from .schema import Place, find_lines

EDITABLE = ("name", "kind", "region", "digits", "decimals", "unit")
"""Keys of a number that may be changed; all others stay."""
DEFAULTS = {field.name: field.default for field in msgspec.structs.fields(Number)}
BY_HAND = "change it by hand"


def with_numbers(text: str, numbers: Sequence[Mapping[str, Any]], masks: Sequence[Any]) -> str:
    """Return a configuration's text with other numbers and masks, and everything else, comments too, as it was.

    Args:
        text: a right configuration.
        numbers: keys of ``EDITABLE``, of right types, and "was": which number of the text it was; None = a new one.
        masks: polygons, of right types.

    Raises:
        ConfigError: the text is written so that a program cannot change it.
    """
    before = msgspec.toml.decode(text)
    wanted = [_wanted(number, before.get("number", [])) for number in numbers]
    if masks and "mask" not in before:
        text = _with_line(text, "mask = []")
    document, toml = _parse(text)
    if "mask" in document:
        _update(document, {"mask": list(masks)})
    tables = document.get("number")
    if not isinstance(tables, toml.items.AoT):
        document.pop("number", None)
        tables = toml.aot()
    old, tail = list(tables), _take_tail(tables[-1]) if tables else []
    for at in reversed(range(len(old))):
        if at not in {number.get("was") for number in numbers}:
            if at:
                old[at - 1].value.body.extend(_take_tail(old[at]))  # it is about the next table
            del tables[at]
    for number, keys in zip(numbers, wanted, strict=True):
        was = number.get("was")
        if was is None or was >= len(old):
            tables.append(toml.table())
            tables[-1].trivia.indent = "\n" * bool(len(tables) > 1)
        table = tables[-1] if was is None or was >= len(old) else old[was]
        for key in [key for key in EDITABLE if key in table and key not in keys]:
            del table[key]
        _update(table, keys)
    if tables and "number" not in document:
        document.append("number", tables)
    elif not tables and "number" in document:
        del document["number"]
    _body(tables[-1] if tables else _last_table(document)).extend(tail)
    return _checked(toml.dumps(document), {**before, "number": wanted, "mask": list(masks)})


def with_options(text: str, options: Mapping[Place, Any]) -> str:
    """Return a configuration's text with some keys set, by their places; of numbers, those of the only one.

    Raises:
        ConfigError: as `with_numbers`.
    """
    document, toml = _parse(text)
    wanted = msgspec.toml.decode(text)
    order = list(Settings.__struct_fields__)
    for place, value in sorted(
        options.items(), key=lambda option: (len(option[0]) > 1, order.index(str(option[0][0])))
    ):
        *above, last = place
        table, plain = document, wanted
        for key in above:
            if key == "number" and key not in table:
                tables = toml.aot()
                tables.append(toml.table())
                table.append(key, tables)
            elif isinstance(key, str) and key not in table:
                table.append(key, toml.table())
            table = table[key]
            plain = plain.setdefault(key, [{}] if key == "number" else {}) if isinstance(key, str) else plain[key]
        _update(table, {str(last): value})
        plain[last] = value
    return _checked(toml.dumps(document), wanted)


def _parse(text: str) -> tuple[Any, Any]:
    """Return a text as tomlkit has it, and tomlkit."""
    try:
        import tomlkit
    except ImportError as exc:
        raise ConfigError(f"expected tomlkit, to write a configuration, got none; {pip_install('stream')}") from exc
    try:
        return tomlkit.parse(f"{text.rstrip()}\n"), tomlkit
    except tomlkit.exceptions.TOMLKitError as exc:
        raise ConfigError(f"expected TOML that can be changed, got: {exc}; {BY_HAND}") from exc


def _wanted(number: Mapping[str, Any], before: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the keys that a number will have: what it had, and what is changed; a default only in place of another."""
    was = number.get("was")
    had = dict(before[was]) if was is not None and was < len(before) else {}
    for key in EDITABLE:
        value = number.get(key, had.get(key))
        if value is None:
            had.pop(key, None)
        elif key in had or key == "name" or value != DEFAULTS[key]:
            had[key] = value
    return had


def _update(table: Any, keys: Mapping[str, Any]) -> None:
    """Set keys; new ones come after those that are there, and before comments about what follows."""
    tail = _take_tail(table)
    for key, value in keys.items():
        if key not in table or table[key] != value:
            table[key] = value
    _body(table).extend(tail)


def _take_tail(table: Any) -> list[Any]:
    """Take out the blank lines and comments behind a table's last key."""
    body, tail = _body(table), list[Any]()
    while body and body[-1][0] is None and any(key is not None for key, _ in body):
        tail.insert(0, body.pop())
    return tail


def _body(table: Any) -> Any:
    """Return a table's or a document's parts, to be changed: pairs of a key, None of blank lines and comments."""
    return table.body if hasattr(table, "body") else table.value.body


def _last_table(document: Any) -> Any:
    tables = [value for key, value in document.body if key is not None and isinstance(value, dict)]
    return tables[-1] if tables else document


def _with_line(text: str, line: str) -> str:
    """Return a text with one more line at its root: after the last key there, or before the first table's comment."""
    rows, lines = text.split("\n"), find_lines(text)
    roots = [at for place, at in lines.items() if len(place) == 1 and not rows[at - 1].lstrip().startswith("[")]
    if roots and _is_whole(rows[max(roots) - 1]):
        return "\n".join([*rows[: max(roots)], line, *rows[max(roots) :]])
    at = min((at for place, at in lines.items() if place), default=len(rows) + 1) - 1
    while at and rows[at - 1].startswith("#"):
        at -= 1
    return "\n".join([*rows[:at], line, "", *rows[at:]])


def _is_whole(row: str) -> bool:
    try:
        msgspec.toml.decode(row)
    except msgspec.DecodeError:
        return False
    return True


def _checked(text: str, wanted: Mapping[str, Any]) -> str:
    """Return a text that says what it should say.

    Raises:
        ConfigError: it does not.
    """
    try:
        got = msgspec.toml.decode(text)
    except msgspec.DecodeError as exc:
        raise ConfigError(f"expected to write TOML, got: {exc}; {BY_HAND}") from exc
    if {key: value for key, value in got.items() if value != []} != {k: v for k, v in wanted.items() if v != []}:
        raise ConfigError(f"expected a file of which one part can be changed, got one written otherwise; {BY_HAND}")
    return text
