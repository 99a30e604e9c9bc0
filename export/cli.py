"""The commands `edgereader export`, `edgereader quantize` and `edgereader verify`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..runtime.bundle import Bundle
    from ..runtime.manifest import Kind
    from .backend_report import Row
    from .pipeline import Exported, Target

FILE = click.Path(path_type=Path)


def parse_size(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """HEIGHTxWIDTH in pixels, for example 32x100."""
    if value is None:
        return None
    parts = value.lower().split("x")
    if len(parts) != 2 or not all(part.isdigit() and 16 <= int(part) <= 4096 for part in parts):
        raise click.BadParameter(f"{value!r}: expected HEIGHTxWIDTH of 16 to 4096 pixels, for example 32x100")
    return int(parts[0]), int(parts[1])


def target_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that both exports share."""
    for option in (
        click.option("--calibration", type=FILE, help="Folder of pictures, for --precision int8."),
        click.option(
            "--precision",
            type=click.Choice(["fp32", "int8"]),
            default="fp32",
            show_default=True,
            help="int8: add it too, see `edgereader quantize`.",
        ),
        click.option("--licence", help="Licence of the weights: an SPDX identifier or a sentence, kept in the bundle."),
        click.option("--name", help="Name of the bundle (default: the folder's)."),
        click.option("--to", "bundle", required=True, type=FILE, help="Folder of the bundle, new or existing."),
    ):
        command = option(command)
    return click.argument("checkpoint", type=FILE)(command)


@click.group()
def export() -> None:
    """Turn a PyTorch checkpoint into a bundle's ONNX file.

    An existing bundle gets the model added or replaced. The ONNX graph is compared with the network
    before anything is written. Exit codes: 0 done, 2 refused, with one line that says why.
    """


@export.command()
@target_options
@click.option("--refiner", type=FILE, help="Checkpoint of the link refiner, to be part of the graph.")
@click.option("--text-threshold", type=click.FloatRange(0, 1), default=0.7, show_default=True)
@click.option("--link-threshold", type=click.FloatRange(0, 1), default=0.4, show_default=True)
@click.option("--low-text", type=click.FloatRange(0, 1), default=0.4, show_default=True)
@click.option(
    "--long-side", type=click.IntRange(32, 8192), default=1280, show_default=True, help="Longest canvas side, pixels."
)
@click.option(
    "--coarse-side", type=click.IntRange(32, 8192), help="Look again on a canvas of this side, for very large text."
)
def detector(
    checkpoint: Path,
    bundle: Path,
    name: str | None,
    licence: str | None,
    refiner: Path | None,
    text_threshold: float,
    link_threshold: float,
    low_text: float,
    long_side: int,
    coarse_side: int | None,
    precision: str,
    calibration: Path | None,
) -> None:
    """Export a CRAFT CHECKPOINT (.pth, .pt or .safetensors)."""
    from ..runtime.manifest import Thresholds
    from .pipeline import export_detector

    expect_calibration(precision, calibration)
    thresholds = Thresholds(text=text_threshold, link=link_threshold, low_text=low_text)
    show_table(
        export_detector(
            checkpoint,
            target(bundle, name, licence),
            refiner=refiner,
            thresholds=thresholds,
            long_side_px=long_side,
            coarse_side_px=coarse_side,
            say=progress(),
        )
    )
    if calibration is not None:
        add_precision(str(bundle.absolute()), calibration, ("detector",))


@export.command()
@target_options
@click.option("--charset", help="digits, alnum36, printable94, numbers; the characters themselves; or @FILE.")
@click.option(
    "--size",
    metavar="HxW",
    callback=parse_size,
    help="Input size, if the checkpoint has no TPS to tell it (default: 32x100).",
)
@click.option(
    "--max-length",
    type=click.IntRange(1, 256),
    default=25,
    show_default=True,
    help="Longest text of an attention decoder, characters.",
)
@click.option("--keep-ratio", is_flag=True, help="It was trained on crops that keep their aspect ratio (--PAD).")
@click.option(
    "--stretch", type=click.FloatRange(0.25, 4), default=1.0, help="And on crops made so much wider than that."
)
@click.option("--even-contrast", is_flag=True, help="It was trained on crops of one contrast.")
def recognizer(
    checkpoint: Path,
    bundle: Path,
    name: str | None,
    licence: str | None,
    charset: str | None,
    size: tuple[int, int] | None,
    max_length: int,
    keep_ratio: bool,
    stretch: float,
    even_contrast: bool,
    precision: str,
    calibration: Path | None,
) -> None:
    """Export a recogniser's CHECKPOINT (.pth, .pt or .safetensors), any of the 24 combinations."""
    from .pipeline import export_recognizer

    expect_calibration(precision, calibration)
    show_table(
        export_recognizer(
            checkpoint,
            target(bundle, name, licence),
            charset=charset,
            image_hw=size,
            max_length=max_length,
            keep_ratio=keep_ratio,
            stretch=stretch,
            even_contrast=even_contrast,
            say=progress(),
        )
    )
    if calibration is not None:
        add_precision(str(bundle.absolute()), calibration, ("recognizer",))


@export.command()
@click.argument("bundle")
def canary(bundle: str) -> None:
    """Write the canary of a BUNDLE (a folder, or the name of one that ships).

    It is a small picture on which every GPU backend is checked when it is opened. Exports write it; a bundle from
    before they did needs this once.
    """
    from ..runtime.bundle import Bundle
    from .canary import write_canary

    root = Bundle.open(bundle).root
    written = write_canary(root)
    click.echo(f"{root / written.image.path}: {written.text or 'no recognizer'}")


@click.command()
@click.argument("bundle")
@click.option("--calibration", type=FILE, required=True, help="Folder of pictures; with labels.tsv, its boxes count.")
@click.option(
    "--precision",
    type=click.Choice(["int8", "fp16", "int8-trt"]),
    default="int8",
    show_default=True,
    help="int8 is for CPUs, fp16 for GPUs, int8-trt for TensorRT.",
)
@click.option("--only", type=click.Choice(["detector", "recognizer"]), help="Quantise one network.")
@click.option("--keep", metavar="LAYER", multiple=True, help="Leave it in fp32; may be repeated; needs --only.")
@click.option(
    "--canvas", metavar="HxW", callback=parse_size, help="What the detector is timed on (default: a 16:9 photo)."
)
@click.option(
    "--against", type=FILE, help="PyTorch checkpoint of the network, to be timed in the same run; needs --only."
)
@click.option("--report", type=FILE, help="JSON file for the figures (default: int8-report.json, …, in the bundle).")
def quantize(
    bundle: str,
    calibration: Path,
    precision: str,
    only: Kind | None,
    keep: tuple[str, ...],
    canvas: tuple[int, int] | None,
    against: Path | None,
    report: Path | None,
) -> None:
    """Add files in fewer bits to a BUNDLE (a folder, or the name of one that ships).

    Half of the pictures set the ranges of the activations. On the other half, at least 99 % of the strings
    must be those of fp32, and the detector's H-mean may fall by 0.5 points at most; layers that break this
    are found by bisection and stay in fp32. The runtime then runs int8 on cpu where it is faster, fp16 on
    GPUs, and int8-trt where it is asked for.

    Exit codes: 0 done, 1 the gate was not passed and the bundle keeps what it had, 2 refused.
    """
    if canvas is not None and (canvas[0] % 32 or canvas[1] % 32):
        raise click.UsageError(f"--canvas: expected multiples of 32, got {canvas[0]}x{canvas[1]}; round them")
    if only is None and (against is not None or keep):
        option = "--keep" if keep else "--against"
        raise click.UsageError(f"{option}: expected --only detector or --only recognizer with it, got neither; add it")
    if precision != "int8" and (against is not None or canvas is not None):
        option = "--canvas" if canvas else "--against"
        raise click.UsageError(f"{option}: expected --precision int8, as a CPU times no other, got {precision}")
    kinds: tuple[Kind, ...] = (only,) if only else ("detector", "recognizer")
    add_precision(bundle, calibration, kinds, precision, keep=keep, canvas=canvas, against=against, report=report)


@click.command()
@click.argument("bundle")
@click.option(
    "--checkpoint", "checkpoints", type=FILE, multiple=True, help="Compare with the network again; may be repeated."
)
@click.option(
    "--backend",
    type=click.Choice(["cpu", "cuda", "tensorrt-ep", "tensorrt", "tensorrt-rtx"]),
    help="Compare the models on it with fp32 on cpu, instead of looking at the files.",
)
@click.option("--precision", help="With --backend: fp32, fp16, ...; left out: what the bundle prefers there.")
@click.option("--only", type=click.Choice(["detector", "recognizer"]), help="With --backend: one model.")
@click.option("--pictures", type=FILE, help="With --backend: folder of photos to compare on (default: the samples).")
@click.option("--pin", is_flag=True, help="With --backend: keep layers that depart in fp32; changes the bundle.")
@click.option("--calibration", type=FILE, help="With --pin: folder of pictures that set the ranges, as for quantize.")
@click.option("--json", "report", type=FILE, help="File for the outcome as JSON.")
def verify(
    bundle: str, checkpoints: tuple[Path, ...], backend: str | None, report: Path | None, **options: Any
) -> None:
    """Check a BUNDLE (a folder, or the name of one that ships): files, graphs, batches, masks, parity, canary.

    With --backend, what a backend computes: the canary, maps and probabilities, batches of all sizes, strings and
    regions, against fp32 on cpu. After a failure, the first layer whose output departs is named.

    Exit codes: 0 all checks passed, 1 one failed, 2 no such bundle, checkpoint, backend or picture.
    """
    from ..runtime.bundle import Bundle
    from .backend_report import verify_files, write_report

    opened = Bundle.open(bundle)
    if backend is None:
        if given := [f"--{name}" for name, value in options.items() if value]:
            raise click.UsageError(f"{given[0]}: expected --backend with it, got none; add it")
        rows = verify_files(opened, checkpoints, click.echo)
    elif checkpoints:
        raise click.UsageError("expected --backend or --checkpoint, got both; run the command twice")
    else:
        rows = verify_models(opened, backend, **options)
    if report is not None:
        write_report(report, opened, rows)
    if not all(row["passed"] for row in rows):
        raise SystemExit(1)


def verify_models(
    bundle: Bundle,
    backend: str,
    precision: str | None,
    only: Kind | None,
    pictures: Path | None,
    calibration: Path | None,
    *,
    pin: bool,
) -> list[Row]:
    """What a backend computes, with its table on stdout and what is being done on stderr."""
    from ..runtime.bundle import shipped
    from .backend_check import find_pictures
    from .backend_report import verify_backend
    from .pictures import open_pictures

    if pin != (calibration is not None):
        fix = "add --calibration FOLDER, whose pictures set the ranges" if pin else "leave --calibration out"
        raise click.UsageError(f"expected --pin and --calibration, got one of them; {fix}")
    return verify_backend(
        bundle,
        backend,
        precision,
        find_pictures(pictures or shipped("samples")),
        calibration=open_pictures(calibration) if calibration else None,
        kinds=(only,) if only else ("detector", "recognizer"),
        show=click.echo,
        say=progress(),
    )


def target(bundle: Path, name: str | None, licence: str | None) -> Target:
    """Where an export goes."""
    from .pipeline import Target

    return Target(bundle, name, licence)


def expect_calibration(precision: str, calibration: Path | None) -> None:
    """int8 and its pictures come together."""
    if (precision == "int8") != (calibration is not None):
        got = "none" if calibration is None else "--precision fp32"
        raise click.UsageError(f"expected --precision int8 with --calibration FOLDER, got {got}; give both or neither")


def add_precision(
    name: str,
    calibration: Path,
    kinds: tuple[Kind, ...],
    precision: str = "int8",
    *,
    keep: tuple[str, ...] = (),
    canvas: tuple[int, int] | None = None,
    against: Path | None = None,
    report: Path | None = None,
) -> None:
    """Quantise the networks of these kinds that a bundle has; exits with 1 when one does not pass the gate."""
    from ..runtime.bundle import Bundle
    from .pictures import open_pictures
    from .quantization import quantize_model
    from .quantization_report import lines, report_name, write_report

    bundle, pictures, say = Bundle.open(name), open_pictures(calibration), progress()
    outcomes = [
        quantize_model(
            Bundle.open(name),
            kind,
            pictures,
            precision=precision,
            keep=keep,
            canvas_hw=canvas,
            checkpoint=against,
            say=say,
        )
        for kind in kinds
        if len(kinds) == 1 or getattr(bundle.manifest, kind) is not None
    ]
    path = report or bundle.root / report_name(precision)
    write_report(outcomes, path)
    for line in lines(outcomes):
        click.echo(line)
    click.echo(f"report: {path}")
    if any(outcome.path is None for outcome in outcomes):
        raise SystemExit(1)


def progress() -> Callable[[str], None]:
    """Says what is being done and since when, on stderr."""
    start = time.monotonic()
    return lambda line: click.echo(f"[{time.monotonic() - start:6.1f} s] {line}", err=True)


def show_table(exported: Exported) -> None:
    """File, size, worst difference, opset."""
    size, parity = exported.path.stat().st_size, exported.parity
    click.echo(f"{'file':<40} {'size':>10} {'worst difference':>18} {'allowed':>8} {'inputs':>7} {'opset':>6}")
    click.echo(
        f"{exported.path!s:<40} {size / 1e6:>7.1f} MB {parity.worst:>18.1e} {parity.tolerance:>8.0e} "
        f"{parity.cases:>7} {parity.opset:>6}"
    )
