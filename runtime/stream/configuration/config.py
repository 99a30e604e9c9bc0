"""A stream's configuration: read from a TOML file and checked; every mistake is reported with its line."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from ...errors import ConfigError
from ..settings import JsonLines, Settings
from .rules import broken_rules, is_path
from .schema import Place, Problem, convert, find_lines, problem

LARGEST_BYTES = 1 << 20
READ = ("camera", "password_file"), ("mqtt", "ca_file"), ("mqtt", "password_file"), ("http", "token_file")
WRITTEN = ("mqtt", "queue"), ("history", "path"), ("evidence", "folder")
"""Places of paths: of files that must be there, and of those that a stream writes."""


@dataclass(frozen=True)
class Config:
    """What was asked for, in a file, on the command line, or in both."""

    settings: Settings
    """With absolute paths."""
    path: Path | None
    """The file, absolute."""
    folder: Path
    """What a stream writes, if its path is relative, goes here."""


@dataclass(frozen=True)
class Draft:
    """A configuration with its mistakes."""

    config: Config | None
    """Without the keys that are wrong; None = one of them is needed."""
    problems: tuple[Problem, ...]
    said: tuple[str, ...]
    """A line for each of them, with its file and line in front."""


def load(path: str | os.PathLike[str]) -> Settings:
    """Read a configuration file; relative paths in it count from its folder.

    Raises:
        ConfigError: file, line, key, what was expected and what it got; its ``problems`` has a line for each mistake.
    """
    return read_config(Path(path)).settings


def read_config(
    path: Path | None = None,
    options: Mapping[Place, Any] | None = None,
    files: Sequence[str] = (),
    folder: Path | None = None,
) -> Config:
    """Put a configuration together from a file, options, or both.

    Args:
        path: a TOML file, or None.
        options: what goes before the file's values, by its place; ``("number", 0, ...)`` is the only number there is.
        files: lines of JSON go to these files too, if they do not yet.
        folder: what is written, if its path is relative, goes here; None = the file's own folder, or the current one.

    Raises:
        ConfigError: as `load` says.
    """
    return right(draft_config(path, options, files, folder), path)


def draft_config(
    path: Path | None = None,
    options: Mapping[Place, Any] | None = None,
    files: Sequence[str] = (),
    folder: Path | None = None,
    text: str | None = None,
) -> Draft:
    """Put a configuration together as `read_config` does, and say all that is wrong with it.

    Args:
        text: what the file would hold; None = what it holds.

    Raises:
        ConfigError: the file cannot be read, or is no TOML.
    """
    text = read_text(path) if text is None and path is not None else text or ""
    data, options = _parse(text, path), options or {}
    base = Path.cwd() if path is None else path.resolve().parent
    written = base if folder is None else folder.resolve()
    problems = _put_in(data, options)
    settings, wrong = convert(data)
    problems += wrong
    if settings is not None:
        there = [sink.path for sink in settings.jsonl]
        more = [JsonLines(path=file) for file in files if file not in there]
        settings = _absolute(replace(settings, jsonl=[*settings.jsonl, *more]), base, written)
        tables = {found.place[:1] for found in problems}
        problems += [found for found in broken_rules(settings) if found.place[:1] not in tables]
    lines = find_lines(text) | dict.fromkeys(options, 0)
    problems.sort(key=lambda found: _line(found, lines))
    config = None if settings is None else Config(settings, None if path is None else path.resolve(), written)
    return Draft(config, tuple(problems), tuple(_in_front(found, path, lines) for found in problems))


def right(draft: Draft, path: Path | None) -> Config:
    """Return a configuration without mistakes.

    Raises:
        ConfigError: as `load` says.
    """
    if draft.config is None or draft.said:
        raise _error(draft.said, path)
    return draft.config


def read_text(path: Path) -> str:
    """Return what a configuration file holds.

    Raises:
        ConfigError: it cannot be read, is too large, or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            contents = file.read(LARGEST_BYTES + 1)
        text = contents.decode("utf-8-sig")
    except OSError as exc:
        raise ConfigError(f"{path}: expected a configuration, got: {exc.strerror}; check the path") from exc
    except UnicodeDecodeError as exc:
        line = contents[: exc.start].count(b"\n") + 1
        raise _error([f"{path}:{line}: expected UTF-8 text, got other bytes; save it as UTF-8"], path) from exc
    if len(contents) > LARGEST_BYTES:
        raise ConfigError(f"{path}: expected at most {LARGEST_BYTES} bytes, got more; is this a configuration?")
    return text


def _parse(text: str, path: Path | None) -> dict[str, Any]:
    try:
        parsed: dict[str, Any] = msgspec.toml.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError) as exc:
        raise _error([_syntax(str(exc), path, text)], path) from exc
    return parsed


def _syntax(message: str, path: Path | None, text: str) -> str:
    """Return a parser's message with the line in front."""
    said, _, where = message.partition(" (at ")
    found = re.search(r"line (\d+)", where)
    line = int(found[1]) if found else text.count("\n") + 1
    return f"{path}:{line}: expected TOML, got: {' '.join(said.split())}"


def _put_in(data: dict[str, Any], options: Mapping[Place, Any]) -> list[Problem]:
    """Put options into what a file says, in place."""
    numbers = data.get("number", [{}])
    if any(place[0] == "number" for place in options):
        if not isinstance(numbers, list) or len(numbers) != 1:
            return [problem(("number",), "one number, for an option about it", "several", "change the file")]
        data["number"] = numbers
    for place, value in options.items():
        *above, last = place
        table: Any = data
        for key in above:
            table = table.setdefault(key, {}) if isinstance(table, dict) else table[key]
        if isinstance(table, dict):  # else the file is wrong there, which is reported
            table[last] = value
    return []


def _in_front(found: Problem, path: Path | None, lines: Mapping[Place, int]) -> str:
    """Return a mistake with its file and line in front, or with the command line."""
    line = _line(found, lines)
    return f"{path}:{line}: {found}" if path is not None and line else f"command line: {found}"


def _line(found: Problem, lines: Mapping[Place, int]) -> int:
    """Return the line of a key, or else of its table; 0 = an option of the command line."""
    places = (found.place[:length] for length in range(len(found.place), 0, -1))
    return next((lines[place] for place in places if place in lines), 1)


def _error(problems: Sequence[str], path: Path | None) -> ConfigError:
    more = f" (and {len(problems) - 1} more: edgereader stream --check {path or ''})" if len(problems) > 1 else ""
    error = ConfigError(problems[0] + more)
    error.problems = tuple(problems)
    return error


def _absolute(settings: Settings, base: Path, written: Path) -> Settings:
    """Return settings whose relative paths count from two folders: of what is there, and of what is written."""
    places = [(base, place) for place in READ] + [(written, place) for place in WRITTEN]
    places += [(base, ("camera", "source"))] * is_path(settings.camera.source)
    places += [(base, ("reader", "bundle"))] * ("/" in settings.reader.bundle)
    for folder, (table, key) in places:
        part = getattr(settings, table)
        if getattr(part, key, None) is not None:
            settings = replace(settings, **{table: replace(part, **{key: str(folder / getattr(part, key))})})
    files = [file if file.path == "-" else replace(file, path=str(written / file.path)) for file in settings.jsonl]
    return replace(settings, jsonl=files)
