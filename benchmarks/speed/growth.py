"""`edgereader bench growth`: what a photo costs when it gets larger, or more is on it."""

from __future__ import annotations

import itertools
import math
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal, cast

import click
import cv2
import numpy as np

from ...runtime import Bundle, Reader
from ...runtime.errors import BundleError
from ...runtime.geometry.images import Frame
from ..options import backend_option, precision_option
from ..record import command_line, write_json
from ..trend import Trend, line
from . import stages
from .photos import sample
from .results import STAGES, Curve, Growth, Point, of_bundle, open_reader

FILE = click.Path(dir_okay=False, path_type=Path)
MARGIN = 0.1
LEAST_ROUNDS = 3
FEWEST_SIZES = 5
"""Of a curve: with fewer, there is no interval."""
What = Literal["megapixels", "regions", "batch"]
WHATS: tuple[What, ...] = ("megapixels", "regions", "batch")
MEGAPIXELS = (0.3, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)
NUMBERS = (0, 10, 20, 40, 80, 120, 160, 200, 250, 300)
"""Written on a page."""
CROPS = (1, 2, 4, 8, 16, 24, 32, 40, 48, 64)
PAGE_HW, CELL_PX = (1200, 1600), 80
WHOLE = "whole"


@click.command()
@click.argument("bundle", default="digits-edge")
@click.option("--json", "file", type=FILE, help="Write the report to this file.")
@backend_option
@precision_option
@click.option(
    "--seconds", type=click.FloatRange(min=0), default=75.0, show_default=True, help="How long, at least three rounds."
)
def growth(bundle: str, file: Path | None, backend: str, precision: str | None, seconds: float) -> None:
    """Measure how BUNDLE's cost grows with a photo's megapixels, with the text regions in it, and with a batch.

    One photo is read at 0.3 to 12 megapixels, a page with 0 to 300 numbers, and 1 to 64 crops at once, in rounds of
    changing order. It passes when nothing grows faster than linearly in the upper half of the sizes, and when photos
    without text cost no time in the recognizer.

    Exit codes: 0 passed, 1 something grows faster, 2 nothing measured because a bundle or an option is wrong.
    """
    opened, reader = open_reader(bundle, backend, precision)
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)  # fails now, not after measuring
    with tempfile.TemporaryDirectory(prefix="edgereader-growth-") as folder:
        made = cases(reader, Path(folder))
        rounds = run(made, seconds, lambda count, took: click.echo(f"round {count}, {took:.0f} s", err=True))
    report = describe(opened, reader, rounds, made)
    if file:
        write_json(file, report)
    click.echo(table(report))
    sys.exit(not report.passed)


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
    """Of the recognizer's network."""

    def run(self) -> None:
        """Read it once more."""
        with stages.clocks() as found:
            start = time.perf_counter()
            self.read()
            whole = time.perf_counter() - start
        self.calls += found.calls["recognize"]
        for part, seconds in {WHOLE: whole, **found.seconds}.items():
            self.times_ms.setdefault(part, []).append(1000 * seconds)


def cases(reader: Reader, folder: Path) -> list[Case]:
    """Make all that is measured; photos of different sizes are written to a folder, so that decoding is timed too.

    Raises:
        BundleError: the bundle does not see the numbers on a page, or sees text everywhere.
    """
    made = []
    for megapixels in MEGAPIXELS:
        path = folder / f"{megapixels:g}.jpg"
        cv2.imwrite(str(path), sized(megapixels))
        made.append(Case("megapixels", megapixels, partial(stages.read, reader, path)))
    pages = list(map(page, NUMBERS))
    made += [Case("regions", len(reader.look(frame)), partial(reader.read, frame)) for frame in pages]
    crop = sample()[275:445, 390:870]
    made += [Case("batch", count, partial(reader.recognize, [crop] * count)) for count in CROPS]
    made += [Case(None, 0, partial(reader.read, frame)) for frame in without_text() if not reader.look(frame)]
    if len({case.size for case in made if case.what == "regions" and case.size}) < FEWEST_SIZES:
        raise BundleError("growth: expected text to be found on pages full of numbers, got none; choose another bundle")
    if all(case.what is not None for case in made):
        raise BundleError("growth: expected no text on empty pages, got some on each; choose another bundle")
    return made


def sized(megapixels: float) -> Frame:
    """Return the photo of a bib with so many megapixels."""
    photo = sample()
    scale = (1e6 * megapixels / (photo.shape[0] * photo.shape[1])) ** 0.5
    size = round(photo.shape[1] * scale), round(photo.shape[0] * scale)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(photo, size, interpolation=method), np.uint8)


def page(numbers: int) -> Frame:
    """Write a page with up to 300 numbers of two digits; what is on it stays when more come."""
    chance = np.random.default_rng(0)
    picture = np.full((*PAGE_HW, 3), 230, np.uint8)
    rows, columns = (side // CELL_PX for side in PAGE_HW)
    for place in chance.permutation(rows * columns)[:numbers].tolist():
        corner = place % columns * CELL_PX + 10, place // columns * CELL_PX + 56
        number = str(chance.integers(10, 100))
        cv2.putText(picture, number, corner, cv2.FONT_HERSHEY_SIMPLEX, 1.4, (30, 30, 30), 4, cv2.LINE_AA)
    return picture


def without_text() -> list[Frame]:
    """Return an even surface, a slow change from dark to light, and coarse stains."""
    ramp = np.linspace(40, 220, PAGE_HW[1]).astype(np.uint8)
    stains = np.random.default_rng(0).integers(60, 200, (3, 4, 3), np.uint8)
    return [
        np.full((*PAGE_HW, 3), 127, np.uint8),
        np.ascontiguousarray(np.broadcast_to(ramp[None, :, None], (*PAGE_HW, 3))),
        np.asarray(cv2.resize(stains, PAGE_HW[::-1], interpolation=cv2.INTER_CUBIC), np.uint8),
    ]


def run(made: Sequence[Case], seconds: float, say: Callable[[int, float], None]) -> int:
    """Read everything in rounds until the time is over; return how many, and say after each how many and how long."""
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
    """Return one for each part that took time; a size that came twice (as many regions were found) counts as one."""
    found = []
    for what, part in itertools.product(WHATS, (WHOLE, *STAGES)):
        times_ms: dict[float, list[float]] = {}
        for case in made:
            if case.what == what:
                times_ms.setdefault(case.size, []).extend(case.times_ms[part])
        points = []
        for size, times in sorted(times_ms.items()):
            p50, p90 = np.percentile(times, (50, 90)).round(4).tolist()
            points.append(Point(size=size, p50_ms=p50, p90_ms=p90, runs=len(times)))
        if min(point.p50_ms for point in points[-FEWEST_SIZES:]) > 0:
            found.append(curve(what, part, points))
    return found


def curve(what: What, part: str, points: Sequence[Point]) -> Curve:
    """Return the curve through `FEWEST_SIZES` points or more, with the exponent of their upper half."""
    upper = points[-max(len(points) // 2, FEWEST_SIZES) :]
    sizes, times = ([math.log(getattr(point, name)) for point in upper] for name in ("size", "p50_ms"))
    exponent, low, high = cast("Trend", line(sizes, times))
    linear = low <= 1 + MARGIN
    return Curve(what=what, part=part, points=list(points), exponent=exponent, low=low, high=high, linear=linear)


def describe(bundle: Bundle, reader: Reader, rounds: int, made: Sequence[Case]) -> Growth:
    """Return the report of what was measured."""
    found, empty = curves(made), [case for case in made if case.what is None]
    calls = sum(case.calls for case in empty)
    return Growth(
        **of_bundle(bundle, reader),
        command=command_line(),
        rounds=rounds,
        margin=MARGIN,
        curves=found,
        photos_without_text=len(empty),
        recognizer_calls_without_text=calls,
        recognizer_ms_without_text=sum(sum(case.times_ms["recognize"]) for case in empty),
        passed=all(curve.linear for curve in found) and calls == 0,
    )


def table(report: Growth) -> str:
    """Lay out the curves' ends, exponents and verdicts, and what photos without text cost."""
    lines = [f"{'size':<11} {'part':<10} {'from ... to':>31}  {'exponent':<26} "]
    for found in report.curves:
        first, last = found.points[0], found.points[-1]
        ends = f"{first.p50_ms:.2f} ms at {first.size:g} ... {last.p50_ms:.2f} ms at {last.size:g}"
        exponent = f"{found.exponent:.2f} ({found.low:.2f} to {found.high:.2f})"
        verdict = "" if found.linear else "FASTER"
        lines.append(f"{found.what:<11} {found.part:<10} {ends:>36}  {exponent:<22} {verdict}".rstrip())
    lines.append(
        f"{report.photos_without_text} photos without text: {report.recognizer_calls_without_text} calls of the "
        f"recognizer, {report.recognizer_ms_without_text:.1f} ms"
    )
    batch = next(found for found in report.curves if found.what == "batch" and found.part == WHOLE).points
    lines.append(f"a crop: {batch[0].each_ms:.2f} ms alone, {batch[-1].each_ms:.2f} ms of {batch[-1].size:g} at once")
    return "\n".join([*lines, "PASS" if report.passed else "FAIL"])
