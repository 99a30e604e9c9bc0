"""The model card of a bundle, README.md in its folder: where its networks come from, and what the bundle consists of.

A card of figures that others measured would be wrong after an export: what stands between its markers is made anew, or
says that nobody has measured it yet; `edgereader card` fills it in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

from ..runtime.bundles.bundle import Bundle
from ..runtime.bundles.manifest import DetectorSpec, Kind, Quantized, RecognizerSpec
from ..runtime.bundles.writing import write_whole
from ..runtime.extras import installed_version
from .staging import models_of, writing

CARD_NAME = "README.md"
FORMER_NAME = "README.before.md"
"""What a card is renamed to that was written for other networks."""
BLOCK = re.compile(r"<!-- (\w+):begin -->\n(.*?)<!-- \1:end -->", re.DOTALL)
"""A generated part of a document: its name, and what is in it."""
MADE = "made"
"""The part that says where the networks come from, a line for each."""
PARTS = MADE, "facts", "results"
"""The parts that a new card begins with."""
NONE = "–"
"""Where there is no figure."""


def renew_card(root: Path, made: Mapping[Kind, str], more: str = "") -> Path:
    """Write the card of a bundle whose networks are new.

    A card that this wrote before is renewed, another one is renamed to `FORMER_NAME`.

    Args:
        root: the bundle's folder.
        made: kind of network -> where it comes from, in one line of Markdown; the other kind keeps its line.
        more: Markdown for the end of a new card.

    Raises:
        ExportError: it cannot be written.
    """
    bundle, path = Bundle.open(root.absolute()), root / CARD_NAME
    with writing(path):
        old = path.read_text(encoding="utf-8") if path.is_file() else ""
        parts = {match[1]: match[2] for match in BLOCK.finditer(old)}
        if old and MADE not in parts:
            path.replace(root / FORMER_NAME)
        card = old if MADE in parts else fresh(bundle, more)
        lines = {line.split(":")[0].removeprefix("- "): line for line in parts.get(MADE, "").splitlines()}
        lines |= {kind: f"- {kind}: {line}" for kind, line in made.items()}
        measure = (
            f"Not measured yet: `edgereader eval {root.absolute().name} SET... --json FILE`, then `edgereader card`"
        )
        told = "\n".join(lines[kind] for kind in models_of(bundle.manifest) if kind in lines)
        given = {match[1]: match[2].rstrip("\n") for match in BLOCK.finditer(more)}
        texts = {**given, MADE: told, "facts": facts(bundle), "results": measure}
        card = BLOCK.sub(lambda block: marked(block[1], texts.get(block[1], "")), card)
        write_whole(path, card.encode())
    return path


def fresh(bundle: Bundle, more: str) -> str:
    """Return a new card with a part for where its networks come from."""
    made, known, measured = (marked(part) for part in PARTS)
    parts = f"# {bundle.manifest.name}", made, known, "## Results", measured, more.strip()
    return "\n\n".join(filter(None, parts)) + "\n"


def marked(name: str, text: str = "") -> str:
    """Return a generated part of a document."""
    return f"<!-- {name}:begin -->\n{text}{chr(10) if text else ''}<!-- {name}:end -->"


def written_by_hand(card: str) -> str:
    """Return the sections of a card that hold no generated part, each with its heading, without its title."""
    sections = re.split(r"^(?=## )", card, flags=re.MULTILINE)[1:]
    return "\n\n".join(section.strip() for section in sections if not BLOCK.search(section))


def today() -> str:
    """Return the date in UTC, and the version of EdgeReader, for a line of a card."""
    return f"{datetime.now(timezone.utc).date()} by EdgeReader {installed_version()}".rstrip()


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a table as Markdown."""
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, ["---"] * len(header), *rows))


def percent(share: float | None) -> str:
    """Return `93.2 %`, or a dash for None."""
    return NONE if share is None else f"{round(100 * share, 1):g} %"


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


def megabytes(bundle: Bundle) -> float:
    """Return the size of all model files together."""
    models = [model for model in (bundle.manifest.detector, bundle.manifest.recognizer) if model]
    return sum(file.bytes for model in models for file in model.files.values()) / 1e6


def _detector_facts(spec: DetectorSpec | None) -> dict[str, str]:
    if spec is None:
        return {}
    again = "".join(f", and once more into {side} px" for side in spec.coarse_sides_px)
    closer = f"; small text in it again, {spec.zoom:g} times as large" if spec.zoom else ""
    return {
        "network": spec.architecture,
        "width": f"{spec.width:g} of the published one{', strided' if spec.strided else ''}",
        "input": f"the photo, fitted into {spec.long_side_px} px{again}{closer}",
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
