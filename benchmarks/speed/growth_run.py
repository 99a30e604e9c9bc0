"""How long a reader takes for what grows: every size in turn, in another order each round."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Literal, cast

import cv2
import numpy as np

from ...runtime import Reader
from ...runtime.errors import BundleError
from ...runtime.geometry import files
from ..trend import Trend, line
from .figures import STAGES
from .growth_figures import Curve, Point
from .growth_photos import CROPS, MEGAPIXELS, NUMBERS, crops, page, sized, without_text
from .stages import clocks

MARGIN = 0.1
LEAST_ROUNDS = 3
FEWEST_SIZES = 5
"""Of a curve: with fewer, there is no interval."""
What = Literal["megapixels", "regions", "batch"]
WHATS: tuple[What, ...] = ("megapixels", "regions", "batch")
WHOLE = "whole"


@dataclass
class Case:
    """Something to read, and how long it took."""

    what: What | None
    """None: a photo without text."""
    size: float
    read: Callable[[], object]
    times_ms: dict[str, list[float]] = field(default_factory=dict)
    """Part → of each round."""
    calls: int = 0
    """Of the recogniser's network."""

    def run(self) -> None:
        """Read it once more."""
        with clocks() as found:
            start = time.perf_counter()
            self.read()
            whole = time.perf_counter() - start
        self.calls += found.calls["recognise"]
        for part, seconds in {WHOLE: whole, **found.seconds}.items():
            self.times_ms.setdefault(part, []).append(1000 * seconds)


def cases(reader: Reader, folder: Path) -> list[Case]:
    """All that is measured; photos of different sizes are written to a folder, so that decoding them is timed too.

    Raises:
        BundleError: the bundle has no detector, or does not see the numbers on a page, or sees text everywhere.
    """
    made = [Case("megapixels", size, partial(_read_file, reader, _file(folder, size))) for size in MEGAPIXELS]
    pages = list(map(page, NUMBERS))
    made += [Case("regions", len(reader.look(frame)), partial(reader.read, frame)) for frame in pages]
    made += [Case("batch", count, partial(reader.recognize, crops(count))) for count in CROPS]
    made += [Case(None, 0, partial(reader.read, frame)) for frame in without_text() if not reader.look(frame)]
    if len({case.size for case in made if case.what == "regions" and case.size}) < FEWEST_SIZES:
        raise BundleError("growth: expected text to be found on pages full of numbers, got none; choose another bundle")
    if all(case.what is not None for case in made):
        raise BundleError("growth: expected no text on empty pages, got some on each; choose another bundle")
    return made


def _file(folder: Path, megapixels: float) -> Path:
    path = folder / f"{megapixels:g}.jpg"
    cv2.imwrite(str(path), sized(megapixels))
    return path


def _read_file(reader: Reader, path: Path) -> object:
    return reader.read(files.read_photo(path).frame)


def run(made: Sequence[Case], seconds: float, say: Callable[[int, float], None]) -> int:
    """Read everything in rounds until the time is over, and say after each how many and how long; how many rounds."""
    order, shuffle = list(made), random.Random(0).shuffle
    for case in order:
        case.read()  # warm-up
    rounds, start = 0, time.monotonic()
    while rounds < LEAST_ROUNDS or time.monotonic() - start < seconds:
        shuffle(order)
        for case in order:
            case.run()
        rounds += 1
        say(rounds, time.monotonic() - start)
    return rounds


def curves(made: Sequence[Case]) -> list[Curve]:
    """One for each part that took time; a size that came twice (as many regions were found) counts as one."""
    found = []
    for what in WHATS:
        by_size: dict[float, list[Case]] = {}
        for case in made:
            if case.what == what:
                by_size.setdefault(case.size, []).append(case)
        for part in (WHOLE, *STAGES):
            points = [
                _point(size, [each for case in by_size[size] for each in case.times_ms[part]])
                for size in sorted(by_size)
            ]
            if min(point.p50_ms for point in points[-FEWEST_SIZES:]) > 0:
                found.append(curve(what, part, points))
    return found


def _point(size: float, times_ms: Sequence[float]) -> Point:
    p90 = float(np.percentile(times_ms, 90))
    return Point(size=size, p50_ms=round(median(times_ms), 4), p90_ms=round(p90, 4), runs=len(times_ms))


def curve(what: What, part: str, points: Sequence[Point]) -> Curve:
    """With the exponent in the upper half, for which there are `FEWEST_SIZES` points or more."""
    upper = points[-max(len(points) // 2, FEWEST_SIZES) :]
    sizes, times = ([math.log(getattr(each, name)) for each in upper] for name in ("size", "p50_ms"))
    exponent, low, high = cast("Trend", line(sizes, times))
    return Curve(
        what=what, part=part, points=list(points), exponent=exponent, low=low, high=high, linear=low <= 1 + MARGIN
    )  # fmt: skip
