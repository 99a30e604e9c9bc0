"""`python -m edgereader.benchmarks.gpu_check`: every backend on this machine's NVIDIA GPU, verified and measured.

Nothing is installed, and what cannot run is skipped with the reason. The report is `gpu-check.json` and
`gpu-check.md`; the same command again measures what is missing in it.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from ..runtime import Bundle
from ..runtime.commands.diagnosis.trials import ask_driver
from ..runtime.errors import BackendUnavailable, EdgeReaderError
from .gpu.check import Check
from .gpu.children import run_job
from .gpu.figures import Entry, Gpu, Missing, Report
from .gpu.jobs import DRY, FULL
from .gpu.record import begin, line, save
from .gpu.sections import sections
from .gpu.state import gpu_of
from .measuring import now

NAME = "gpu-check"
FOLDER = click.Path(file_okay=False, path_type=Path)
SECTIONS = [section.name for section in sections(FULL)]


@click.command()
@click.option("--to", type=FOLDER, default=Path(NAME), show_default=True, help="Folder of the report.")
@click.option("--bundle", default="digits-edge", show_default=True, help="A name or a folder.")
@click.option("--only", type=click.Choice(SECTIONS), multiple=True, help="Only this part; may be given more than once.")
@click.option("--minutes", type=click.FloatRange(min=0), help="Stop in time; the same command again goes on.")
@click.option("--turns", type=click.IntRange(min=1), default=3, show_default=True, help="Of contenders in speed.")
@click.option("--work", type=FOLDER, help="Keep the networks and engines here, for the next time.")
@click.option("--again", is_flag=True, help="Begin a new report instead of going on with the old one.")
@click.option("--dry-run", is_flag=True, help="Small, on the CPU: try the check itself, and measure no GPU.")
def main(**options: Any) -> None:
    """Verify and measure every backend on this machine's NVIDIA GPU, beside PyTorch where it is installed.

    Exit codes: 0 measured, 1 something failed that should run, 2 nothing measured: no GPU, or an option is wrong.
    """
    try:
        report = run(**options)
    except EdgeReaderError as exc:
        click.echo(f"error: {exc}", err=True)
        sys.exit(2)
    results = [each.result for each in report.entries]
    sys.exit(any(isinstance(each, Missing) and each.outcome == "failed" for each in results))


def run(
    *,
    to: Path,
    bundle: str,
    only: tuple[str, ...],
    minutes: float | None,
    turns: int,
    work: Path | None,
    again: bool,
    dry_run: bool,
) -> Report:
    """Measure what the report in a folder lacks, and write it after each figure.

    Raises:
        BackendUnavailable: no GPU, and not a dry run.
        BundleError: no such bundle.
        DatasetError: the report there is of another GPU or bundle.
    """
    gpu = None if dry_run else this_gpu()
    path, scale = to / f"{NAME}.json", replace(DRY if dry_run else FULL, turns=turns)
    report = begin(path, Bundle.open(bundle), gpu, again=again)
    to.mkdir(parents=True, exist_ok=True)

    def so_far() -> Report:
        return replace(report, date=now(), entries=list(check.entries.values()))

    def changed(entry: Entry) -> None:
        click.echo(line(entry))
        save(path, so_far())

    with folder(work) as place:
        check = Check(
            lambda job, timeout_s: run_job(job, timeout_s, path.with_suffix(".log")), str(place), bundle, scale,
            entries=report.entries, minutes=minutes, changed=changed,
        )  # fmt: skip
        for section in sections(scale):
            if not only or section.name in only:
                check.run(section)
    save(path, so_far())
    click.echo(f"report: {path.with_suffix('.md')}")
    return so_far()


def this_gpu() -> Gpu:
    """The GPU here.

    Raises:
        BackendUnavailable: none, or its driver does not work.
    """
    driver = ask_driver()
    if isinstance(driver, str):
        raise BackendUnavailable(f"nothing was measured: {driver}; --dry-run tries the check without a GPU")
    return gpu_of(driver)


@contextmanager
def folder(work: Path | None) -> Iterator[Path]:
    """Where networks and engines are made: a folder to keep, or one that is gone afterwards."""
    if work is not None:
        work.mkdir(parents=True, exist_ok=True)
        yield work.absolute()
        return
    with tempfile.TemporaryDirectory(prefix=f"{NAME}-") as temporary:
        yield Path(temporary)


if __name__ == "__main__":
    main()
