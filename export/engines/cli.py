"""The command `edgereader engine`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..options import FILE

if TYPE_CHECKING:
    from ...runtime.bundles.bundle import Bundle
    from ...runtime.bundles.manifest import Kind, Passport
    from .build_log import Progress
    from .tensorrt_library import Flavour

BAR_STEPS = 1000
FEWER_BITS = {"fp16": "fp16", "int8": "int8-trt"}
"""What is asked for -> the bundle's name of the graph that TensorRT takes for it."""


def parse_canvases(
    _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[int, int], ...]:
    """Parse HEIGHTxWIDTH in pixels, for example 736x1280."""
    parts = [value.lower().split("x") for value in values]
    for value, sides in zip(values, parts, strict=True):
        if len(sides) != 2 or not all(side.isdecimal() and len(side) <= 4 for side in sides):
            raise click.BadParameter(f"{value!r}: expected HEIGHTxWIDTH in pixels, for example 736x1280")
    return tuple((int(height), int(width)) for height, width in parts)


@click.command()
@click.argument("bundle")
@click.option("--flavour", type=click.Choice(["tensorrt", "tensorrt-rtx"]), required=True, help="The library.")
@click.option("--precision", type=click.Choice(["fp32", "fp16", "int8"]), help="Default: fp16 if the bundle has it.")
@click.option(
    "--calibration",
    type=FILE,
    help="Folder of pictures, to make what is missing in that precision first.",
)
@click.option("--only", type=click.Choice(["detector", "recognizer"]), help="Build one model's engine.")
@click.option("--target", "targets", multiple=True, metavar="SM", help="A GPU to build for, as sm86; may be repeated.")
@click.option(
    "--canvas",
    "canvases",
    multiple=True,
    metavar="HxW",
    callback=parse_canvases,
    help="What the detector takes; fastest with the first; may be repeated (default: a 16:9 photo's and a square).",
)
@click.option("--max-batch", type=click.IntRange(1, 1024), help="Images or crops at once (default: 1; 32 crops).")
@click.option("--optimization-level", type=click.IntRange(0, 5), help="Higher: a longer build, maybe a faster engine.")
@click.option("--version-compatible", is_flag=True, help="Later versions of TensorRT run it too.")
@click.option("--hardware-compatible", is_flag=True, help="GPUs from compute capability 8.0 on run it too.")
@click.option("--workspace", "workspace_mib", type=click.IntRange(1), metavar="MIB", help="Most scratch memory.")
@click.option("--timing-cache", type=FILE, help="Measurements to start from and keep (default: in the bundle).")
@click.option("--log", type=FILE, help="File for TensorRT's messages (default: beside the engine).")
def engine(
    bundle: str,
    flavour: Flavour,
    precision: str | None,
    calibration: Path | None,
    only: Kind | None,
    targets: tuple[str, ...],
    canvases: tuple[tuple[int, int], ...],
    max_batch: int | None,
    log: Path | None,
    **options: Any,
) -> None:
    """Build the TensorRT engines of a BUNDLE (a folder, or the name of one that ships) and add them to it.

    tensorrt builds for this machine's GPU; tensorrt-rtx for the GPUs of --target, and needs none itself.
    int8 takes the bundle's graphs in int8-trt: those in int8 are for CPUs, and TensorRT cannot read them. With
    --calibration, what is missing is made as `edgereader quantize` makes it.

    Ctrl-C ends a build and leaves the bundle as it was. Exit codes: 0 done, 1 a graph that was made did not pass the
    gate of `quantize`, 2 refused or failed.
    """
    from ...runtime.bundles.bundle import Bundle
    from ..staging import models_of
    from .engine import build_engine, graph_precision
    from .tensorrt_library import Options

    opened = Bundle.open(bundle)
    kinds: tuple[Kind, ...] = (only,) if only else models_of(opened.manifest)
    if log is not None and len(kinds) > 1:
        raise click.UsageError("--log: expected --only detector or --only recognizer with it, got neither; add it")
    if canvases and "detector" not in kinds:
        raise click.UsageError(
            "--canvas: expected a detector, which alone has canvases, got a recognizer; leave it out"
        )
    if calibration is not None and precision in FEWER_BITS:
        add_missing(opened, kinds, FEWER_BITS[precision], calibration)
        opened = Bundle.open(bundle)
    for kind in kinds:
        graph_precision(opened, kind, precision)  # all are there before the first is built
    for kind in kinds:
        lines: list[str] = []
        with shown(kind) as progress:
            passport = build_engine(
                Bundle.open(bundle),
                kind,
                flavour,
                precision,
                targets=targets,
                canvases_hw=canvases,
                max_batch=max_batch,
                options=Options(**options),
                log=log,
                progress=progress,
                say=lines.append,
            )
        for line in lines:
            click.echo(line, err=True)
        click.echo(described(opened.root / "engines", passport))


def add_missing(bundle: Bundle, kinds: tuple[Kind, ...], precision: str, calibration: Path) -> None:
    """Quantise those models that the bundle does not have in a precision; exit with 1 when one fails the gate."""
    from ..precision.cli import add_precision

    missing = tuple(kind for kind in kinds if precision not in getattr(bundle.manifest, kind).files)
    if missing:
        add_precision(str(bundle.root), calibration, missing, precision)


@contextmanager
def shown(title: str) -> Iterator[Progress]:
    """Show how far a build is on stderr: a bar on a terminal, else a line for each phase."""
    if sys.stderr.isatty():
        bar = click.progressbar(length=BAR_STEPS, label=title, file=sys.stderr, item_show_func=lambda phase: phase)
        with bar:
            yield lambda done, phase: bar.update(round(done * BAR_STEPS) - bar.pos, phase)
        return
    start, last = time.monotonic(), ""

    def say(_done: float, phase: str) -> None:
        nonlocal last
        if phase not in {"", last}:
            click.echo(f"[{time.monotonic() - start:6.1f} s] {title}: {phase}", err=True)
            last = phase

    yield say


def described(folder: Path, passport: Passport) -> str:
    """Return a plan and the shapes that it takes, in words."""
    sides = {name: (sizes.min, sizes.opt, sizes.max) for name, sizes in passport.profile.items()}
    shapes = "; ".join(
        f"{name} {' / '.join('x'.join(map(str, shape)) for shape in limits)} (min / opt / max)"
        for name, limits in sides.items()
    )
    return f"{folder / passport.file.path}  {passport.file.bytes / 1e6:.1f} MB  {shapes}"
