"""An evaluation as JSON for a file, and as tables for a terminal."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ..runtime.errors import DatasetError
from .certainty import SURE, Certainty
from .figures import SCHEMA, AllCrops, CropsResult, Report, Result, ScenesResult

Contents = TypeVar("Contents")


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
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)


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


def table(results: Sequence[Result], crops: AllCrops | None) -> str:
    """Lay the results out for a terminal, one set a line, and below them what stands behind the figures."""
    rows = [_row(result) for result in results]
    if crops is not None:
        figures = f"exact {crops.accuracy:.1%} ({crops.exact} of {crops.images}), {_certain(crops.certainty)}"
        rows.append(("all crops", str(crops.images), figures, "", ""))
    parts = [_columns([("set", "images", "result", "p50 ms", "p90 ms"), *rows])]
    parts += [f"{result.name}: {result.part}" for result in results if result.part]
    if groups := [row for result in results if isinstance(result, CropsResult) for row in _group_rows(result)]:
        parts.append("\n" + _columns([("crops of", "images", "exact"), *groups]))
    if rows := [row for result in results if isinstance(result, ScenesResult) for row in _threshold_rows(result)]:
        parts.append("\n" + _columns([("readings from", "confidence", "result"), *rows]))
    if causes := [
        (result.name, str(cause.count), f"{cause.mistake}: {cause.detail}")
        for result in results
        for cause in result.causes
    ]:
        parts.append("\n" + _columns([("cause of mistakes", "count", "what"), *causes]))
    return "\n".join(parts)


def _columns(rows: Sequence[tuple[str, ...]]) -> str:
    """Align the cells: texts in the first and third column, numbers in the others."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at in {0, 2} else cell.rjust(width) for at, (cell, width) in enumerate(line)
        ).rstrip()
        for line in ([*zip(row, widths, strict=True)] for row in rows)
    )


def _row(result: Result) -> tuple[str, ...]:
    latency = result.latency
    return (result.name, str(result.images), _figures(result), f"{latency.p50_ms:.1f}", f"{latency.p90_ms:.1f}")


def _figures(result: Result) -> str:
    if isinstance(result, CropsResult):
        return f"exact {result.accuracy:.1%} ({result.exact} of {result.images}), {_certain(result.certainty)}"
    found = _found(result.recall, result.precision, result.false_numbers_per_image)
    return found if result.recall is None else found.replace(",", f" ({result.matched} of {result.labels}),", 1)


def _found(recall: float | None, precision: float | None, false: float) -> str:
    numbers = f"{false:.2f} false numbers an image"
    if recall is None:
        return numbers
    precisely = "no number read" if precision is None else f"precision {precision:.1%}"
    return f"recall {recall:.1%}, {precisely}, {numbers}"


def _certain(certainty: Certainty) -> str:
    right = "" if certainty.sure_precision is None else f", of which {certainty.sure_precision:.1%} right"
    return f"ECE {certainty.ece:.3f}, {certainty.sure_share:.0%} at {SURE:g} or more{right}"


def _group_rows(result: CropsResult) -> list[tuple[str, ...]]:
    return [
        (f"{result.name}, {group.group}", str(group.images), f"{group.exact / group.images:.1%} ({group.exact})")
        for group in (*result.by_length, *result.by_ratio)
    ]


def _threshold_rows(result: ScenesResult) -> list[tuple[str, ...]]:
    return [
        (result.name, f"{each.min_confidence:g}", _found(each.recall, each.precision, each.false_numbers_per_image))
        for each in result.thresholds
    ]
