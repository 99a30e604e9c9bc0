"""`edgereader train` and `edgereader synth`."""

import functools
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click

from ..charsets import CHARSETS
from ..data.samples import TrainingDataError
from .options import check_texts, configure

Arguments = ParamSpec("Arguments")
Command = TypeVar("Command", bound=Callable[..., Any])
MANY_FONTS = 400
"""From so many fonts on, generated text is of all kinds; models/training/debian-packages.txt brings some 900."""
FOLDER = click.Path(path_type=Path)
FILE = click.Path(path_type=Path, dir_okay=False)


class Failed(click.ClickException):
    """What went wrong, in one line; exit code 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        """Print the line to standard error."""
        click.echo(f"error: {self.format_message()}", file=file or sys.stderr)


def in_one_line(command: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Turn the errors of data sets, checkpoints and files into one line."""

    @functools.wraps(command)
    def guarded(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except (TrainingDataError, OSError) as exc:
            # an error of a worker process arrives with the traceback before it
            raise Failed(str(exc).strip().splitlines()[-1].removeprefix(f"{_qualified(exc)}: ")) from exc

    return guarded


def _qualified(exc: BaseException) -> str:
    return f"{type(exc).__module__}.{type(exc).__qualname__}"


class Size(click.ParamType[tuple[int, int]]):
    """Height and width in pixels, as `32x100`."""

    name = "HxW"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Parse the option."""
        if isinstance(value, tuple):
            return value
        parts = str(value).lower().split("x")
        if len(parts) != 2 or not all(part.isdecimal() and int(part) >= 8 for part in parts):
            self.fail(f"expected height and width in pixels, at least 8, such as 32x100, got {value!r}", param, ctx)
        return int(parts[0]), int(parts[1])


def read_charset(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Take a known name, `@file`, or the characters themselves."""
    if value is None or value in CHARSETS:
        return CHARSETS[value] if value else None
    path = Path(value[1:])
    if value.startswith("@") and not path.is_file():
        raise click.BadParameter(f"expected a file with the characters at {path}, got nothing there")
    symbols = path.read_text(encoding="utf-8").rstrip("\n") if value.startswith("@") else value
    if len(set(symbols)) != len(symbols) or not symbols:
        raise click.BadParameter(f"expected each character once, got {symbols[:40]!r}")
    return symbols


def read_widths(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """Take ascending multiples of 4, in pixels."""
    if value is None:
        return None
    parts = value.split(",")
    widths = tuple(int(part) for part in parts if part.isdecimal())
    if len(widths) < len(parts) or sorted(set(widths)) != list(widths) or any(width % 4 for width in widths):
        raise click.BadParameter(f"expected ascending multiples of 4 in pixels, such as 64,128,256, got {value!r}")
    return widths


def warn(message: str) -> None:
    """Say something beside the results."""
    click.echo(message, err=True)


def progress(numbers: Iterable[int]) -> Iterator[int]:
    """Show a bar while numbers are gone through."""
    with click.progressbar(numbers, file=sys.stderr) as bar:
        yield from bar


@click.group()
def synth() -> None:
    """Write generated images as data sets.

    Exit codes: 0 written, 2 nothing written because a folder, a font or an option is wrong.
    """


def drawing_options(command: Command) -> Command:
    """Add what all generated sets have in common."""
    for option in (
        click.option("--seed", default=0, show_default=True, help="The same seed draws the same samples."),
        click.option("--count", type=click.IntRange(1), required=True, help="How many."),
        click.option("--to", "folder", type=FOLDER, required=True, help="A folder that is new or empty."),
    ):
        command = option(command)
    return command


@synth.command("crops")
@drawing_options
@click.option(
    "--hard", type=click.FloatRange(0, 1), default=1.0, show_default=True, help="From clean print to anything."
)
@click.option("--lmdb", is_flag=True, help="Write an LMDB instead of images and labels.tsv.")
@in_one_line
def synth_crops(folder: Path, count: int, seed: int, hard: float, *, lmdb: bool) -> None:
    """Write crops of words and numbers, for the recognizer."""
    from ..synthesis.synthesis import write_crops

    written = write_crops(folder, count, seed, hard=hard, lmdb=lmdb, progress=progress)
    click.echo(f"{written} crops in {folder}")


@synth.command("scenes")
@drawing_options
@click.option("--size", type=Size(), default="720x1280", show_default=True, help="Of the images, in pixels.")
@in_one_line
def synth_scenes(folder: Path, count: int, seed: int, size: tuple[int, int]) -> None:
    """Write whole images with the quads of words and characters, for the detector."""
    from ..synthesis.synthesis import write_scenes

    written = write_scenes(folder, count, seed, hw=size, progress=progress)
    click.echo(f"{written} scenes in {folder}")


@click.group()
def train() -> None:
    """Train or fine-tune the detector or the recognizer.

    Exit codes: 0 trained, 2 a data set, a checkpoint, a font or an option is wrong.
    """


def tell_stock() -> None:
    """Say what generated samples are drawn with: too few fonts spoil a run of hours."""
    from ..synthesis.backgrounds import installed_backgrounds
    from ..synthesis.fonts import FontPool

    fonts, photos = len(FontPool().paths), len(installed_backgrounds().paths)
    more = "" if fonts >= MANY_FONTS and photos else "; apt install those of models/training/debian-packages.txt first"
    warn(f"generator: {fonts} fonts, {photos} photographs as backgrounds{more}")


def training_options(command: Command) -> Command:
    """Add what both trainers have in common."""
    for option in (
        click.option("--save-every", type=click.IntRange(1), help="Steps between validations and checkpoints."),
        click.option("--workers", type=click.IntRange(0), help="Processes that make samples."),
        click.option("--device", help="cpu or cuda."),
        click.option("--seed", type=int, help="Of weights and samples."),
        click.option("--rate", "peak_rate", type=click.FloatRange(0, min_open=True), help="Highest learning rate."),
        click.option("--batch", type=click.IntRange(1), help="Samples a step."),
        click.option("--hours", type=click.FloatRange(0, min_open=True), help="Length of the run in hours."),
        click.option("--steps", type=click.IntRange(1), help="Length of the run in steps."),
        click.option("--resume", is_flag=True, help="Go on from the last checkpoint in --to."),
        click.option("--init", type=FILE, help="Checkpoint to fine-tune; its shape is inferred."),
        click.option(
            "--width", type=click.FloatRange(0, 4, min_open=True), help="Factor on all layers; 1 is published."
        ),
        click.option("--data", type=FOLDER, multiple=True, help="Data set to train on; may be given more than once."),
        click.option("--to", "out", type=FOLDER, required=True, help="Folder of weights, checkpoints and log."),
    ):
        command = option(command)
    return command


def share_option(command: Command) -> Command:
    """Add the share of generated samples."""
    return click.option(
        "--synthetic-share",
        type=click.FloatRange(0, 1),
        help="Share of generated samples beside --data.  [default: 0 with --data, 1 without]",
    )(command)


@train.command("recognizer")
@training_options
@share_option
@click.option("--stages", help="One of the 24, such as TPS-ResNet-BiLSTM-Attn.")
@click.option("--charset", callback=read_charset, help="A known name, the characters themselves, or @FILE.")
@click.option(
    "--init-charset", callback=read_charset, help="That of --init, if it does not say, and another than --charset."
)
@click.option("--size", "image_hw", type=Size(), help="Of the network's input, in pixels.")
@click.option("--widths", callback=read_widths, help="Widths that crops are padded to, such as 64,128,256.")
@click.option("--channels", type=click.Choice(["1", "3"]), help="1 grey, 3 colour.")
@click.option("--max-length", type=click.IntRange(1), help="Longest text in characters.")
@click.option("--keep-ratio/--fill", default=None, help="Pad crops, or fill the input.  [default: fill with --init]")
@click.option("--stretch", type=click.FloatRange(0.25, 4), help="With --keep-ratio: how much wider crops are made.")
@click.option(
    "--even-contrast/--as-it-is", default=None, help="Crops of one contrast.  [default: as it is with --init]"
)
@click.option("--meters", type=FOLDER, help="Folder of single meter digits to compose counters from.")
@click.option("--validation", type=click.IntRange(1), help="Crops in the validation set.")
@in_one_line
def train_recognizer(data: tuple[Path, ...], channels: str | None, **options: Any) -> None:
    """Train the recognizer; the weights for `edgereader export recognizer` are recognizer.pt in --to.

    Without --data, all crops are generated. With it: MJSynth, SynthText, LMDB, or folders with labels.tsv, told apart
    by their files. To fine-tune, give the checkpoint with --init.
    """
    from ..checkpoints.initial import recognizer_options
    from ..data.datasets import Sturdy, open_crops
    from .recognizer_samples import RecognizerTraining
    from .recognizer_trainer import train_recognizer

    sets = tuple(Sturdy(open_crops(path), str(path), warn) for path in data)
    given = {**options, "channels": int(channels) if channels else None}
    if options["init"]:
        inferred = recognizer_options(options["init"], options["init_charset"] or options["charset"])
        published = {"keep_ratio": False, "image_hw": (32, 100), "stretch": 1.0, "even_contrast": False}
        given = published | inferred | {key: value for key, value in given.items() if value is not None}
        given["init_charset"] = inferred["charset"] if given["charset"] != inferred["charset"] else None
    config = configure(RecognizerTraining, given, sets)
    check_texts(config)
    if not sets or config.synthetic_share:
        tell_stock()
    click.echo(f"weights: {train_recognizer(config, click.echo)}")


@train.command("detector")
@training_options
@share_option
@click.option("--strided", is_flag=True, default=None, help="Compute nothing at the image's full size; faster.")
@click.option(
    "--teacher",
    type=FILE,
    help="Checkpoint of a wider detector to start from and to learn from; with --init, for --photos only.",
)
@click.option(
    "--photos", type=FOLDER, multiple=True, help="Photos, labelled or not, in which the teacher says where text is."
)
@click.option("--canvas", "canvas_px", type=click.IntRange(64), help="Side of the scenes, a multiple of 32.")
@click.option("--validation", type=click.IntRange(0), help="Generated scenes in the validation set; 0 for none.")
@in_one_line
def train_detector(data: tuple[Path, ...], **options: Any) -> None:
    """Train the detector; the weights for `edgereader export detector` are detector.pt in --to.

    Without --data, all scenes are generated. With it: SynthText, or folders with labels.tsv and boxes, told apart by
    their files. To fine-tune, give the checkpoint with --init.

    --photos needs no labels: --teacher, such as the published CRAFT, looks at each photo once, and what it finds is
    learnt beside generated scenes. Where a folder has a labels.tsv with boxes, the labels count.
    """
    from ..checkpoints.initial import detector_options
    from ..data.datasets import open_scenes
    from .detector_trainer import DetectorTraining, train_detector

    sets = tuple(open_scenes(path) for path in data)
    inferred = detector_options(options["init"]) if options["init"] else {}
    config = configure(DetectorTraining, inferred | {k: v for k, v in options.items() if v is not None}, sets)
    if config.canvas_px % 32:
        raise TrainingDataError(f"--canvas: expected a multiple of 32, got {config.canvas_px}; take the next one")
    if not sets or config.synthetic_share:
        tell_stock()
    click.echo(f"weights: {train_detector(config, click.echo)}")
