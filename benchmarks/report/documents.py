"""Documents of which parts are generated: what lies between two markers.

A marker is a comment such as `<!-- results:begin -->`, with its `<!-- results:end -->`; what stands outside is written
by hand and stays.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from ...export.card import BLOCK
from ...runtime.errors import DatasetError

MARKERS = (
    "made", "tuned", "facts", "results", "machine", "targets", "written", "boxes", "latency", "calibration", "bench",
)  # fmt: skip
"""All that generated parts are called; exports write "made" and "tuned", `edgereader bench readme` writes "bench", and
`edgereader card` the others."""


def renewed(path: Path, parts: Mapping[str, str]) -> str:
    """Return a document as it should be.

    Raises:
        DatasetError: There is no such file, or its markers are wrong.
    """
    if not path.is_file():
        raise DatasetError(f"{path}: expected a document with markers, got nothing there; give its path")
    return filled(path.read_text(encoding="utf-8"), parts, str(path))


def filled(document: str, parts: Mapping[str, str], where: str) -> str:
    """Put generated parts between the markers of a document; those of other commands stay as they are.

    Raises:
        DatasetError: A marker has no end, an unknown name, or there is none of these parts.
    """
    names = re.findall(r"<!-- (\w+):begin -->", document)
    found = [match[1] for match in BLOCK.finditer(document)]
    if names != found or not set(names) & set(parts) or not set(names) <= {*parts, *MARKERS}:
        raise DatasetError(
            f"{where}: expected markers <!-- NAME:begin --> and <!-- NAME:end --> with names among "
            f"{', '.join(parts)}, got {', '.join(names) or 'none'}; correct them"
        )
    return BLOCK.sub(
        lambda match: (
            f"<!-- {match[1]}:begin -->\n{parts[match[1]]}\n<!-- {match[1]}:end -->" if match[1] in parts else match[0]
        ),
        document,
    )
