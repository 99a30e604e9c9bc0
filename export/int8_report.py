"""What quantisation found, as a table and as JSON."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

from ..runtime.errors import ExportError
from .quantization import Outcome

REPORT_NAME = "int8-report.json"
"""Where the report goes unless told otherwise: into the bundle's folder."""


def lines(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """A few lines on each network, for people."""
    for each in outcomes:
        mark = "ok    " if each.path is not None else "FAILED"
        yield f"{mark}  {each.kind:<11} gate: {each.verdict}"
        count = each.verdict.strings or each.verdict.regions
        if count < 200:
            note = f"one of {count} is {100 / count:.1f} %: give more pictures for a sharper gate"
            yield f"        {each.kind:<11} {note}"
        if each.path is None:
            yield f"        {each.kind:<11} nothing but fp32 passes; the bundle keeps what it had"
            continue
        kept = ", ".join(each.kept_fp32) or "none"
        count = each.layers - len(each.kept_fp32)
        yield f"        {each.kind:<11} int8: {count} layers; fp32, because of the gate: {kept}"
        for name, timed in each.timed.items():
            yield (
                f"        {each.kind:<11} {name:<8} {timed.median_ms:9.1f} ms median, {timed.best_ms:.1f} best, "
                f"{timed.cpu_ms:.1f} of processor time; int8 is {timed.median_ms / each.timed['int8'].median_ms:.2f} "
                f"times as fast ({timed.cpu_ms / each.timed['int8'].cpu_ms:.2f} by processor time)"
            )
        runs = "int8" if each.preferred else "fp32"
        yield f"        {each.kind:<11} timed on {each.speed_on}; on cpu the runtime runs {runs}: {each.path}"


def write_report(outcomes: Sequence[Outcome], path: Path) -> None:
    """All figures as JSON.

    Raises:
        ExportError: it cannot be written.
    """
    contents = {
        "when": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()} {platform.processor()}".strip(),
        "versions": {name: version(name) for name in ("onnx", "onnxruntime")},
        "networks": [row(each) for each in outcomes],
    }
    try:
        path.write_text(json.dumps(contents, indent=2, default=str) + "\n", encoding="utf-8")
    except OSError as exc:
        raise ExportError(f"{path}: the report could not be written: {exc.strerror}; choose another --report") from exc


def row(outcome: Outcome) -> dict[str, object]:
    """One network's figures."""
    return {
        "passed": outcome.path is not None,
        "preferred_on_cpu": outcome.path is not None and ("int8" if outcome.preferred else "fp32"),
        "speed_ratio": outcome.ratio if outcome.timed else None,
        **asdict(outcome),
    }
