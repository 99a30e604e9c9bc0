"""The report on disk: begun, gone on with, and written after each figure."""

import shlex
import sys
from pathlib import Path

from msgspec.structs import replace

from ...runtime import Bundle
from ...runtime.errors import DatasetError
from ..record import now, read_json, this_machine, write_file, write_json
from .figures import Entry, Frames, Gpu, Memory, Missing, Prepared, Report, Speed, Verified
from .markdown import page

COMMAND = "python -m edgereader.benchmarks.gpu_check"
SAME = ("schema", "dry_run", "gpu", "files")
"""What a report must have in common with what is added to it."""


def begin(path: Path, bundle: Bundle, gpu: Gpu | None, *, again: bool) -> Report:
    """The report at a path, with this command added; or a new one.

    Raises:
        DatasetError: what is there is no such report, or one of another GPU or bundle.
    """
    new = Report(
        commands=[f"{COMMAND} {shlex.join(sys.argv[1:])}".strip()],
        date=now(),
        dry_run=gpu is None,
        bundle=bundle.manifest.name,
        files=files_of(bundle),
        machine=this_machine(),
        gpu=gpu,
        entries=[],
    )
    if again or not path.exists():
        return new
    old = read_json(path, Report, COMMAND)
    for name in SAME:
        if getattr(old, name) != getattr(new, name):
            raise DatasetError(
                f"{path}: expected the {name} of this check, {getattr(new, name)}, got {getattr(old, name)}; "
                "choose another --to, or --again to begin anew"
            )
    commands = [*(each for each in old.commands if each not in new.commands), *new.commands]
    return replace(new, commands=commands, entries=old.entries)


def files_of(bundle: Bundle) -> dict[str, str]:
    """The bundle's model files, with their SHA-256."""
    specs = (bundle.manifest.detector, bundle.manifest.recognizer)
    return {file.path: file.sha256 for spec in specs if spec for file in spec.files.values()}


def save(path: Path, report: Report) -> None:
    """Write a report as JSON, and beside it as Markdown.

    Raises:
        OSError: The folder cannot be written.
    """
    write_json(path, report)
    write_file(path.with_suffix(".md"), page(report))


def line(entry: Entry) -> str:
    """An entry for a terminal."""
    return f"{entry.section}, {entry.contender}, {entry.size}: {_said(entry)}"


def _said(entry: Entry) -> str:
    match entry.result:
        case Speed(p50_ms=p50_ms):
            return f"{p50_ms:.2f} ms"
        case Frames(frames_per_s=rate):
            return f"{rate:.1f} frames/s"
        case Memory(frames=frames):
            return f"{frames} frames"
        case Verified(failed=failed):
            return f"failed: {', '.join(failed)}" if failed else "verified"
        case Prepared(seconds=seconds):
            return f"{seconds:.1f} s"
        case Missing(outcome=outcome, reason=reason):
            return f"{outcome}: {reason}"
