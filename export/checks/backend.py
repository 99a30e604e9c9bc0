"""Does a backend compute what fp32 on ``cpu`` does? Canary, numbers, batches, strings or H-mean; if not, where not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...runtime.errors import EdgeReaderError, ExportError
from ...runtime.sessions.canary import prove
from ..pipeline import Say
from ..precision.gate import open_gate
from ..precision.pictures import Pictures
from ..search import Departure
from .comparison import Comparison, Trial, compare_all
from .files import Check, attempt
from .marks import SAME_GRAPH, limit_of, look_for_departure

SYMBOLS = 0.99
"""Share of the symbols that must be the likeliest of their step: a tie may be broken either way."""
NO_CANARY = "none in the bundle, so that only cpu runs it; `edgereader export canary BUNDLE` writes one"


@dataclass(frozen=True)
class Examined:
    """A model on a backend, examined."""

    checks: tuple[Check, ...]
    """What was found, for a table."""
    comparisons: tuple[Comparison, ...]
    """The figures behind "numbers" and "batches"."""
    departure: Departure | None
    """The first layer that departs; None when all checks passed, or when none departs by itself."""

    @property
    def passed(self) -> bool:
        """Return whether all checks passed."""
        return all(check.passed for check in self.checks)


def examine(trial: Trial, say: Say = print) -> Examined:
    """Run all checks, and after a failure look for the first layer that departs.

    Raises:
        ImageError: a picture cannot be read.
    """
    subject, found = f"{trial.kind} {trial.precision}", list[Comparison]()
    say(f"{subject}: {trial.backend} beside fp32 on cpu")
    checks = [
        attempt(subject, "canary", lambda: canary(trial)),
        attempt(subject, "numbers", lambda: numbers(trial, found)),
        attempt(subject, "batches", lambda: batches(trial, found)),
        attempt(subject, "H-mean" if trial.kind == "detector" else "strings", lambda: through_gate(trial)),
    ]
    if all(check.passed for check in checks):
        return Examined(tuple(checks), tuple(found), None)
    say(f"{subject}: looking for the first layer that departs")
    wrong = next((batch for batch in found if not (is_right(trial, batch) and is_steady(trial, batch))), None)
    departure, detail = first_departure(trial, wrong)
    checks.append(Check(subject, "first departure", passed=False, detail=detail))
    return Examined(tuple(checks), tuple(found), departure)


def canary(trial: Trial) -> str:
    """Check that the backend reads the bundle's canary as fp32 does on ``cpu``."""
    if trial.bundle.manifest.canary is None and trial.backend == "cpu":
        return NO_CANARY
    return prove(trial.session, trial.bundle, trial.kind)


def numbers(trial: Trial, found: list[Comparison]) -> str:
    """Check that the outputs are those of fp32 on ``cpu``; fill `found`."""
    found.extend(compare_all(trial))
    wrong = [batch for batch in found if not is_right(trial, batch)]
    judged = wrong or found
    figures = (
        f"worst {max(batch.worst_row for batch in judged):.2g} apart of {limit_of(trial.precision):g}, "
        f"mean {max(batch.mean_row for batch in judged):.2g}, "
        f"largest {max(batch.largest for batch in judged):.2g}, on {sizes(judged)}"
    )
    if (likeliest := min(batch.symbols for batch in judged)) < SYMBOLS:
        figures = f"{1 - likeliest:.1%} of the symbols are not the likeliest; {figures}"
    if wrong:
        raise ExportError(figures)
    return figures


def batches(trial: Trial, found: Sequence[Comparison]) -> str:
    """Check that an image gives the same in every row of every batch, and that different images do not."""
    if not found:
        raise ExportError("expected outputs to compare, got none; see numbers")
    wrong = [batch for batch in found if not is_steady(trial, batch)]
    judged = wrong or found
    figures = f"alone and in a batch {max(batch.alone for batch in judged):.2g} apart, on {sizes(judged)}"
    if any(batch.alike for batch in judged):
        figures = f"different images give the same outputs; {figures}"
    if wrong:
        raise ExportError(figures)
    return figures


def is_right(trial: Trial, found: Comparison) -> bool:
    """Return whether the numbers are close enough to those of fp32 on ``cpu``; in fp32, every single one."""
    limit = limit_of(trial.precision)
    single = trial.precision != "fp32" or found.largest <= limit
    return found.worst_row <= limit and single and found.symbols >= SYMBOLS


def is_steady(trial: Trial, found: Comparison) -> bool:
    """Return whether an image alone and in a batch gives the same, and other images do not."""
    return found.alone <= min(limit_of(trial.precision), SAME_GRAPH) and not found.alike


def sizes(found: Sequence[Comparison]) -> str:
    """Return batch, height and width of each, for example "1x32x128, 8x32x128"."""
    return ", ".join("x".join(map(str, batch.shape[:3])) for batch in found)


def through_gate(trial: Trial) -> str:
    """Check that strings, or the regions' H-mean, are those of fp32 on ``cpu``, through the runtime."""
    gate = open_gate(trial.bundle, trial.kind, Pictures((), trial.pictures), trial.precision, trial.backend)
    verdict = gate(trial.bundle)
    text = f"{verdict}, in {len(trial.pictures)} pictures"
    if not verdict.passed:
        raise ExportError(text)
    return text


def first_departure(trial: Trial, wrong: Comparison | None) -> tuple[Departure | None, str]:
    """Return the first layer that departs, and what a table says of it."""
    try:
        found = look_for_departure(trial, wrong)
    except EdgeReaderError as exc:
        return None, str(exc)
    if found is None:
        return None, "no layer departs by itself: small differences add up, or a layer fails only when it is fused"
    departure, cause = found
    first = departure.first
    return departure, f"{first.layer} ({first.operator}): {first.error:.2g} apart of {departure.limit:.2g}; {cause}"
