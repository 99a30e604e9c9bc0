"""The model card of a bundle, made from the JSON of an evaluation and of a calibration."""

from collections.abc import Mapping
from pathlib import Path

from ...runtime import Bundle
from ...runtime.bundles.manifest import DetectorSpec, Quantized, RecognizerSpec
from ...runtime.errors import DatasetError
from ..accuracy.calibration import Calibration
from ..accuracy.results import Report
from ..tables import NONE, markdown, percent
from .card_tables import as_written, boxes, certainties, latency, machine, results, target_rows
from .documents import filled, renewed
from .references import megabytes, read_targets

CARD_NAME = "README.md"
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


def new_card(name: str) -> str:
    """Return the card of a bundle that has none yet, its parts still empty."""
    made = [f"# {name}"]
    for heading, parts in PARTS.items():
        made += [heading, *(f"<!-- {part}:begin -->\n<!-- {part}:end -->" for part in parts)]
    return "\n\n".join(filter(None, made)) + "\n"


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
    old = card.read_text(encoding="utf-8") if card.is_file() else new_card(bundle.manifest.name)
    made = {card: filled(old, parts, str(card))}
    return made if other is None else made | {other: renewed(other, parts)}


def facts(bundle: Bundle) -> str:
    """Return what the bundle consists of."""
    manifest = bundle.manifest
    columns = [_detector_facts(manifest.detector), _recognizer_facts(manifest.recognizer)]
    names = [key for column in columns for key in column]
    rows = [[name, *(column.get(name, NONE) for column in columns)] for name in dict.fromkeys(names)]
    lines = [markdown(["", "detector", "recognizer"], rows), ""]
    if manifest.recognizer:
        charset = manifest.recognizer.charset
        lines.append(f"It knows {len(charset)} symbols: `{charset}`.")
    lines.append(f"All model files: {megabytes(bundle):.1f} MB. Licence: {manifest.licence}.")
    return "\n".join(lines)


def _detector_facts(spec: DetectorSpec | None) -> dict[str, str]:
    if spec is None:
        return {}
    again = f", and once more into {spec.coarse_side_px} px" if spec.coarse_side_px else ""
    return {
        "network": spec.architecture,
        "width": f"{spec.width:g} of the published one{', strided' if spec.strided else ''}",
        "input": f"the photo, fitted into {spec.long_side_px} px{again}",
        **_file_facts(spec),
    }


def _recognizer_facts(spec: RecognizerSpec | None) -> dict[str, str]:
    if spec is None:
        return {}
    height, widest = spec.image_hw
    width = f"{spec.crop_widths[0]} to {widest}" if spec.widths else str(widest)
    kept = "aspect ratio kept" if spec.keep_ratio else "stretched"
    return {
        "network": spec.stages,
        "width": f"{spec.width:g} of the published one",
        "input": f"crops of {height} × {width} px, {'grey' if spec.channels == 1 else 'colour'}, {kept}",
        **_file_facts(spec),
        "temperature": f"{spec.temperature:g}",
    }


def _file_facts(spec: DetectorSpec | RecognizerSpec) -> dict[str, str]:
    sizes = {f"size in {precision}": f"{file.bytes / 1e6:.1f} MB" for precision, file in spec.files.items()}
    parity = {
        f"largest difference from the network, {precision}": f"{parity.worst:.0e}"
        for precision, parity in spec.parity.items()
    }
    return sizes | parity | {f"{precision} beside fp32": _gate(gate) for precision, gate in spec.quantized.items()}


def _change(points: float) -> str:
    """For example "0.27 points higher"; "as high" where it rounds to nothing."""
    size = f"{abs(points):.2f}"
    return "as high" if float(size) == 0 else f"{size} points {'higher' if points > 0 else 'lower'}"


def _gate(quantized: Quantized) -> str:
    if quantized.strings_equal is not None:
        same = f"{percent(quantized.strings_equal)} of {quantized.strings} texts equal"
    else:
        same = f"H-mean {_change(-(quantized.hmean_loss or 0))} on {quantized.regions} regions"
    count = len(quantized.kept_fp32)
    kept = f", {count} layer{'s' if count > 1 else ''} kept in fp32" if count else ""
    timed = f"; {quantized.speed_ratio:.2f} times as fast ({quantized.speed_on})" if quantized.speed_ratio else ""
    return f"{same}{kept}{timed}"
