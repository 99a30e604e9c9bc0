"""Tables for a terminal, and how figures and text are written in tables; `export.card.markdown` lays out Markdown."""

import math
from collections.abc import Collection, Sequence


def columns(rows: Sequence[tuple[str, ...]], texts: Collection[int] = (0, 2)) -> str:
    """Lay out a table for a terminal: texts in the columns of these numbers, figures in the others."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at in texts else cell.rjust(width) for at, (cell, width) in enumerate(line)
        ).rstrip()
        for line in ([*zip(row, widths, strict=True)] for row in rows)
    )


def escaped(text: str) -> str:
    """Return text as Markdown shows it: in one line, without columns or tags of its own."""
    line = " ".join(text.split())
    for special in "\\|`*_<[":
        line = line.replace(special, "\\" + special)
    return line


def code(text: str) -> str:
    """Return a command as Markdown."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{' '.join(text.split())}{fence}"


def version_words(versions: dict[str, str]) -> str:
    """Return libraries and their versions in a line."""
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def short(value: float) -> str:
    """Return a number to three digits, without an exponent: 0.012, 1.23, 45.6, 123, 1,230."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    text = f"{value:,.{max(0, _places(value))}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def steady(value: float) -> str:
    """Return a measured number to three digits, with its zeros: 1.20, 45.0, 123."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    return f"{value:,.{max(0, min(4, _places(value)))}f}"


def _places(value: float) -> int:
    return 2 - math.floor(math.log10(abs(value)))


def signed(value: float) -> str:
    """Return a difference to three digits: +1.20, −45.0."""
    return f"{'−' if value < 0 else '+'}{steady(abs(value))}"
