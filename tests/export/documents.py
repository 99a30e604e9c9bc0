"""The commands in docs/export.md, for the tests that run them."""

import re
import shlex


def documented(repository, heading):
    """The `edgereader` commands of the first block under a heading, as arguments; those of pip are left out."""
    text = (repository / "docs" / "export.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf"^## {re.escape(heading)}$.*?```sh\n(.*?)```", text, re.DOTALL | re.MULTILINE)[:1]
    lines = [shlex.split(line, comments=True) for line in block.splitlines()]
    return [words[1:] for words in lines if words[0] == "edgereader"]
