"""The characters of a recognizer, as a user tells them."""

from __future__ import annotations

from pathlib import Path

from ..charsets import CHARSETS, SPECIAL_SYMBOLS, num_classes
from . import CheckpointError


def named_charset(flag: str) -> str:
    """Return the characters that a flag means: those of a name (`CHARSETS`), those in `@FILE`, or the flag itself.

    Raises:
        CheckpointError: the file cannot be read.
    """
    if flag.startswith("@") and len(flag) > 1:
        return read_charset(Path(flag[1:]))
    return CHARSETS.get(flag, flag)


def expect_charset(charset: str | None, classes: int, prediction: str) -> str:
    """Return a charset that has as many characters as the network has classes for; some may repeat.

    Raises:
        CheckpointError: it is absent, or does not fit.
    """
    expected = classes - SPECIAL_SYMBOLS[prediction]
    fitting = ", ".join(name for name, known in CHARSETS.items() if len(known) == expected) or "none of the known names"
    fix = f"pass --charset with {expected} characters (a name: {fitting}; the characters; or @file)"
    if charset is None:
        raise CheckpointError(f"expected a charset, which the checkpoint does not hold, got none; {fix}")
    if num_classes(charset, prediction) != classes:
        raise CheckpointError(f"expected a charset of {expected} characters, got {len(charset)}; {fix}")
    return charset


def read_charset(path: Path) -> str:
    """Return the characters in a text file (UTF-8), line breaks left out."""
    try:
        return path.read_text(encoding="utf-8-sig").replace("\r", "").replace("\n", "")
    except (OSError, UnicodeDecodeError) as exc:
        raise CheckpointError(f"{path}: expected a text file (UTF-8) with the charset, got: {exc}") from exc
