"""Does a backend compute what fp32 on ``cpu`` does? Canary, numbers, batches, strings or H-mean; if not, where not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...runtime.errors import EdgeReaderError, ExportError, ImageError
from ...runtime.geometry.files import find_photos
from ...runtime.sessions.canary import prove
from ..pipeline import Say
from ..precision.gate import detector_gate, recognizer_gate
from ..precision.pictures import VALIDATED_ON, Picture, Pictures, labelled, spread
from .comparison import Comparison, Trial, compare_all
from .departure import Departure
from .files import Check
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
        """Whether all checks passed."""
        return all(check.passed for check in self.checks)


def find_pictures(folder: Path) -> tuple[Picture, ...]:
    """The pictures of a folder; with a `labels.tsv` that has boxes, those that it names.

    Raises:
        DatasetError, ImageError: no folder, wrong labels, or no picture.
    """
    return spread(labelled(folder) or [Picture(path, None) for path in find_photos(str(folder))], VALIDATED_ON)


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
    wrong = next((each for each in found if not (is_right(trial, each) and is_steady(trial, each))), None)
    departure, detail = first_departure(trial, wrong)
    checks.append(Check(subject, "first departure", passed=False, detail=detail))
    return Examined(tuple(checks), tuple(found), departure)


def attempt(subject: str, name: str, check: Callable[[], str]) -> Check:
    """A check that passed, or that says why not."""
    try:
        return Check(subject, name, passed=True, detail=check())
    except ImageError:
        raise
    except EdgeReaderError as exc:
        return Check(subject, name, passed=False, detail=str(exc))


def canary(trial: Trial) -> str:
    """The backend reads the bundle's canary as fp32 does on ``cpu``."""
    if trial.bundle.manifest.canary is None and trial.backend == "cpu":
        return NO_CANARY
    return prove(trial.session, trial.bundle, trial.kind)


def numbers(trial: Trial, found: list[Comparison]) -> str:
    """The outputs are those of fp32 on ``cpu``; fills `found`."""
    found.extend(compare_all(trial))
    wrong = [each for each in found if not is_right(trial, each)]
    judged = wrong or found
    figures = (
        f"worst {max(each.worst_row for each in judged):.2g} apart of {limit_of(trial.precision):g}, "
        f"mean {max(each.mean_row for each in judged):.2g}, "
        f"largest {max(each.largest for each in judged):.2g}, on {sizes(judged)}"
    )
    if (likeliest := min(each.symbols for each in judged)) < SYMBOLS:
        figures = f"{1 - likeliest:.1%} of the symbols are not the likeliest; {figures}"
    if wrong:
        raise ExportError(figures)
    return figures


def batches(trial: Trial, found: Sequence[Comparison]) -> str:
    """An image gives the same in every row of every batch, and different images do not."""
    if not found:
        raise ExportError("expected outputs to compare, got none; see numbers")
    wrong = [each for each in found if not is_steady(trial, each)]
    judged = wrong or found
    figures = f"alone and in a batch {max(each.alone for each in judged):.2g} apart, on {sizes(judged)}"
    if any(each.alike for each in judged):
        figures = f"different images give the same outputs; {figures}"
    if wrong:
        raise ExportError(figures)
    return figures


def is_right(trial: Trial, found: Comparison) -> bool:
    """Whether the numbers are close enough to those of fp32 on ``cpu``; in fp32, every single one."""
    limit = limit_of(trial.precision)
    single = trial.precision != "fp32" or found.largest <= limit
    return found.worst_row <= limit and single and found.symbols >= SYMBOLS


def is_steady(trial: Trial, found: Comparison) -> bool:
    """Whether an image alone and in a batch gives the same, and other images do not."""
    return found.alone <= min(limit_of(trial.precision), SAME_GRAPH) and not found.alike


def sizes(found: Sequence[Comparison]) -> str:
    """Batch, height and width of each, for example "1x32x128, 8x32x128"."""
    return ", ".join("x".join(map(str, each.shape[:3])) for each in found)


def through_gate(trial: Trial) -> str:
    """Strings, or the regions' H-mean, are those of fp32 on ``cpu``, through the runtime."""
    gate = detector_gate if trial.kind == "detector" else recognizer_gate
    pictures = Pictures((), trial.pictures)
    verdict = gate(trial.bundle, pictures, trial.precision, trial.backend)(trial.bundle)
    text = f"{verdict}, in {len(trial.pictures)} pictures"
    if not verdict.passed:
        raise ExportError(text)
    return text


def first_departure(trial: Trial, wrong: Comparison | None) -> tuple[Departure | None, str]:
    """The first layer that departs, and what a table says of it."""
    try:
        found = look_for_departure(trial, wrong)
    except EdgeReaderError as exc:
        return None, str(exc)
    if found is None:
        return None, "no layer departs by itself: small differences add up, or a layer fails only when it is fused"
    departure, cause = found
    first = departure.first
    return departure, f"{first.layer} ({first.operator}): {first.error:.2g} apart of {departure.limit:.2g}; {cause}"
