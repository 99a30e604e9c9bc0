"""The model card and the README's results, made from an evaluation's JSON: what lies between two markers is generated.

A marker is a comment such as `<!-- results:begin -->`, with its `<!-- results:end -->`; what stands outside is written
by hand and stays.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from ..runtime import Bundle
from ..runtime.errors import DatasetError
from .bundle_facts import facts
from .calibration import Calibration
from .details import as_written, boxes
from .figures import Report
from .references import read_peers, read_targets
from .tables import certainties, latency, machine, results, target_rows

CARD_NAME = "README.md"
MARKERS = ("facts", "results", "machine", "targets", "written", "boxes", "latency", "calibration", "bench")
"""All that generated parts are called; "bench" is written by `edgereader bench readme`, the others by `card`."""
BLOCK = re.compile(r"<!-- (\w+):begin -->\n(.*?)<!-- \1:end -->", re.DOTALL)
NEW_CARD = """# {name}

<!-- facts:begin -->
<!-- facts:end -->

## Results

<!-- results:begin -->
<!-- results:end -->

<!-- machine:begin -->
<!-- machine:end -->

### What was asked for

<!-- targets:begin -->
<!-- targets:end -->

### Crops as written

<!-- written:begin -->
<!-- written:end -->

### Boxes

<!-- boxes:begin -->
<!-- boxes:end -->

### Latency

<!-- latency:begin -->
<!-- latency:end -->

### Confidence

<!-- calibration:begin -->
<!-- calibration:end -->
"""
"""The card of a bundle that has none yet; data, fonts and limits are for a person to add."""


def blocks(bundle: Bundle, report: Report, calibration: Calibration | None) -> dict[str, str]:
    """Generate all parts, by the names of their markers.

    Raises:
        DatasetError: The report or the calibration is of another bundle, of other files, or of another temperature.
    """
    _check(bundle, report, calibration)
    peers, targets = read_peers(), read_targets()
    return {
        "facts": facts(bundle),
        "results": results(report, peers, targets, calibration),
        "targets": target_rows(bundle, report, targets),
        "latency": latency(report, peers),
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
            f"calibration: expected that of this recogniser with temperature {temperature:g}, got another one with "
            f"{calibration.temperature:g}; calibrate again, or leave it out"
        )


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


def documents(bundle: Bundle, parts: Mapping[str, str], readme: Path | None) -> dict[Path, str]:
    """Give the bundle's card, and the README if its path is given, as they should be.

    Raises:
        DatasetError: There is no such README, or markers are wrong.
    """
    card = bundle.root / CARD_NAME
    old = card.read_text(encoding="utf-8") if card.is_file() else NEW_CARD.format(name=bundle.manifest.name)
    made = {card: filled(old, parts, str(card))}
    if readme is not None:
        if not readme.is_file():
            raise DatasetError(f"{readme}: expected a README with markers, got nothing there; give its path")
        made[readme] = filled(readme.read_text(encoding="utf-8"), parts, str(readme))
    return made
