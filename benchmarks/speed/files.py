"""Figures read back from files, of whichever kind they are."""

from pathlib import Path
from typing import Any

from ...runtime.errors import DatasetError
from ..report import read_json
from .figures import SCHEMA, Report
from .growth_figures import Growth
from .soak_figures import Soak

SOURCE = "edgereader bench --json"
KINDS: dict[str, type[Report | Growth | Soak]] = {"contenders": Report, "curves": Growth, "samples": Soak}
"""The field that only one kind has."""


def read_figures(path: Path) -> Report | Growth | Soak:
    """Read what `edgereader bench`, `bench growth` or `bench soak` wrote.

    Raises:
        DatasetError: no such file, another schema, or something else than one of these.
    """
    found = read_json(path, dict[str, Any], SOURCE)
    kind = next((kind for name, kind in KINDS.items() if name in found), None)
    if kind is None:
        raise DatasetError(f"{path}: expected the JSON of edgereader bench, growth or soak, got another one; choose it")
    if found.get("schema") != SCHEMA:
        got = found.get("schema")
        raise DatasetError(f"{path}: expected figures of schema {SCHEMA}, got {got!r}; measure again")
    return read_json(path, kind, SOURCE)
