"""What the commands of export have in common."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import click

FILE = click.Path(path_type=Path)


def parse_size(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """HEIGHTxWIDTH in pixels, for example 32x100."""
    if value is None:
        return None
    parts = value.lower().split("x")
    if len(parts) != 2 or not all(part.isdigit() and 16 <= int(part) <= 4096 for part in parts):
        raise click.BadParameter(f"{value!r}: expected HEIGHTxWIDTH of 16 to 4096 pixels, for example 32x100")
    return int(parts[0]), int(parts[1])


def parse_widths(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """Ascending widths in pixels, multiples of 4, for example 64,96,128."""
    if value is None:
        return None
    parts = value.split(",")
    widths = tuple(int(part) for part in parts if part.isdecimal() and 8 <= int(part) <= 8192 and int(part) % 4 == 0)
    if len(widths) < len(parts) or list(widths) != sorted(set(widths)):
        expected = "ascending widths of 8 to 8192 pixels, multiples of 4"
        raise click.BadParameter(f"{value!r}: expected {expected}, for example 64,96,128")
    return widths


def progress() -> Callable[[str], None]:
    """Says what is being done and since when, on stderr."""
    start = time.monotonic()
    return lambda line: click.echo(f"[{time.monotonic() - start:6.1f} s] {line}", err=True)
