"""What the commands of export have in common: how options are parsed, progress is said and reports are written."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click
import msgspec

from ..runtime.errors import ExportError

FILE = click.Path(path_type=Path)


def parse_size(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """Parse HEIGHTxWIDTH in pixels, for example 32x100."""
    if value is None:
        return None
    parts = value.lower().split("x")
    if len(parts) != 2 or not all(part.isdigit() and 16 <= int(part) <= 4096 for part in parts):
        raise click.BadParameter(f"{value!r}: expected HEIGHTxWIDTH of 16 to 4096 pixels, for example 32x100")
    return int(parts[0]), int(parts[1])


def parse_widths(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """Parse ascending widths in pixels, multiples of 4, for example 64,96,128."""
    if value is None:
        return None
    parts = value.split(",")
    widths = tuple(int(part) for part in parts if part.isdecimal() and 8 <= int(part) <= 8192 and int(part) % 4 == 0)
    if len(widths) < len(parts) or list(widths) != sorted(set(widths)):
        expected = "ascending widths of 8 to 8192 pixels, multiples of 4"
        raise click.BadParameter(f"{value!r}: expected {expected}, for example 64,96,128")
    return widths


def progress() -> Callable[[str], None]:
    """Return what says on stderr what is being done, and since when."""
    start = time.monotonic()
    return lambda line: click.echo(f"[{time.monotonic() - start:6.1f} s] {line}", err=True)


def write_report(path: Path, option: str, **figures: Any) -> None:
    """Write figures as JSON, with when and on what they were found; one that is not finite is null.

    Raises:
        ExportError: it cannot be written; `option` names another file.
    """
    from .parity import versions

    contents = {
        "when": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()} {platform.processor()}".strip(),
        "versions": versions("onnx", "onnxruntime"),
        **figures,
    }
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(contents, enc_hook=str), indent=2) + b"\n")
    except OSError as exc:
        raise ExportError(f"{path}: the report could not be written: {exc.strerror}; choose another {option}") from exc
