"""What commands that read pictures have in common: their options, their reader, their list of failures."""

import logging
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar, get_args

import click

from ..bundles.bundle import shipped
from ..reader import MIN_CONFIDENCE, Reader
from ..sessions.opening import BACKENDS
from ..sessions.triton.contract import SCHEME
from ..text.alphabets import NUMBERS, Find
from ..text.checks import CHECKS
from ..text.values import DECIMALS
from .batch import Outcome, with_progress
from .terminal import ended_in_order, give_memory_back

Command = TypeVar("Command", bound=Callable[..., None])
EXIT_CODES = (
    "Exit codes: 0 = every picture was read (also where there was no number in it, or none that is large enough to be "
    "read: the table says which), "
    "1 = some could not be read, or not saved (listed at the end), 2 = wrong usage, bundle or backend, 75 = something "
    "that may pass, such as a full disk, 128 + N = ended by signal N."
)
OPTIONS = {
    "bundle": click.option(
        "--bundle", default="digits-edge", show_default=True, help="A shipped bundle's name, or a folder."
    ),
    "backend": click.option(
        "--backend",
        type=click.Choice(("auto", *BACKENDS)),
        default="auto",
        show_default=True,
        help="auto = the best that works here; any other runs or is an error.",
    ),
    "triton": click.option(
        "--triton",
        metavar="HOST:PORT",
        callback=lambda _context, _option, value: value and SCHEME + value,
        help="Run the networks on a Triton server (see `edgereader export triton`), in place of a --backend.",
    ),
    "precision": click.option("--precision", help="fp32, fp16, ...; left out: what the bundle prefers on the backend."),
    "threads": click.option(
        "--threads", type=click.IntRange(1), help="Threads on the CPU; left out: one for each core."
    ),
    "long_side_px": click.option(
        "--long-side",
        "long_side_px",
        type=click.IntRange(64, 8192),
        help="Longest side, in pixels, of what the detector sees; smaller is faster and misses small text.",
    ),
    "verbose": click.option("-v", "--verbose", is_flag=True, help="Say which backend runs, and why."),
    "find": click.option(
        "--find",
        type=click.Choice(get_args(Find)),
        help="Look for numbers, without words, or for all text.  [default: numbers, unless --alphabet has letters]",
    ),
    "all_text": click.option("--all-text", "find", flag_value="text", help="The same as --find text."),
    "alphabet": click.option(
        "--alphabet", default=NUMBERS, help="Read only these characters; left out: all of numbers, or of text."
    ),
    "decimal": click.option(
        "--decimal",
        type=click.Choice(tuple(DECIMALS)),
        help="What stands before decimals, for values; left out: either, where it can mean nothing else.",
    ),
    "thousands": click.option(
        "--thousands",
        help="What groups digits by threes, for values: some of .,' and the blank, or '' for nothing; left out: "
        "points, commas and apostrophes, where they can mean nothing else.",
    ),
    "pattern": click.option(
        "--pattern",
        help=r"Keep only readings that this regular expression matches as a whole, such as \d{5}\.\d; of the likeliest "
        "ways to read a text, the first that does is taken, as certain as it is (see --min-confidence).",
    ),
    "check": click.option(
        "--check", type=click.Choice(list(CHECKS)), help="Keep only readings with a right check digit."
    ),
    "rotations": click.option(
        "--rotations", is_flag=True, help="Read text upside down and on its side too; slower, more misread."
    ),
    "upright": click.option(
        "--upright", is_flag=True, help="The pictures are the right way up: 6, 69 or 88 are not ambiguous."
    ),
    "min_confidence": click.option(
        "--min-confidence",
        type=click.FloatRange(0, 1),
        default=MIN_CONFIDENCE,
        show_default=True,
        help="Leave out readings that are less certain; crops are all kept.",
    ),
}
"""A reader's options by the name of what they give."""


def reader_options(command: Command) -> Command:
    """Add the options of a reader to a click command, which hands them to `open_reader`."""
    return options_named(*OPTIONS)(command)


def options_named(*names: str) -> Callable[[Command], Command]:
    """Add some of the options of a reader to a click command."""

    def add(command: Command) -> Command:
        for name in reversed(names):
            command = OPTIONS[name](command)
        return command

    return add


def start_log(*, verbose: bool) -> None:
    """Write the log to stderr: warnings, or with ``verbose`` also which backend runs, and why."""
    logging.basicConfig(format="%(message)s", level=logging.INFO if verbose else logging.WARNING)


def open_reader(*, bundle: str, verbose: bool, backend: str, triton: str | None, **options: Any) -> Reader:
    """Open the reader that the options ask for; errors are those of `Reader`."""
    start_log(verbose=verbose)
    give_memory_back()
    return Reader(bundle, only_backend(backend, triton), **options)


def only_backend(backend: str, triton: str | None) -> str:
    """Return the backend that one of two options asks for.

    Raises:
        click.UsageError: both do.
    """
    if triton is not None and backend != "auto":
        raise click.UsageError(f"expected --backend or --triton, got both ({backend}); leave one out")
    return triton or backend


def with_samples(paths: tuple[str, ...], sample: bool) -> tuple[str, ...]:  # noqa: FBT001
    """Add the sample photos when they are asked for.

    Raises:
        click.UsageError: no path at all.
    """
    if sample:
        paths += (str(shipped("samples")),)
    if not paths:
        raise click.UsageError("expected a PATH (file, folder, glob or -) or --sample, got none; name a picture")
    return paths


def run_batch(outcomes: Iterable[Outcome], sources: Sequence[object], write: Callable[[Outcome], None]) -> None:
    """Write every outcome as it comes; list the failures at the end, whatever ends it, and then exit with 1.

    Pictures without a number that were seen smaller than they are, are counted, with the option that helps.
    """
    outcomes = with_progress(outcomes, len(sources))
    failed: list[str] = []
    unsaved: list[str] = []
    overlooked: list[int] = []
    with ended_in_order():
        try:
            for outcome in outcomes:
                failed += filter(None, [outcome.error])
                unsaved += filter(None, [outcome.unsaved])
                if outcome.sight is not None and outcome.overlooked:
                    overlooked.append(outcome.sight.full_size_px or 0)
                write(outcome)
        finally:
            _say_last(len(sources), failed, unsaved, overlooked)
    if failed or unsaved:
        sys.exit(1)


def _say_last(total: int, failed: list[str], unsaved: list[str], overlooked: list[int]) -> None:
    if overlooked:
        count = f"{len(overlooked)} of {total} pictures without a number"
        click.echo(f"{count} were seen smaller than they are; --long-side {max(overlooked)} sees small text", err=True)
    for what, reasons in (("could not be read", failed), ("were read, but not saved", unsaved)):
        if reasons:
            listed = "".join(f"\n  {reason}" for reason in reasons)
            click.echo(f"{len(reasons)} of {total} {what}:{listed}", err=True)
