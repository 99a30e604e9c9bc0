"""`edgereader bench compare`: what changed between two measurements, and how surely."""

import sys
from pathlib import Path

import click
import msgspec

from ...runtime.errors import DatasetError
from .changes import Change, Comparison, compare_growths, compare_reports, compare_soaks, compare_streams
from .figures import Report
from .files import Figures, read_figures
from .growth_figures import Growth
from .soak_figures import Soak
from .stream_figures import Stream

FILE = click.Path(path_type=Path)


SETTINGS = ("backend", "precision", "threads", "streams")


@click.command()
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="Write JSON to standard output.")
@click.option(
    "--fail-slower", type=click.FloatRange(min=1), metavar="TIMES", help="Exit with 1 if anything surely is slower."
)
def compare(old: Path, new: Path, as_json: bool, fail_slower: float | None) -> None:  # noqa: FBT001  click's
    """Compare two files of `edgereader bench`, `bench growth`, `bench soak` or `bench stream`: OLD.json and NEW.json.

    A line for each figure of each contender: old, new, new over old with a 95 % confidence interval, and faster,
    slower or no difference shown. The interval is a bootstrap over turns and within turns, so that it also covers
    how much one turn differs from another; with one turn there is none.

    Exit codes: 0 compared, 1 something is surely slower than --fail-slower allows, 2 nothing compared because a file
    is wrong or they are of different kinds.
    """
    found = comparison(old, new)
    click.echo(msgspec.json.format(msgspec.json.encode(found)).decode() if as_json else text(found))
    slower = [each for each in found.changes if fail_slower and each.surely_slower > fail_slower]
    for each in slower:
        times = each.surely_slower
        click.echo(f"{each.contender}, {each.figure}: surely slower, {times:.2f} times at the least", err=True)
    if slower:
        sys.exit(1)


def comparison(old_path: Path, new_path: Path) -> Comparison:
    """Compare two files.

    Raises:
        DatasetError: one cannot be read, they are of different kinds, or have nothing in common.
    """
    old, new = read_figures(old_path), read_figures(new_path)
    if isinstance(old, Report) and isinstance(new, Report):
        changes, missing = compare_reports(old, new)
    elif isinstance(old, Growth) and isinstance(new, Growth):
        changes, missing = compare_growths(old, new)
    elif isinstance(old, Soak) and isinstance(new, Soak):
        changes, missing = list(compare_soaks(old, new)), []
    elif isinstance(old, Stream) and isinstance(new, Stream):
        changes, missing = list(compare_streams(old, new)), []
    else:
        kinds = f"{type(old).__name__.lower()} and {type(new).__name__.lower()}"
        raise DatasetError(f"{old_path}, {new_path}: expected two files of one kind, got a {kinds}; choose others")
    if not changes:
        raise DatasetError(f"{old_path}, {new_path}: expected figures of the same things, got none in common")
    return Comparison(
        old=str(old_path), new=str(new_path), differences=differences(old, new), changes=changes, missing=missing
    )


def differences(old: Figures, new: Figures) -> list[str]:
    """What makes two measurements hard to compare."""
    pairs: list[tuple[str, object, object]] = [
        ("processor", old.machine.processor, new.machine.processor),
        ("cores", old.machine.cores, new.machine.cores),
        ("system", old.machine.system, new.machine.system),
    ]
    if isinstance(old, Report) and isinstance(new, Report):
        photos = [f"{each.photos.count} of {', '.join(each.photos.folders)}" for each in (old, new)]
        pairs += _settings(old, new)
        if old.photos.sha256 != new.photos.sha256:
            pairs.append(("photos", f"{photos[0]} ({old.photos.sha256[:8]})", f"{photos[1]} ({new.photos.sha256[:8]})"))
    elif not isinstance(old, Report) and not isinstance(new, Report):
        pairs += [(name, getattr(old, name), getattr(new, name)) for name in ("bundle", "backend", "precision")]
    return [f"other {name}: {before} before, {after} now" for name, before, after in pairs if before != after]


def _settings(old: Report, new: Report) -> list[tuple[str, object, object]]:
    """How contenders of the same name were set."""
    after = {each.name: each for each in new.contenders}
    return [
        (f"{name} of {each.name}", getattr(each, name), getattr(after[each.name], name))
        for each in old.contenders
        for name in SETTINGS
        if each.outcome == "ran" and each.name in after and after[each.name].outcome == "ran"
    ]


def text(found: Comparison) -> str:
    """A table for a terminal, what makes it doubtful first."""
    alarms = [f"NOT THE SAME CONDITIONS: {each}" for each in found.differences]
    rows = [
        [each.contender, each.figure, _short(each.old), _short(each.new), _interval(each), each.verdict]
        for each in found.changes
    ]
    rows.insert(0, ["contender", "figure", "old", "new", "new / old (95 %)", ""])
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*alarms, *lines, *found.missing])


def _short(value: float) -> str:
    return f"{value:.4g}"


def _interval(each: Change) -> str:
    return f"{each.ratio:.3f}" if each.low is None else f"{each.ratio:.3f} ({each.low:.3f} to {each.high:.3f})"
