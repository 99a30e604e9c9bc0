"""What is done for each section: size → figures of one turn, one by one."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

from ...export.checks.marks import limit_of
from ...export.parity import apart
from ...runtime.bundles.bundle import Bundle, shipped
from ...runtime.bundles.manifest import Kind
from ...runtime.errors import BackendError
from .figures import Agreement, Missing, Prepared, Verified
from .frames import frames, memory
from .jobs import Contender, Job, kind_of, shape_of
from .runners import Arrays, Run, expected, runner
from .state import clocks
from .turns import SpeedTurn

WARM_UP_S = 1.0
WARM_UP_RUNS = 5


def prepared(job: Job) -> Iterator[tuple[str, Prepared]]:
    """Make what others need."""
    from .bundles import prepare

    start = time.perf_counter()
    detail, works = prepare(job)
    yield job.sizes[0], Prepared(seconds=time.perf_counter() - start, detail=detail, works=works)


def speeds(job: Job) -> Iterator[tuple[str, SpeedTurn | Missing]]:
    """One network at each size; one that fails does not end the others."""
    load = runner(job)
    for size in job.sizes:
        try:
            yield size, speed(load(size), size, job)
        except BackendError as exc:
            yield size, Missing(outcome="failed", reason=str(exc))


def speed(run: Run, size: str, job: Job) -> SpeedTurn:
    """One network at one size, beside what fp32 gives on the CPU."""
    outputs = {name: array.copy() for name, array in run().items()}
    right = expected(Path(job.folder), kind_of(job.section), size)
    times_ms, warm_up = timed(run, job)
    return SpeedTurn(
        times_ms=times_ms,
        warm_up=warm_up,
        per_run=shape_of(size)[0],
        agreement=compared(outputs, right, job.contender),
        clocks=clocks(),
    )


def timed(run: Callable[[], object], job: Job) -> tuple[list[float], int]:
    """Milliseconds of each run, and how many came before, until the GPU's clocks were up."""
    fewest, most = job.scale.runs
    end = time.perf_counter() + (0.0 if job.scale.dry else WARM_UP_S)
    warm_up = 0
    while warm_up < WARM_UP_RUNS or time.perf_counter() < end:
        run()
        warm_up += 1
    times: list[float] = []
    while len(times) < fewest or (sum(times) < 1000 * job.scale.seconds and len(times) < most):
        start = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - start))
    return times, warm_up


def compared(outputs: Arrays, right: Arrays, contender: Contender) -> Agreement:
    """How closely maps agree, or the first symbols: what later ones are depends on those before."""
    allowed = limit_of("fp16" if contender.rounds else contender.precision)
    if "symbols" not in right:
        off = max(apart(outputs[name], right[name]) for name in right)
        return Agreement(apart=off, allowed=allowed, rows_equal=None)
    off = apart(outputs["log_probs"][:, 0], right["log_probs"][:, 0])
    equal = (outputs["symbols"] == right["symbols"]).all(axis=1).mean()
    return Agreement(apart=off, allowed=allowed, rows_equal=float(equal))


def verified(job: Job) -> Iterator[tuple[str, Verified]]:
    """What `edgereader verify --backend` checks, on the sample photos."""
    from ...export.checks.backend import examine
    from ...export.checks.comparison import open_trial
    from ...export.precision.pictures import find_pictures

    bundle, pictures = Bundle.open(Path(job.folder).absolute() / "shipped"), find_pictures(shipped("samples"))
    for kind in cast("tuple[Kind, ...]", job.sizes):
        trial = open_trial(bundle, kind, job.contender.runner, job.contender.precision, pictures)
        checks = examine(trial, say=lambda line: print(line, file=sys.stderr)).checks  # noqa: T201  # the child's log
        failed = [check.name for check in checks if not check.passed]
        yield kind, Verified(checks={check.name: check.detail for check in checks}, failed=failed)


def ceiling(job: Job) -> Iterator[tuple[str, SpeedTurn]]:
    """A large product of matrices: nothing multiplies faster here."""
    from .torch_runs import product

    for size in job.sizes:
        times_ms, warm_up = timed(product(job, int(size.partition("x")[0])), job)
        yield size, SpeedTurn(times_ms=times_ms, warm_up=warm_up, per_run=1, agreement=None, clocks=clocks())


SECTIONS: dict[str, Callable[[Job], Iterator[tuple[str, Any]]]] = {
    "prepare": prepared,
    "ceiling": ceiling,
    "detector": speeds,
    "recognizer": speeds,
    "frames": frames,
    "memory": memory,
    "verify": verified,
    "canvases": speeds,
    "batches": speeds,
}
