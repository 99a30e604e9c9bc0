"""The command `edgereader doctor`: what is here, which backends really run, and what to do about those that do not."""

import sys

import click
import msgspec

from ..bundles.bundle import Bundle
from .diagnosis.machine import Host
from .diagnosis.page import page
from .diagnosis.report import examine

EXIT_CODES = (
    "Exit codes: 0 = the backend that auto takes works, on a GPU where there is one; 1 = none works, or a GPU "
    "lies idle; 2 = wrong usage or bundle."
)
CLEAR = "\r\x1b[K"


@click.command(epilog=EXIT_CODES)
@click.option("--bundle", default="digits-edge", show_default=True, help="A shipped bundle's name, or a folder.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a page.")
@click.option(
    "--timeout",
    type=click.FloatRange(1),
    default=120,
    show_default=True,
    help="Seconds that a backend may take for a model; building engines on a first run takes longest.",
)
def doctor(*, bundle: str, as_json: bool, timeout: float) -> None:
    """Say what is here, which backends run the bundle's models, and what to do about those that do not."""
    report = examine(Bundle.open(bundle), Host(), timeout, _progress)
    _progress("")
    text = msgspec.json.encode(report).decode() if as_json else page(report)
    encoding = sys.stdout.encoding or "utf-8"
    click.echo(text.encode(encoding, "replace").decode(encoding))
    sys.exit(0 if report.ok else 1)


def _progress(text: str) -> None:
    """One line that is written over, on a terminal only."""
    if sys.stderr.isatty():
        click.echo(f"{CLEAR}{text}", nl=False, err=True)
