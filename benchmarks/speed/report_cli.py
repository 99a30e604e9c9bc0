"""`edgereader bench report` and `edgereader bench readme`: pages and tables, made again from JSON."""

import sys
from pathlib import Path

import click

from ...runtime.errors import DatasetError
from ..record import write_file
from ..report.page import write_pages
from ..report.summary import renewed
from .figures import Report
from .files import Figures, read_figures
from .growth_figures import Growth
from .soak_figures import Soak
from .stream_figures import Stream

FILE = click.Path(path_type=Path)


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE.json...")
@click.option("--to", "folder", required=True, type=FILE, help="Folder for report.html and report.md.")
def report(files: tuple[Path, ...], folder: Path) -> None:
    """Write a page with charts, and the same tables as Markdown, from measured figures.

    FILE.json is what `edgereader bench`, `bench growth`, `bench soak` and `bench stream` wrote with --json: one of
    each, or fewer.

    Exit codes: 0 written, 2 nothing written because a file is wrong or two are of one kind.
    """
    if folder.exists() and not folder.is_dir():
        raise DatasetError(f"--to {folder}: expected a folder, got a file; choose another path")
    found: dict[type[Figures], Figures] = {}
    for path in files:
        figures = read_figures(path)
        if type(figures) in found:
            kind = type(figures).__name__.lower()
            raise DatasetError(f"{path}: expected one {kind} a page, got a second; give each a page of its own")
        found[type(figures)] = figures
    made = (found.get(kind) for kind in (Report, Growth, Soak, Stream))
    for path in write_pages(folder, *made):  # type: ignore[arg-type]  # each is of its key's type
        click.echo(path)


@click.command()
@click.argument("file", type=FILE, default=Path("docs/benchmarks.md"), metavar="[DOCUMENT]")
@click.option("--results", type=FILE, default=Path("benchmarks/results"), show_default=True, help="Committed figures.")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if something would change.")
def readme(file: Path, results: Path, check: bool) -> None:  # noqa: FBT001  click's
    """Write DOCUMENT's part about speed, from committed figures.

    DOCUMENT is docs/benchmarks.md unless it is given; the part lies between <!-- bench:begin --> and
    <!-- bench:end -->.

    Figures are bench.json, bench-wide.json, bench-streams.json, bench-published.json, agreement.json, growth.json,
    soak.json and stream.json, as far as they are there.

    Exit codes: 0 written or up to date, 1 not up to date (with --check), 2 nothing written because there are no
    figures, or a file or its markers are wrong.
    """
    text = renewed(file, results)
    if file.read_text(encoding="utf-8") == text:
        return
    click.echo(f"{'not up to date' if check else 'written'}: {file}")
    if check:
        sys.exit(1)
    write_file(file, text)
