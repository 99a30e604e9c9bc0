"""The command `edgereader verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..options import FILE, progress, write_report

if TYPE_CHECKING:
    from ...runtime.bundles.bundle import Bundle
    from ...runtime.bundles.manifest import Kind
    from .report import Row


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
    from ...runtime.bundles.bundle import Bundle
    from .report import verify_files

    opened = Bundle.open(bundle)
    if backend is None:
        if given := [f"--{name}" for name, value in options.items() if value]:
            raise click.UsageError(f"{given[0]}: expected --backend with it, got none; add it")
        rows = verify_files(opened, checkpoints, click.echo)
    elif checkpoints:
        raise click.UsageError("expected --backend or --checkpoint, got both; run the command twice")
    else:
        rows = verify_models(opened, backend, **options)
    passed = all(row["passed"] for row in rows)
    if report is not None:
        write_report(report, "--json", bundle=opened.manifest.name, passed=passed, models=rows)
    if not passed:
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
    """Return what a backend computes; write its table to stdout and what is being done to stderr."""
    from ...runtime.bundles.bundle import shipped
    from ..precision.pictures import find_pictures, open_pictures
    from .report import verify_backend

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
