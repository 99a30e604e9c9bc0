"""The command ``edgereader``: its sub-commands by entry point, and ``edgereader read``."""

import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, NoReturn

import click

from .batch import find_sources, read_all, with_progress, write_json, write_table
from .bundle import shipped
from .decoding import NUMBERS
from .errors import EdgeReaderError
from .reader import MIN_CONFIDENCE, Reader

GROUP = "edgereader.commands"


class Commands(click.Group):
    """Sub-commands found through the entry points of ``GROUP``, loaded when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, whether or not what they need is installed."""
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

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; every foreseen error becomes one line on stderr and exit code 2."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as exc:
            _fail(_needs(ctx.invoked_subcommand or "", exc))
        except BrokenPipeError:
            raise
        except (EdgeReaderError, OSError) as exc:
            _fail(str(exc))
        except ValueError as exc:
            if not type(exc).__module__.startswith("edgereader."):
                raise
            _fail(str(exc))


def _entries() -> dict[str, EntryPoint]:
    return {each.name: each for each in entry_points(group=GROUP)}


def _needs(command: str, exc: ModuleNotFoundError) -> str:
    module, entry = (exc.name or "").split(".")[0], _entries().get(command)
    if module == "edgereader" or entry is None:
        raise exc
    extras = ",".join(entry.extras)
    fix = f"pip install 'edgereader[{extras}]'" if extras else "pip install --force-reinstall edgereader"
    return f"edgereader {command} needs {module}: {fix}"


def _missing(command: str, exc: ModuleNotFoundError) -> click.Command:
    message = _needs(command, exc)
    return click.Command(
        command,
        callback=lambda: _fail(message),
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
        add_help_option=False,
        short_help=f"({message.partition(': ')[2]})",
    )


def _fail(message: str) -> NoReturn:
    click.echo(f"error: {' '.join(message.split())}", err=True)
    raise SystemExit(2)


@click.group(cls=Commands)
@click.version_option(package_name="edgereader")
def main() -> None:
    """Read the number in a photo or a camera stream, on the device that took it."""


@main.command(
    epilog="Exit codes: 0 = every picture was read (also where there was no number in it), "
    "1 = some could not be read (listed at the end), 2 = wrong usage, bundle or backend."
)
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option("--sample", is_flag=True, help="Read the sample photos that come with edgereader.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a picture and line; quads in the file's pixels.")
@click.option("--save", type=click.Path(path_type=Path, file_okay=False), help="Write annotated pictures to a folder.")
@click.option("--crops", is_flag=True, help="The pictures are already cut to one number each: skip the detector.")
@click.option("--bundle", default="digits-edge", show_default=True, help="A shipped bundle's name, or a folder.")
@click.option("--backend", default="auto", show_default=True, help="cpu, or auto = the best that runs here.")
@click.option("--precision", help="fp32, ...; left out: the best that the backend runs.")
@click.option("--alphabet", default=NUMBERS, help="Read only these characters; left out: numbers only, no words.")
@click.option("--all-text", is_flag=True, help="Read all text, not numbers only.")
@click.option("--pattern", help="Keep only readings that this regular expression matches as a whole.")
@click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1),
    default=MIN_CONFIDENCE,
    show_default=True,
    help="Leave out readings that are less certain; crops are all kept.",
)
def read(
    paths: tuple[str, ...], sample: bool, as_json: bool, save: Path | None, crops: bool, alphabet: str, all_text: bool,
    bundle: str, **options: Any,
) -> None:  # fmt: skip
    """Read the numbers in pictures: files, folders, globs, or - for one on standard input."""
    if sample:
        paths += (str(shipped("samples")),)
    if not paths:
        raise click.UsageError("expected a PATH (file, folder, glob or -) or --sample, got none; name a picture")
    if all_text and alphabet != NUMBERS:
        raise click.UsageError("expected --alphabet or --all-text, got both; leave one of them out")
    if save is not None and crops:
        raise click.UsageError("expected --save or --crops, got both; there is nothing to draw on a cut picture")
    sources = find_sources(paths)
    reader = Reader(bundle, alphabet=None if all_text else alphabet, **options)
    write = write_json if as_json else write_table(sources)
    failed = []
    for outcome in with_progress(read_all(reader, sources, crops=crops, save=save), len(sources)):
        write(outcome)
        if outcome.error is not None:
            failed.append(outcome.error)
    if failed:
        listed = "".join(f"\n  {each}" for each in failed)
        click.echo(f"{len(failed)} of {len(sources)} could not be read:{listed}", err=True)
        sys.exit(1)
