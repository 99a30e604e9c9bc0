"""Measure a bundle and other readers on data sets, and put the figures together with what they were measured on."""

import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path

import click
from msgspec.structs import replace

from ..runtime import NUMBERS, Bundle, Reader
from ..runtime.bundles.manifest import Kind as ModelKind
from .contenders import Contender
from .crop_scores import all_crops
from .evaluate import Progress, evaluate_contender, evaluate_set
from .figures import Report, Run
from .labelled import LabelledImage, LabelledSet
from .machine import this_machine
from .outcome import Outcome
from .sheets import write_sheets


def measure(
    bundle: Bundle,
    sets: Sequence[LabelledSet],
    backend: str,
    precision: str | None,
    sheets_folder: Path | None,
    alphabet: str | None = NUMBERS,
) -> tuple[str, Run]:
    """Read all sets in one precision, showing progress; draw the mistakes if a folder for them is given.

    Gives the backend that ran, and the run.

    Precision None is what the bundle prefers, which may differ between its models; alphabet None is all text.
    """
    reader = Reader(bundle, backend=backend, precision=precision, alphabet=alphabet)
    uncalibrated = uncalibrated_reader(bundle, backend, precision, alphabet)
    outcomes = [
        _drawn(evaluate_set(reader, data, progress_of(data.name), uncalibrated), data, sheets_folder) for data in sets
    ]
    backend, precision = where(reader)
    return backend, Run(
        precision=precision,
        files=files_of(bundle, reader),
        sets=[outcome.result for outcome in outcomes],
        all_crops=all_crops(outcomes),
    )


def measure_contender(name: str, contender: Contender, sets: Sequence[LabelledSet], sheets_folder: Path | None) -> Run:
    """Let another reader read all sets, as `measure` does with a bundle."""
    outcomes = [
        _drawn(evaluate_contender(contender, data, progress_of(f"{name}: {data.name}")), data, sheets_folder)
        for data in sets
    ]
    return Run(
        contender=name,
        versions=contender.versions,
        precision=None,
        files={},
        sets=[outcome.result for outcome in outcomes],
        all_crops=all_crops(outcomes),
    )


def check_files(bundle: Bundle, precision: str) -> None:
    """Refuse a precision that the bundle lacks before anything is measured.

    Raises:
        BundleError: One of its models has no such file, or a damaged one.
    """
    kinds: tuple[ModelKind, ...] = ("detector", "recognizer")
    for kind in kinds:
        if getattr(bundle.manifest, kind) is not None:
            bundle.file(kind, precision)


def where(reader: Reader) -> tuple[str, str]:
    """The backend and the precision that a reader's networks run in."""
    sessions = reader.sessions.items()
    return label({kind: each.backend for kind, each in sessions}), label(
        {kind: each.precision for kind, each in sessions}
    )


def files_of(bundle: Bundle, reader: Reader) -> dict[str, str]:
    """The bundle's model files that a reader runs, with their SHA-256."""
    return {
        kind: getattr(bundle.manifest, kind).files[session.precision].sha256
        for kind, session in reader.sessions.items()
    }


def label(found: dict[ModelKind, str]) -> str:
    """`int8`, or `detector int8, recognizer fp32` where they differ."""
    if len(set(found.values())) == 1:
        return next(iter(found.values()))
    return ", ".join(f"{kind} {each}" for kind, each in found.items())


def uncalibrated_reader(
    bundle: Bundle, backend: str, precision: str | None, alphabet: str | None = NUMBERS
) -> Reader | None:
    """A reader of crops at temperature 1; None if that is the bundle's."""
    if bundle.recognizer.temperature == 1:
        return None
    recognizer = replace(bundle.recognizer, temperature=1.0)
    plain = Bundle(bundle.root, replace(bundle.manifest, detector=None, recognizer=recognizer))
    return Reader(plain, backend=backend, precision=precision, alphabet=alphabet)


def progress_of(label: str) -> Progress:
    """Show on stderr how far a set is."""

    def progress(images: Iterable[LabelledImage]) -> Iterator[LabelledImage]:
        with click.progressbar(images, label=label, file=sys.stderr) as bar:
            yield from bar

    return progress


def _drawn(outcome: Outcome, data: LabelledSet, sheets_folder: Path | None) -> Outcome:
    if sheets_folder:
        for path in write_sheets(sheets_folder, data.name, data.kind, outcome.mistakes, data.load):
            click.echo(f"mistakes: {path}", err=True)
    return outcome


def describe(
    bundle: Bundle, backend: str, alphabet: str, min_confidence: float, runs: list[Run], skipped: dict[str, str]
) -> Report:
    """Put the runs together with what they were measured on."""
    return Report(
        command=command_line(),
        date=now(),
        bundle=bundle.manifest.name,
        temperature=bundle.recognizer.temperature,
        min_confidence=min_confidence,
        alphabet=alphabet,
        backend=backend,
        machine=this_machine(),
        runs=runs,
        skipped=skipped,
    )


def command_line() -> str:
    """The command that this process runs."""
    return shlex.join(["edgereader", *sys.argv[1:]])


def now() -> str:
    """ISO 8601, UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
