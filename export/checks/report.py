"""What `edgereader verify` does with all models of a bundle, and its outcome as a table and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from ...runtime.bundles.bundle import Bundle
from ...runtime.bundles.manifest import Kind
from ...runtime.errors import ExportError
from ..canary import canary_check
from ..pipeline import Say
from ..precision.pictures import Picture, Pictures
from ..staging import models_of
from .backend import NO_CANARY, Examined, examine
from .comparison import Trial, open_trial
from .files import Check, attempt, verify_bundle
from .pinning import pin

Row = dict[str, Any]
"""One model's figures, as the report has them."""


def verify_backend(
    bundle: Bundle,
    backend: str,
    precision: str | None,
    pictures: Sequence[Picture],
    *,
    calibration: Pictures | None = None,
    kinds: Sequence[Kind] = ("detector", "recognizer"),
    show: Say = print,
    say: Say = print,
) -> list[Row]:
    """Examine a bundle's models on a backend, and keep what departs in fp32 if there are pictures to calibrate on.

    `precision`: None = as the bundle prefers there; `pictures`: what strings and regions are compared on;
    `calibration`: what to quantise with, None = leave the bundle as it is; `show` takes a line of the table.

    Raises:
        EdgeReaderError: the backend, the precision or a picture cannot be had.
    """
    rows = []
    for kind in kinds:
        if len(kinds) > 1 and kind not in models_of(bundle.manifest):
            continue
        trial = open_trial(Bundle.open(bundle.root), kind, backend, precision, pictures)  # pinning changes the bundle
        rounds = [examine(trial, say)]
        show_examined(rounds[0], show)
        if calibration is not None and not rounds[0].passed:
            for examined in pin_or_refuse(trial, rounds[0], calibration, say):
                rounds.append(examined)
                show_examined(examined, show)
        rows.append(row(trial, rounds))
    return rows


def verify_files(bundle: Bundle, checkpoints: tuple[Path, ...] = (), show: Say = print) -> list[Row]:
    """Check a bundle's files, and its canary on ``cpu``; arguments and errors are those of `verify_bundle`."""
    checks = []
    for check in chain(verify_bundle(bundle, checkpoints), canary_checks(bundle)):
        show(line(check))
        checks.append(check)
    return [{"passed": all(check.passed for check in checks), "checks": [asdict(check) for check in checks]}]


def canary_checks(bundle: Bundle) -> Iterator[Check]:
    """Check that fp32 on ``cpu`` makes of the canary what the bundle says, as other backends are judged by that."""
    for kind in models_of(bundle.manifest):
        if bundle.manifest.canary is None:
            yield Check(f"{kind} fp32", "canary", passed=True, detail=NO_CANARY)
        else:
            yield attempt(f"{kind} fp32", "canary", partial(canary_check, bundle, kind, "cpu", "fp32"))


def pin_or_refuse(trial: Trial, examined: Examined, pictures: Pictures, say: Say) -> Iterator[Examined]:
    """Do as `pin` does, with a check that failed for what it refuses."""
    try:
        yield from pin(trial, examined, pictures, say)
    except ExportError as exc:
        refused = Check(f"{trial.kind} {trial.precision}", "kept in fp32", passed=False, detail=str(exc))
        yield Examined((refused,), (), None)


def show_examined(examined: Examined, show: Say) -> None:
    """Show a line for each check, and the layers around the one that departs."""
    for check in examined.checks:
        show(line(check))
    for step in examined.departure.around() if examined.departure else ():
        show(f"        {step.error:9.2g}  {step.operator:<18} {step.layer}")


def line(check: Check) -> str:
    """Return a check as a line of the table."""
    return f"{'ok    ' if check.passed else 'FAILED'}  {check.subject:<18} {check.name:<27} {check.detail}"


def row(trial: Trial, rounds: Sequence[Examined]) -> Row:
    """Return one model's figures: what was found in the end, and what each round before it failed."""
    return {
        "kind": trial.kind,
        "precision": trial.precision,
        "backend": trial.backend,
        "passed": rounds[-1].passed,
        **asdict(rounds[-1]),
        "before": [asdict(examined) for examined in rounds[:-1]],
    }
