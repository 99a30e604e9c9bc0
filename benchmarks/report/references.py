"""What was asked of a bundle's accuracy, typed once in `targets.json`, and what was reached."""

from pathlib import Path
from typing import Generic, Literal, TypeVar

import msgspec

from ...export.card import megabytes
from ...runtime import Bundle
from ..accuracy.results import CropsResult, Run
from ..record import read_json

FigureName = Literal[
    "accuracy", "whole_texts", "recall", "line_recall", "precision", "false_numbers_per_image", "sure_precision",
    "megabytes",
]  # fmt: skip
ALL_CROPS = "all crops"
BUNDLE = "the bundle"


class Limit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a figure must reach; exactly one of the two is given."""

    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("a target needs at_least or at_most, one of both")

    @property
    def sign(self) -> str:
        """`≥` or `≤`."""
        return "≤" if self.at_least is None else "≥"

    @property
    def limit(self) -> float:
        """The value itself."""
        return self.at_least if self.at_least is not None else self.at_most or 0.0

    def reached(self, value: float) -> bool:
        """Return whether a figure is what was asked for."""
        return value <= self.limit if self.at_least is None else value >= self.limit


class Target(Limit, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One figure that was asked for."""

    set: str
    """A data set, `all crops`, or `the bundle`."""
    figure: FigureName


AnyTarget = TypeVar("AnyTarget", bound=Limit)


class Targets(msgspec.Struct, Generic[AnyTarget], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of targets."""

    source: str
    """Who asked."""
    targets: list[AnyTarget]


def read_targets() -> list[Target]:
    """Read `targets.json`."""
    return read_json(Path(__file__).with_name("targets.json"), Targets[Target], "targets.json").targets


def measured(target: Target, bundle: Bundle, run: Run) -> float | None:
    """Return the figure of a run that a target is about; None if the run has none."""
    if target.set == BUNDLE:
        return megabytes(bundle)
    if target.set == ALL_CROPS:
        return None if run.all_crops is None else run.all_crops.certainty.sure_precision
    for result in run.sets:
        if result.name == target.set:
            holder = (
                result.certainty if target.figure == "sure_precision" and isinstance(result, CropsResult) else result
            )
            value: float | None = getattr(holder, target.figure, None)
            return value
    return None
