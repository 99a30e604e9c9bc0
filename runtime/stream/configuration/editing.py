"""What a person may change of a configuration file while its stream runs: checked whole, written, applied."""

from __future__ import annotations

import hashlib
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ...bundles.writing import write_whole
from ...errors import ConfigError, one_line
from ..settings import Settings
from .config import Draft, read_text, right
from .schema import Problem, convert, problem
from .toml_text import EDITABLE, with_numbers

MOST = 64
"""Numbers, and masks."""
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
        settings = right(self._read(text), self._path).settings
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
            change = self._prepare(right(draft, self._path).settings)
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
