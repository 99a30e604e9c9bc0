"""What an evaluation found: as JSON for a file, as a table for people."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from .evaluate import CropsResult, Result
from .machine import Machine

SCHEMA = 1


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluation, with all that is needed to repeat it."""

    schema: int = SCHEMA
    command: str
    """The command line that gave the report."""
    date: str
    """When it ended, ISO 8601, UTC."""
    bundle: str
    """The bundle's name."""
    files: dict[str, str]
    """The model files that were read, with their SHA-256."""
    backend: str
    precision: str
    machine: Machine
    sets: list[Result]


def write_report(path: Path, report: Report) -> None:
    """Write the report as JSON; the file appears, or is replaced, only when it is complete.

    Raises:
        OSError: The folder cannot be written.
    """
    contents = msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(contents)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def table(results: Sequence[Result]) -> str:
    """Lay the results out for a terminal, one set a line."""
    header = ("set", "images", "result", "p50 ms", "p90 ms")
    rows = [header, *(_row(result) for result in results)]
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
        return f"exact {result.accuracy:.1%} ({result.exact} of {result.images})"
    false = f"{result.false_numbers_per_image:.2f} false numbers an image"
    if result.recall is None:
        return false
    precision = "no number read" if result.precision is None else f"precision {result.precision:.1%}"
    return f"recall {result.recall:.1%} ({result.matched} of {result.labels}), {precision}, {false}"
