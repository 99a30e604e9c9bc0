"""The command ``edgereader``: its sub-commands by entry point, and ``read`` and ``split``."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from .commands.batch import find_sources, read_all, write_json, write_table
from .commands.options import EXIT_CODES, open_reader, reader_options, run_batch, with_samples
from .commands.split import DigitFolder, split_all, write_counts
from .commands.terminal import give_up_output, prepare_streams
from .errors import TRY_AGAIN, EdgeReaderError, one_line
from .extras import pip_install

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "edgereader.commands"
PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ENOMEM, errno.EMFILE, errno.ENFILE})
"""Errors of the system that another try may not meet."""


class Commands(click.Group):
    """Sub-commands found through the entry points of ``GROUP``, loaded when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, whether or not what they need is installed."""
        return sorted({*super().list_commands(ctx), *_entries()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command; one that needs a missing extra is replaced by one that says so."""
        if (own := super().get_command(ctx, cmd_name)) is not None or cmd_name not in _entries():
            return own
        try:
            command: click.Command = _entries()[cmd_name].load()
        except ModuleNotFoundError as exc:
            return _missing(cmd_name, exc)
        return command

    def main(self, *args: Any, **options: Any) -> Any:
        """Run what the arguments say, after the standard streams were seen to."""
        prepare_streams()
        return super().main(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; every foreseen error becomes one line on stderr and exit code 2, or 75 if it may pass."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as exc:
            _fail(_needs(ctx.invoked_subcommand or "", exc))
        except BrokenPipeError:
            raise
        except (EdgeReaderError, OSError) as exc:
            give_up_output()
            _fail(str(exc), TRY_AGAIN if getattr(exc, "errno", None) in PASSING else 2)
        except ValueError as exc:
            if not type(exc).__module__.startswith("edgereader."):
                raise
            _fail(str(exc))


def _entries() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # 30 ms, which reading a photo need not wait for

    return {entry.name: entry for entry in entry_points(group=GROUP)}


def _needs(command: str, exc: ModuleNotFoundError) -> str:
    module, entry = (exc.name or "").split(".")[0], _entries().get(command)
    if module == "edgereader" or entry is None:
        raise exc
    fix = pip_install(*entry.extras) if entry.extras else f"pip install {module}"
    return f"edgereader {command} needs {module}: {fix}"


def _missing(command: str, exc: ModuleNotFoundError) -> click.Command:
    message = _needs(command, exc)
    return click.Command(
        command,
        callback=lambda: _fail(message),
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
        add_help_option=False,
        short_help=f"({message.partition(': ')[0].partition(' ')[2]}, which is not installed)",
    )


def _fail(message: str, code: int = 2) -> NoReturn:
    click.echo(f"error: {one_line(message)}", err=True)
    raise SystemExit(code)


@click.group(cls=Commands)
@click.version_option(package_name="edgereader")
def main() -> None:
    """Read the number in a photo or a camera stream, on the device that took it."""


@main.command(epilog=EXIT_CODES)
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option("--sample", is_flag=True, help="Read the sample photos that come with edgereader.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a picture and line; quads in the file's pixels.")
@click.option("--save", type=click.Path(path_type=Path, file_okay=False), help="Write annotated pictures to a folder.")
@click.option("--crops", is_flag=True, help="The pictures are already cut to one number each: skip the detector.")
@click.option(
    "--ray", is_flag=False, flag_value="local", metavar="[ADDRESS]", help="Read an archive on Ray Data, here or there."
)
@click.option("--to", metavar="FOLDER", help="With --ray: Parquet files of readings; what is there is not read again.")
@click.option("--workers", type=click.IntRange(1), help="With --ray: readers; left out: one for each GPU or core.")
@reader_options
def read(
    paths: tuple[str, ...],
    sample: bool,
    as_json: bool,
    save: Path | None,
    crops: bool,
    ray: str | None,
    to: str | None,
    workers: int | None,
    **options: Any,
) -> None:
    """Read the numbers in pictures: files, folders, globs, or - for one on standard input."""
    paths = with_samples(paths, sample)
    if ray or to or workers:
        from .archives.job import read_on_ray

        if not ray or not to or as_json or save or crops:
            raise click.UsageError("expected --ray and --to, without --json, --save and --crops; see docs/scale.md")
        if ray not in {"local", "auto"} and ":" not in ray:
            raise click.UsageError(f"expected HOST:PORT or auto behind --ray, got {ray}; name the paths before --ray")
        read_on_ray(paths, to, ray, workers, **options)
        return
    if save is not None and crops:
        raise click.UsageError("expected --save or --crops, got both; there is nothing to draw on a cut picture")
    sources = find_sources(paths)
    reader = open_reader(**options)
    write = write_json if as_json else write_table(sources)
    run_batch(read_all(reader, sources, crops=crops, save=save), sources, write)


@main.command(epilog=EXIT_CODES)
@click.argument("paths", nargs=-1, metavar="PHOTO...")
@click.option("--sample", is_flag=True, help="Split the sample photos that come with edgereader.")
@click.option("--to", "folder", required=True, type=click.Path(path_type=Path, file_okay=False), help="A new set.")
@click.option("--size", type=click.IntRange(8, 1024), help="Square pictures as MNIST's: grey, light on black, centred.")
@click.option("--all-characters", is_flag=True, help="Cut every character out, not digits only.")
@reader_options
def split(
    paths: tuple[str, ...], sample: bool, folder: Path, size: int | None, all_characters: bool, **options: Any
) -> None:
    """Cut the digits of the numbers in pictures out, each to a file of its own: a labelled set of digits.

    Pictures go to DIRECTORY/LABEL, their labels to labels.tsv, their confidences and places to digits.jsonl.
    """
    sources = find_sources(with_samples(paths, sample))
    reader = open_reader(**options)
    digits = DigitFolder(folder, size=size, all_characters=all_characters)
    run_batch(split_all(reader, sources, digits), sources, write_counts(sources))
