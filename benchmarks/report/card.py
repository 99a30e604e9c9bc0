"""The model card of a bundle, made from the JSON of an evaluation and of a calibration."""

from collections.abc import Mapping
from pathlib import Path

from ...export.card import CARD_NAME, MADE, facts, marked
from ...runtime import Bundle
from ...runtime.errors import DatasetError
from ..accuracy.calibration import Calibration
from ..accuracy.results import Report
from .card_tables import as_written, boxes, certainties, latency, machine, results, target_rows
from .documents import filled, renewed
from .references import read_targets

PARTS = {
    "": ("facts",),
    "## Results": ("results", "machine"),
    "### What was asked for": ("targets",),
    "### Crops as written": ("written",),
    "### Boxes": ("boxes",),
    "### Latency": ("latency",),
    "### Confidence": ("calibration",),
}
"""Headings of a new card, and the generated parts below them; data, fonts and limits are for a person to add."""


def with_all_parts(card: str) -> str:
    """Return a card, such as an export wrote, with the parts that it has not yet, empty, at its end."""
    absent = {
        heading: [part for part in parts if f"<!-- {part}:begin -->" not in card] for heading, parts in PARTS.items()
    }
    made = [card.rstrip("\n")]
    for heading, parts in absent.items():
        made += [heading] * (bool(parts) and heading not in card)
        made += [marked(part) for part in parts]
    return "\n\n".join(made) + "\n"


def blocks(bundle: Bundle, report: Report, calibration: Calibration | None) -> dict[str, str]:
    """Return all generated parts, by the names of their markers.

    Raises:
        DatasetError: The report or the calibration is of another bundle, of other files, or of another temperature.
    """
    _check(bundle, report, calibration)
    targets = read_targets()
    return {
        "facts": facts(bundle),
        "results": results(report, targets, calibration),
        "targets": target_rows(bundle, report, targets),
        "latency": latency(report),
        "calibration": certainties(report, calibration),
        "machine": machine(report),
        "written": as_written(report),
        "boxes": boxes(report),
    }


def _check(bundle: Bundle, report: Report, calibration: Calibration | None) -> None:
    manifest = bundle.manifest
    models = [model for model in (manifest.detector, manifest.recognizer) if model]
    known = {file.sha256 for model in models for file in model.files.values()}
    measured = {checksum for run in report.runs for checksum in run.files.values()}
    again = f"measure again: edgereader eval {manifest.name} DATASET... --json FILE"
    if report.bundle != manifest.name or not measured <= known:
        raise DatasetError(
            f"report: expected one of the model files of {manifest.name}, got one of {report.bundle} with other files; "
            f"{again}"
        )
    temperature = bundle.recognizer.temperature
    if report.temperature != temperature:
        raise DatasetError(f"report: expected temperature {temperature:g}, got {report.temperature:g}; {again}")
    if calibration and (calibration.temperature != temperature or calibration.recognizer not in known):
        raise DatasetError(
            f"calibration: expected that of this recognizer with temperature {temperature:g}, got another one with "
            f"{calibration.temperature:g}; calibrate again, or leave it out"
        )


def documents(bundle: Bundle, parts: Mapping[str, str], other: Path | None) -> dict[Path, str]:
    """Return the bundle's card, and another document if its path is given, as they should be.

    Raises:
        DatasetError: There is no such document, or markers are wrong.
    """
    card = bundle.root / CARD_NAME
    old = card.read_text(encoding="utf-8") if card.is_file() else f"# {bundle.manifest.name}"
    if not card.is_file() or f"<!-- {MADE}:begin -->" in old:
        old = with_all_parts(old)
    made = {card: filled(old, parts, str(card))}
    return made if other is None else made | {other: renewed(other, parts)}
