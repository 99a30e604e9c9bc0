"""`edgereader eval`: what a bundle reads on labelled images, and how fast."""

import shlex
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from pathlib import Path

import click

from ..runtime import Bundle, Reader
from ..runtime.errors import DatasetError
from ..runtime.files import read_photo
from ..runtime.images import Frame
from ..runtime.sessions import BACKENDS
from .datasets import KINDS, Kind, LabelledImage, LabelledSet, open_set
from .evaluate import Result, evaluate_set
from .machine import this_machine
from .report import Report, table, write_report
from .sheets import write_sheets


@click.command("eval")
@click.argument("bundle")
@click.argument("datasets", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="DATASET...")
@click.option("--json", "report_file", type=click.Path(path_type=Path), help="Write the report to this file.")
@click.option(
    "--errors", "sheets_folder", type=click.Path(path_type=Path), help="Write contact sheets of all mistakes."
)
@click.option(
    "--kind", type=click.Choice(["auto", *KINDS]), default="auto", show_default=True, help="What the sets are."
)
@click.option("--backend", default="auto", show_default=True, help="Where to run: cpu, cuda, ...")
@click.option("--precision", help="Which files of the bundle to run; the bundle's default if not given.")
def evaluate(
    bundle: str,
    datasets: tuple[Path, ...],
    report_file: Path | None,
    sheets_folder: Path | None,
    kind: str,
    backend: str,
    precision: str | None,
) -> None:
    """Measure BUNDLE (a name or a folder) on each DATASET, a folder with labels.tsv.

    A folder named scenes_... or crops_... is what its name says; any other is a set of scenes if a line has a box and
    an image has more than one line, and a set of crops if not. Only digits are compared.

    Exit codes: 0 measured, 2 nothing measured because a set, a bundle or an option is wrong.
    """
    writable(report_file, sheets_folder)
    chosen: Kind | None = next((one for one in KINDS if one == kind), None)
    sets = [open_set(path, chosen) for path in datasets]
    opened = Bundle.open(bundle)
    reader = Reader(opened, backend=backend, precision=precision)
    results = [measure(reader, data, sheets_folder) for data in sets]
    click.echo(table(results))
    if report_file:
        chosen_backend = BACKENDS[0] if backend == "auto" else backend
        write_report(report_file, describe(opened, chosen_backend, precision or "fp32", results))


def writable(report_file: Path | None, sheets_folder: Path | None) -> None:
    """Refuse an output path before hours of measuring, not after.

    Raises:
        DatasetError: The report's path is a folder, or the sheets' path a file.
    """
    if report_file and report_file.is_dir():
        raise DatasetError(f"--json {report_file}: expected a file, got a folder; give a file name in it")
    if sheets_folder and sheets_folder.exists() and not sheets_folder.is_dir():
        raise DatasetError(f"--errors {sheets_folder}: expected a folder, got a file; choose another path")


def load(path: Path) -> Frame:
    """Read a picture as `edgereader read` does."""
    return read_photo(path).frame


def measure(reader: Reader, data: LabelledSet, sheets_folder: Path | None) -> Result:
    """Read one set, showing progress, and draw its mistakes if a folder for them is given."""

    def progress(images: Iterable[LabelledImage]) -> Iterator[LabelledImage]:
        with click.progressbar(images, label=data.name, file=sys.stderr) as bar:
            yield from bar

    result, mistakes = evaluate_set(reader, data, load, progress)
    if sheets_folder:
        for path in write_sheets(sheets_folder, data.name, data.kind, mistakes, load):
            click.echo(f"mistakes: {path}", err=True)
    return result


def describe(bundle: Bundle, backend: str, precision: str, results: list[Result]) -> Report:
    """Put the results together with what they were measured on."""
    models = {"detector": bundle.manifest.detector, "recognizer": bundle.manifest.recognizer}
    return Report(
        command=shlex.join(["edgereader", *sys.argv[1:]]),
        date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        bundle=bundle.manifest.name,
        files={name: model.files[precision].sha256 for name, model in models.items() if model},
        backend=backend,
        precision=precision,
        machine=this_machine(),
        sets=results,
    )
