"""Figures read back from files, of whichever kind they are."""

from pathlib import Path
from typing import Any

from ...runtime.errors import DatasetError
from ..record import read_json
from .agreement_figures import Agreement
from .figures import SCHEMA, Report
from .growth_figures import Growth
from .soak_figures import Soak
from .stream_figures import Stream

Figures = Report | Growth | Soak | Stream | Agreement
SOURCE = "edgereader bench --json"
KINDS: dict[str, type[Figures]] = {
    "contenders": Report,
    "box_times": Agreement,
    "curves": Growth,
    "samples": Soak,
    "live": Stream,
}
"""The field that only one kind has."""


def read_figures(path: Path) -> Figures:
    """Read what `edgereader bench`, `bench growth`, `bench soak`, `bench stream` or `bench agree` wrote.

    Raises:
        DatasetError: no such file, another schema, or something else than one of these.
    """
    found = read_json(path, dict[str, Any], SOURCE)
    kind = next((kind for name, kind in KINDS.items() if name in found), None)
    if kind is None:
        kinds = "edgereader bench, growth, soak, stream or agree"
        raise DatasetError(f"{path}: expected the JSON of {kinds}, got another one; choose it")
    if found.get("schema") != SCHEMA:
        got = found.get("schema")
        raise DatasetError(f"{path}: expected figures of schema {SCHEMA}, got {got!r}; measure again")
    return read_json(path, kind, SOURCE)
