"""What quantisation found, as a table and as JSON."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path

from ...runtime.errors import ExportError
from ..parity import versions
from .quantization import Outcome


def report_name(precision: str) -> str:
    """Where the report goes unless told otherwise: into the bundle's folder, under this name."""
    return f"{precision}-report.json"


def lines(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """A few lines on each network, for people."""
    for each in outcomes:
        mark = "ok    " if each.path is not None else "FAILED"
        yield f"{mark}  {each.kind:<11} gate: {each.verdict}"
        for line in (*gate_lines(each), *speed_lines(each)):
            yield f"        {each.kind:<11} {line}"


def gate_lines(outcome: Outcome) -> Iterator[str]:
    """How sharp the gate was, and which layers it let through."""
    count = outcome.verdict.strings or outcome.verdict.regions
    if count < 200:
        yield f"one of {count} is {100 / count:.1f} %: give more pictures for a sharper gate"
    if outcome.path is None:
        yield "nothing but fp32 passes; the bundle keeps what it had"
        return
    kept, pinned = ", ".join(outcome.kept_fp32) or "none", ", ".join(outcome.pinned)
    yield f"{outcome.precision}: {outcome.layers - len(outcome.kept_fp32)} layers; fp32, because of the gate: {kept}"
    if pinned:
        yield f"fp32, because it was asked for or float16 cannot hold their numbers: {pinned}"


def speed_lines(outcome: Outcome) -> Iterator[str]:
    """What was timed, and what runs where from now on."""
    if outcome.path is None:
        return
    for name, timed in outcome.timed.items():
        int8 = outcome.timed["int8"]
        yield (
            f"{name:<8} {timed.median_ms:9.1f} ms median, {timed.best_ms:.1f} best, "
            f"{timed.cpu_ms:.1f} of processor time; int8 is {timed.median_ms / int8.median_ms:.2f} "
            f"times as fast ({timed.cpu_ms / int8.cpu_ms:.2f} by processor time)"
        )
    timed_on = f"timed on {outcome.speed_on}; " if outcome.speed_on else "not timed, as a CPU says nothing of a GPU; "
    backends, what = ", ".join(outcome.preferred), set(outcome.preferred.values())
    runs = f"on {backends} the runtime runs {what.pop()}" if what else "the runtime runs it where it is asked for"
    yield f"{timed_on}{runs}: {outcome.path}"


def write_report(outcomes: Sequence[Outcome], path: Path) -> None:
    """All figures as JSON.

    Raises:
        ExportError: it cannot be written.
    """
    contents = {
        "when": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()} {platform.processor()}".strip(),
        "versions": versions("onnx", "onnxruntime"),
        "networks": [row(each) for each in outcomes],
    }
    try:
        path.write_text(json.dumps(contents, indent=2, default=str) + "\n", encoding="utf-8")
    except OSError as exc:
        raise ExportError(f"{path}: the report could not be written: {exc.strerror}; choose another --report") from exc


def row(outcome: Outcome) -> dict[str, object]:
    """One network's figures."""
    figures = {"passed": outcome.path is not None, "preferred": outcome.preferred, "speed_ratio": outcome.ratio}
    return {**figures, **asdict(outcome)}
