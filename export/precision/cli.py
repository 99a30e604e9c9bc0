"""The command `edgereader quantize`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..options import FILE, parse_size, progress, write_report

if TYPE_CHECKING:
    from ...runtime.bundles.manifest import Kind
    from .quantization import Outcome


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
    "--canvas",
    "canvas_hw",
    metavar="HxW",
    callback=parse_size,
    help="What the detector is timed on (default: a 16:9 photo).",
)
@click.option(
    "--against",
    "checkpoint",
    type=FILE,
    help="PyTorch checkpoint of the network, to be timed in the same run; needs --only.",
)
@click.option("--report", type=FILE, help="JSON file for the figures (default: int8-report.json, …, in the bundle).")
def quantize(
    bundle: str, calibration: Path, precision: str, only: Kind | None, report: Path | None, **options: Any
) -> None:
    """Add files in fewer bits to a BUNDLE (a folder, or the name of one that ships).

    The pictures are split in two halves by turns: of one, up to 16 set the ranges of the activations (fp16: 4); on up
    to 64 of the other, or as many as have 200 regions or strings, at least 99 % of the strings that fp32 is sure of
    must be the same, and the detector's H-mean may fall by 0.5 points at most; layers that break this are found by
    bisection and stay in fp32. The runtime then runs int8 on cpu where it is faster, fp16 on GPUs, and int8-trt where
    it is asked for.

    Exit codes: 0 done, 1 the gate was not passed and the bundle keeps what it had, 2 refused.
    """
    canvas, against, keep = (options[name] for name in ("canvas_hw", "checkpoint", "keep"))
    if canvas is not None and (canvas[0] % 32 or canvas[1] % 32):
        raise click.UsageError(f"--canvas: expected multiples of 32, got {canvas[0]}x{canvas[1]}; round them")
    if only is None and (against is not None or keep):
        option = "--keep" if keep else "--against"
        raise click.UsageError(f"{option}: expected --only detector or --only recognizer with it, got neither; add it")
    if precision != "int8" and (against is not None or canvas is not None):
        option = "--canvas" if canvas else "--against"
        raise click.UsageError(f"{option}: expected --precision int8, as a CPU times no other, got {precision}")
    add_precision(bundle, calibration, (only,) if only else ("detector", "recognizer"), precision, report, **options)


def add_precision(
    name: str,
    calibration: Path,
    kinds: tuple[Kind, ...],
    precision: str = "int8",
    report: Path | None = None,
    **options: Any,
) -> None:
    """Quantise the networks of these kinds that a bundle has; exit with 1 when one does not pass the gate.

    `options`: see `quantize_model`.
    """
    from ...runtime.bundles.bundle import Bundle
    from ..staging import models_of
    from .pictures import open_pictures
    from .quantization import quantize_model

    bundle, pictures, say = Bundle.open(name), open_pictures(calibration), progress()
    outcomes = [
        quantize_model(Bundle.open(name), kind, pictures, precision=precision, say=say, **options)
        for kind in kinds
        if len(kinds) == 1 or kind in models_of(bundle.manifest)
    ]
    path = report or bundle.root / f"{precision}-report.json"
    write_report(path, "--report", networks=[figures(outcome) for outcome in outcomes])
    for outcome in outcomes:
        for line in lines(outcome):
            click.echo(line)
    click.echo(f"report: {path}")
    if any(outcome.path is None for outcome in outcomes):
        raise SystemExit(1)


def lines(outcome: Outcome) -> Iterator[str]:
    """Yield a few lines on one network, for people."""
    mark = "ok    " if outcome.path is not None else "FAILED"
    yield f"{mark}  {outcome.kind:<11} gate: {outcome.verdict}"
    for line in (*gate_lines(outcome), *speed_lines(outcome)):
        yield f"        {outcome.kind:<11} {line}"


def gate_lines(outcome: Outcome) -> Iterator[str]:
    """Yield how sharp the gate was, and which layers it let through."""
    count = outcome.verdict.strings or outcome.verdict.regions
    if count < 200:
        yield f"one of {count} is {100 / count:.1f} %: give more pictures for a sharper gate"
    if outcome.path is None:
        yield "nothing but fp32 passes; the bundle keeps what it had"
        return
    kept, pinned = ", ".join(outcome.kept_fp32) or "none", ", ".join(outcome.pinned)
    yield f"{outcome.precision}: {outcome.layers - len(outcome.kept_fp32)} layers; fp32, because of the gate: {kept}"
    if pinned:
        yield f"fp32, because it was asked for or float16 cannot hold their numbers: {pinned}"


def speed_lines(outcome: Outcome) -> Iterator[str]:
    """Yield what was timed, and what runs where from now on."""
    if outcome.path is None:
        return
    for name, timed in outcome.timed.items():
        int8 = outcome.timed["int8"]
        yield (
            f"{name:<8} {timed.median_ms:9.1f} ms median, {timed.best_ms:.1f} best, "
            f"{timed.cpu_ms:.1f} of processor time; int8 is {timed.median_ms / int8.median_ms:.2f} "
            f"times as fast ({timed.cpu_ms / int8.cpu_ms:.2f} by processor time)"
        )
    timed_on = f"timed on {outcome.speed_on}; " if outcome.speed_on else "not timed, as a CPU says nothing of a GPU; "
    backends, what = ", ".join(outcome.preferred), set(outcome.preferred.values())
    runs = f"on {backends} the runtime runs {what.pop()}" if what else "the runtime runs it where it is asked for"
    yield f"{timed_on}{runs}: {outcome.path}"


def figures(outcome: Outcome) -> dict[str, Any]:
    """Return one network's figures."""
    own = {"passed": outcome.path is not None, "preferred": outcome.preferred, "speed_ratio": outcome.ratio}
    return {**own, **asdict(outcome)}
