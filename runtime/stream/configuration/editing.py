"""What a person may change of a configuration file while its stream runs: checked whole, written, applied.

Comments, and all that is not changed, stay as they are.
"""

from __future__ import annotations

import hashlib
import stat
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ...bundles.writing import write_whole
from ...errors import ConfigError, one_line
from ...extras import pip_install
from ..settings import Number, Settings
from .config import Draft, read_text
from .schema import Place, Problem, convert, find_lines, problem

EDITABLE = ("name", "kind", "region", "digits", "decimals", "unit")
"""Keys of a number that may be changed; all others stay."""
MOST = 64
"""Numbers, and masks."""
BY_HAND = "change it by hand"
DEFAULTS = {field.name: field.default for field in msgspec.structs.fields(Number)}
BACKUP = ".bak"
"""The file as it was before the last change has this behind its name."""


class Edit(msgspec.Struct, forbid_unknown_fields=True):
    """What a person wants to be read. Its values are checked as those of the file are."""

    revision: Annotated[str, Meta(max_length=64)]
    """Of the file that was changed: see `Editor.now`."""
    number: Annotated[list[dict[str, Any]], Meta(max_length=MOST)]
    """Keys of `EDITABLE`, and "was": which number of the file it was, from 0; None = a new one."""
    mask: Annotated[list[Any], Meta(max_length=MOST)]


class Outdated(ConfigError):
    """The file is another than the one that was looked at."""


class Refused(ConfigError):
    """Something of an edit is wrong."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(one_line(_said(problems[0])))
        self.places = [(list(found.place), found.said) for found in problems]
        """For each mistake where it is, ["number", 0, "digits"], and what was expected, got, and the fix."""


class Editor:
    """A stream's configuration file; any thread may use it.

    Args:
        path: the file.
        read: makes a configuration of what the file would hold.
        prepare: called with right settings; returns what makes the stream go on with them.
    """

    def __init__(
        self, path: Path, read: Callable[[str], Draft], prepare: Callable[[Settings], Callable[[], None]]
    ) -> None:
        self._path, self._read, self._prepare = path, read, prepare
        self._lock = threading.Lock()

    def now(self) -> dict[str, Any]:
        """Return what can be changed: the file's name, its revision, its numbers, its masks.

        Raises:
            ConfigError: the file cannot be read, or is wrong by now.
        """
        text = read_text(self._path)
        settings = _right(self._read(text))
        numbers = [{key: getattr(number, key) for key in EDITABLE} for number in settings.number]
        return {"file": self._path.name, "revision": revision(text), "number": numbers, "mask": settings.mask}

    def save(self, edit: Edit) -> None:
        """Check an edit, write it, and let the stream go on with it; or leave all as it is.

        Raises:
            Outdated: the file was changed by somebody else.
            Refused: something of the edit is wrong.
            ConfigError: the file cannot be changed so, or is wrong by now.
            AlphabetError: a number's pattern is none.
            OSError: it cannot be written.
        """
        with self._lock:
            text = read_text(self._path)
            if revision(text) != edit.revision:
                raise Outdated(f"{self._path.name}: expected the file that was looked at, got one that has changed")
            if wrong := list(_wrong(edit)):
                raise Refused(wrong)
            changed = with_numbers(text, edit.number, edit.mask)
            draft = self._read(changed)
            if touched := [found for found in draft.problems if found.place[0] in {"number", "mask"}]:
                raise Refused(touched)
            change = self._prepare(_right(draft))
            if changed != text:
                write(self._path, changed, backup=text)
            change()


def revision(text: str) -> str:
    """Return what tells one text from another."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def write(path: Path, text: str, *, backup: str | None) -> None:
    """Write a configuration: a new one for its owner's eyes only; else who may read it stays, and so does the old one.

    Raises:
        OSError: it cannot be written; nothing was changed.
    """
    mode = 0o600 if backup is None else stat.S_IMODE(path.stat().st_mode)
    if backup is not None:
        write_whole(path.with_name(path.name + BACKUP), backup.encode(), mode=mode)
    write_whole(path, text.encode(), mode=mode)


def _right(draft: Draft) -> Settings:
    if draft.config is None or draft.said:
        raise ConfigError(f"{draft.said[0]}; mend the file by hand first")
    return draft.config.settings


def _wrong(edit: Edit) -> Iterator[Problem]:
    """Yield what is wrong with an edit's own values; all that is left is of types that a TOML file can hold."""
    for at, number in enumerate(edit.number):
        was = number.get("was")
        if was is not None and (type(was) is not int or not 0 <= was < MOST):
            yield problem(("number", at, "was"), "the place of a number in the file", "something else")
        for key in number.keys() - {"was", *EDITABLE}:
            yield problem(
                ("number", at, key), f"one of {', '.join(EDITABLE)}", "another key", "change the file by hand"
            )
    given = [{key: value for key, value in number.items() if key in EDITABLE} for number in edit.number]
    given = [{key: value for key, value in number.items() if value is not None} for number in given]
    _, found = convert({"camera": {"source": 0}, "number": given, "mask": edit.mask})
    yield from found


def _said(found: Problem) -> str:
    at = next((f" {key + 1}" for key in found.place if isinstance(key, int)), "")
    key = next((f", {key}" for key in found.place[2:] if isinstance(key, str)), "")
    return f"{found.place[0]}{at}{key}: {found.said}"


def with_numbers(text: str, numbers: Sequence[Mapping[str, Any]], masks: Sequence[Any]) -> str:
    """Return a configuration's text with other numbers and masks, and everything else, comments too, as it was.

    Args:
        text: a right configuration.
        numbers: as `Edit` has them, of right types.
        masks: in the same way.

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
