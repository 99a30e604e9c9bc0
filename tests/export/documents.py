"""The commands in docs/export.md, for the tests that run them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path


def documented(repository: Path, heading: str) -> list[list[str]]:
    """The `edgereader` commands of the first block under a heading, as arguments; those of pip are left out."""
    text = (repository / "docs" / "export.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf"^## {re.escape(heading)}$.*?```sh\n(.*?)```", text, re.DOTALL | re.MULTILINE)[:1]
    lines = [shlex.split(line, comments=True) for line in block.splitlines()]
    return [words[1:] for words in lines if words[0] == "edgereader"]
