"""Figures as JSON files: written whole or not at all, and read back."""

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ..runtime.bundles.writing import write_whole
from ..runtime.errors import DatasetError
from .figures import SCHEMA, Report

Contents = TypeVar("Contents")


def writable(report_file: Path | None, folder: Path | None = None, option: str = "") -> None:
    """Refuse output paths before hours of measuring, not after: that of --json, and a folder's, given by an option.

    Raises:
        DatasetError: The report's path is a folder, or the folder's a file.
    """
    if report_file and report_file.is_dir():
        raise DatasetError(f"--json {report_file}: expected a file, got a folder; give a file name in it")
    if folder and folder.exists() and not folder.is_dir():
        raise DatasetError(f"{option} {folder}: expected a folder, got a file; choose another path")


def write_json(path: Path, contents: msgspec.Struct) -> None:
    """Write a struct as JSON; the file appears, or is replaced, only when it is complete.

    Raises:
        OSError: The folder cannot be written.
    """
    write_file(path, msgspec.json.format(msgspec.json.encode(contents), indent=2).decode() + "\n")


def write_file(path: Path, text: str) -> None:
    """Write a text file as UTF-8; it appears, or is replaced, only when it is complete.

    Raises:
        OSError: The folder cannot be written.
    """
    write_whole(path, text.encode())


def read_json(path: Path, kind: type[Contents], source: str) -> Contents:
    """Read back a struct that a command named `source` wrote.

    Raises:
        DatasetError: No such file, or it holds something else.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError) as exc:
        got = exc.strerror if isinstance(exc, OSError) else str(exc)
        raise DatasetError(f"{path}: expected the JSON of `{source}`, got: {got}; write it again") from exc


def read_report(path: Path) -> Report:
    """Read a report of `edgereader eval --json`.

    Raises:
        DatasetError: No such file, another schema, no run, or something else than a report.
    """
    version = read_json(path, dict[str, Any], "edgereader eval --json").get("schema")
    if version != SCHEMA:
        raise DatasetError(f"{path}: expected a report of schema {SCHEMA}, got {version!r}; measure again")
    report = read_json(path, Report, "edgereader eval --json")
    if not report.runs:
        raise DatasetError(f"{path}: expected at least one run, got none; measure again")
    return report
