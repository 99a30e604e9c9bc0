"""The command `edgereader tune`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..options import FILE, progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .tune import Tuned


@click.command()
@click.argument("bundle")
@click.option(
    "--data", type=FILE, required=True, help="Labelled crops, or photos with boxes, or the evidence of a stream."
)
@click.option("--to", "target", type=FILE, required=True, help="A folder for the new bundle.")
@click.option(
    "--minutes",
    type=click.FloatRange(0, min_open=True),
    default=5.0,
    show_default=True,
    help="About how long, in all; more minutes learn more.",
)
@click.option(
    "--checkpoint", type=FILE, help="What the bundle was exported from; needed for recognizers with TPS or Attn."
)
@click.option("--name", help="Name of the bundle (default: the folder's).")
@click.option("--licence", help="Licence of the weights (default: that of BUNDLE).")
@click.option("--even-if-worse", is_flag=True, help="Write the new bundle also where it is not better.")
def tune(
    bundle: str,
    data: Path,
    target: Path,
    minutes: float,
    checkpoint: Path | None,
    name: str | None,
    licence: str | None,
    *,
    even_if_worse: bool,
) -> None:
    """Tune the recognizer of a BUNDLE (a folder, or the name of one that ships) on labelled crops.

    One photo in five is held out; generated crops are learnt beside yours, so that nothing is forgotten.
    The new bundle has all settings of the old one, files in fewer bits if they pass their gate, and a card that shows
    old beside new. It is written if it reads more of the held-out crops and no fewer of the generated ones.

    Exit codes: 0 written, 1 nothing written because it is not better, 2 nothing written because something is wrong.
    """
    from ..pipeline import Target
    from .tune import tune as run

    done = run(
        bundle,
        data,
        Target(target, name, licence),
        minutes=minutes,
        checkpoint=checkpoint,
        even_if_worse=even_if_worse,
        say=progress(),
    )
    for line in lines(done):
        click.echo(line)
    if done.bundle is None:
        raise SystemExit(1)


def lines(done: Tuned) -> Iterator[str]:
    """Yield old beside new, and what was written."""
    for what, before, after in [("", "before", "after"), *done.comparison.rows()]:
        yield f"{what:<24} {before:>20} {after:>20}".rstrip()
    for line in done.without:
        yield f"without {line}"
    if done.bundle is None:
        lost = "generated crops are forgotten" if done.comparison.forgotten else "it is not better"
        yield f"nothing was written: {lost}; give more crops or --minutes, or write it with --even-if-worse"
    else:
        yield f"written: {done.bundle}"
