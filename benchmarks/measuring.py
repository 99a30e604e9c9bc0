"""Measure a bundle on data sets, and put the figures together with what they were measured on."""

import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path

import click
from msgspec.structs import replace

from ..runtime import Bundle, Reader
from ..runtime.files import read_photo
from ..runtime.images import Frame
from ..runtime.manifest import Kind as ModelKind
from ..runtime.sessions import BACKENDS
from .crop_scores import all_crops
from .datasets import LabelledImage, LabelledSet
from .evaluate import evaluate_set
from .figures import Report, Run
from .machine import this_machine
from .outcome import Outcome
from .sheets import write_sheets


def measure(
    bundle: Bundle, sets: Sequence[LabelledSet], backend: str, precision: str | None, sheets_folder: Path | None
) -> Run:
    """Read all sets in one precision, showing progress; draw the mistakes if a folder for them is given.

    Precision None is what the bundle prefers, which may differ between its models.
    """
    reader = Reader(bundle, backend=backend, precision=precision)
    uncalibrated = uncalibrated_reader(bundle, backend, precision)
    outcomes = [_outcome(reader, data, uncalibrated, sheets_folder) for data in sets]
    chosen = precisions_of(bundle, backend, precision)
    specs = {"detector": bundle.manifest.detector, "recognizer": bundle.manifest.recognizer}
    return Run(
        precision=label(chosen),
        files={kind: spec.files[chosen[kind]].sha256 for kind, spec in specs.items() if spec},
        sets=[outcome.result for outcome in outcomes],
        all_crops=all_crops(outcomes),
    )


def precisions_of(bundle: Bundle, backend: str, precision: str | None) -> dict[str, str]:
    """Model → the precision that runs when this one, or None, is asked for."""
    kinds: tuple[ModelKind, ...] = ("detector", "recognizer")
    present = [kind for kind in kinds if getattr(bundle.manifest, kind) is not None]
    return {kind: precision or bundle.precision(kind, backend_name(backend)) for kind in present}


def check_files(bundle: Bundle, precision: str) -> None:
    """Refuse a precision that the bundle lacks before anything is measured.

    Raises:
        BundleError: One of its models has no such file, or a damaged one.
    """
    kinds: tuple[ModelKind, ...] = ("detector", "recognizer")
    for kind in kinds:
        if getattr(bundle.manifest, kind) is not None:
            bundle.file(kind, precision)


def label(precisions: dict[str, str]) -> str:
    """`int8`, or `detector int8, recognizer fp32` where they differ."""
    if len(set(precisions.values())) == 1:
        return next(iter(precisions.values()))
    return ", ".join(f"{kind} {precision}" for kind, precision in precisions.items())


def backend_name(backend: str) -> str:
    """The backend that `auto` stands for, or the one asked for."""
    return BACKENDS[0] if backend == "auto" else backend


def uncalibrated_reader(bundle: Bundle, backend: str, precision: str | None) -> Reader | None:
    """A reader of crops at temperature 1; None if that is the bundle's."""
    if bundle.recognizer.temperature == 1:
        return None
    recognizer = replace(bundle.recognizer, temperature=1.0)
    plain = Bundle(bundle.root, replace(bundle.manifest, detector=None, recognizer=recognizer))
    return Reader(plain, backend=backend, precision=precision)


def _outcome(reader: Reader, data: LabelledSet, uncalibrated: Reader | None, sheets_folder: Path | None) -> Outcome:
    def progress(images: Iterable[LabelledImage]) -> Iterator[LabelledImage]:
        with click.progressbar(images, label=data.name, file=sys.stderr) as bar:
            yield from bar

    outcome = evaluate_set(reader, data, load, progress, uncalibrated)
    if sheets_folder:
        for path in write_sheets(sheets_folder, data.name, data.kind, outcome.mistakes, load):
            click.echo(f"mistakes: {path}", err=True)
    return outcome


def load(path: Path) -> Frame:
    """Read a picture as `edgereader read` does."""
    return read_photo(path).frame


def describe(bundle: Bundle, backend: str, min_confidence: float, runs: list[Run]) -> Report:
    """Put the runs together with what they were measured on."""
    return Report(
        command=command_line(),
        date=now(),
        bundle=bundle.manifest.name,
        temperature=bundle.recognizer.temperature,
        min_confidence=min_confidence,
        backend=backend_name(backend),
        machine=this_machine(),
        runs=runs,
    )


def command_line() -> str:
    """The command that this process runs."""
    return shlex.join(["edgereader", *sys.argv[1:]])


def now() -> str:
    """ISO 8601, UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
