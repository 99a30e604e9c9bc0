"""`edgereader card`: a bundle's model card, made from measured figures."""

import sys
from pathlib import Path

import click

from ...runtime import Bundle
from ..accuracy.calibration import Calibration
from ..accuracy.results import read_report
from ..record import read_json, write_file
from .card import blocks, documents

FILE = click.Path(path_type=Path)


@click.command()
@click.argument("bundle")
@click.option("--results", type=FILE, required=True, help="What `edgereader eval --json` wrote.")
@click.option("--calibration", type=FILE, help="What `edgereader calibrate --json` wrote.")
@click.option("--readme", type=FILE, help="Also renew the results between the markers of this file.")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if something would change.")
def card(bundle: str, results: Path, calibration: Path | None, readme: Path | None, check: bool) -> None:
    """Write BUNDLE's model card, README.md in its folder, from measured figures.

    Only what lies between markers such as <!-- results:begin --> and <!-- results:end --> is written; the rest is
    yours.

    Exit codes: 0 written or up to date, 1 not up to date (with --check), 2 nothing written because the figures are of
    other files, or a file or its markers are wrong.
    """
    opened = Bundle.open(bundle)
    fitted = read_json(calibration, Calibration, "edgereader calibrate --json") if calibration else None
    made = documents(opened, blocks(opened, read_report(results), fitted), readme)
    changed = [path for path, text in made.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for path in changed:
        click.echo(f"{'not up to date' if check else 'written'}: {path}")
        if not check:
            write_file(path, made[path])
    if check and changed:
        sys.exit(1)
