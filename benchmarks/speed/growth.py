"""`edgereader bench growth`: what a photo costs when it gets larger, or more is on it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click

from ...runtime import Bundle, Reader
from ..options import backend_option, precision_option
from ..record import command_line, files_of, now, this_machine, where, write_json
from .growth_figures import Curve, Growth
from .growth_run import MARGIN, Case, cases, curves, run

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("bundle", default="digits-edge")
@click.option("--json", "file", type=FILE, help="Write the report to this file.")
@backend_option
@precision_option
@click.option(
    "--seconds", type=click.FloatRange(min=0), default=75.0, show_default=True, help="How long, at least three rounds."
)
def growth(bundle: str, file: Path | None, backend: str, precision: str | None, seconds: float) -> None:
    """Measure how BUNDLE's cost grows with a photo's megapixels, with the text regions in it, and with a batch.

    One photo is read at 0.3 to 12 megapixels, a page with 0 to 300 numbers, and 1 to 64 crops at once, in rounds of
    changing order. It passes when nothing grows faster than linearly in the upper half of the sizes, and when photos
    without text cost no time in the recogniser.

    Exit codes: 0 passed, 1 something grows faster, 2 nothing measured because a bundle or an option is wrong.
    """
    opened = Bundle.open(bundle)
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)  # fails now, not after measuring
    reader = Reader(opened, backend=backend, precision=precision)
    with tempfile.TemporaryDirectory(prefix="edgereader-growth-") as folder:
        made = cases(reader, Path(folder))
        rounds = run(made, seconds, progress)
    report = describe(opened, reader, rounds, made)
    if file:
        write_json(file, report)
    click.echo(table(report))
    sys.exit(not report.passed)


def progress(rounds: int, seconds: float) -> None:
    """One line."""
    click.echo(f"round {rounds}, {seconds:.0f} s", err=True)


def describe(bundle: Bundle, reader: Reader, rounds: int, made: list[Case]) -> Growth:
    """The report of what was measured."""
    found = curves(made)
    empty = [case for case in made if case.what is None]
    calls, spent_ms = sum(case.calls for case in empty), sum(sum(case.times_ms["recognise"]) for case in empty)
    backend, precision = where(reader)
    return Growth(
        command=command_line(),
        date=now(),
        machine=this_machine(),
        bundle=bundle.manifest.name,
        files=files_of(bundle, reader),
        backend=backend,
        precision=precision,
        rounds=rounds,
        margin=MARGIN,
        curves=found,
        photos_without_text=len(empty),
        recogniser_calls_without_text=calls,
        recogniser_ms_without_text=spent_ms,
        passed=all(each.linear for each in found) and calls == 0,
    )


def table(report: Growth) -> str:
    """The curves' ends, exponents and verdicts, and what photos without text cost."""
    lines = [f"{'size':<11} {'part':<10} {'from ... to':>31}  {'exponent':<26} "]
    lines += [_row(each) for each in report.curves]
    lines.append(
        f"{report.photos_without_text} photos without text: {report.recogniser_calls_without_text} calls of the "
        f"recogniser, {report.recogniser_ms_without_text:.1f} ms"
    )
    batch = next(each for each in report.curves if each.what == "batch" and each.part == "whole").points
    lines.append(f"a crop: {batch[0].each_ms:.2f} ms alone, {batch[-1].each_ms:.2f} ms of {batch[-1].size:g} at once")
    return "\n".join([*lines, "PASS" if report.passed else "FAIL"])


def _row(curve: Curve) -> str:
    first, last = curve.points[0], curve.points[-1]
    ends = f"{first.p50_ms:.2f} ms at {first.size:g} ... {last.p50_ms:.2f} ms at {last.size:g}"
    exponent = f"{curve.exponent:.2f} ({curve.low:.2f} to {curve.high:.2f})"
    return f"{curve.what:<11} {curve.part:<10} {ends:>36}  {exponent:<22} {'' if curve.linear else 'FASTER'}".rstrip()
