"""The parts of a page that `edgereader bench growth` fills."""

from collections.abc import Mapping, Sequence

from ...export.card import NONE
from ..speed.results import Curve, Growth
from ..tables import short, steady
from .charts import QUIET, TEXT, Line, lines
from .contender_charts import STAGE_COLOURS
from .sections import Figure, Section, Table

SIZES = {"megapixels": "megapixels", "regions": "regions of text", "batch": "crops a batch"}
GROWTH_REMARK = (
    "Both axes are logarithmic, so that a straight line of slope 1 is linear growth. The exponent is that of the upper "
    "half of the sizes, with its 95 % confidence interval; it may be {:g} above 1, for what caches do."
)
EMPTY_REMARK = (
    "In {0.photos_without_text} photos without text, the recognizer ran {0.recognizer_calls_without_text} times in "
    "{0.rounds} rounds, for {0.recognizer_ms_without_text:.1f} ms."
)


def growth_sections(growth: Growth) -> list[Section]:
    """Return cost against size, and what photos without text cost."""
    by_size = {what: [curve for curve in growth.curves if curve.what == what] for what in SIZES}
    figures = [_growth(what, curves) for what, curves in by_size.items() if curves]
    figures += _rates([curve for curve in by_size["batch"] if curve.part in {"whole", "recognize"}])
    verdict = "PASS" if growth.passed else "FAIL"
    remarks = [
        f"{verdict}: {growth.bundle} on {growth.backend}, {growth.precision}; {too_fast(growth)}.",
        GROWTH_REMARK.format(growth.margin),
        EMPTY_REMARK.format(growth),
    ]
    return [Section(f"Growth: {verdict}", figures, remarks)] if figures else []


def too_fast(growth: Growth) -> str:
    """Return what grows faster than linearly, in words."""
    found = [
        f"{curve.part} with {curve.what} ({curve.low:.2f} to {curve.high:.2f})"
        for curve in growth.curves
        if not curve.linear
    ]
    return f"faster than linearly: {', '.join(found)}" if found else "nothing grows faster than linearly"


def _growth(what: str, curves: Sequence[Curve]) -> Figure:
    sizes = sorted({point.size for curve in curves for point in curve.points})
    drawn = [line for line in map(line_of, curves) if line.points]
    title, units = f"Time against {SIZES[what]}", (SIZES[what], "ms, p50, and what linear growth would be")
    charts = [lines(title, [*reference(drawn), *drawn], units, ("log", "log"))] if drawn else []
    rows = [
        [
            curve.part, *_at({point.size: point.p50_ms for point in curve.points}, sizes), f"{curve.exponent:.2f}",
            f"{curve.low:.2f} to {curve.high:.2f}", "linearly or slower" if curve.linear else "FASTER than linearly",
        ]
        for curve in curves
    ]  # fmt: skip
    header = ["part", *map(short, sizes), "exponent", "95 %", "grows"]
    at_edge = ["Size 0 has no place on a logarithmic axis; it is drawn at the left edge."] if 0 in sizes else []
    return Figure(title, Table(header, rows), charts, at_edge)


def line_of(curve: Curve) -> Line:
    """Return a curve's line; a time of 0 has no logarithm, and is left out."""
    points = sorted((point.size, point.p50_ms) for point in curve.points if point.p50_ms > 0)
    return Line(curve.part, points, STAGE_COLOURS.get(curve.part, TEXT), marker="o")


def reference(drawn: Sequence[Line]) -> list[Line]:
    """Return a line of slope 1 that ends where the whole, or the first of the curves, ends."""
    chosen = next((line for line in drawn if line.name == "whole"), None) or next(iter(drawn), None)
    sizes = [size for line in drawn for size, _ in line.points if size > 0]
    if chosen is None or not sizes or chosen.points[-1][0] <= 0:
        return []
    (size, time), lowest = chosen.points[-1], min(time for line in drawn for _, time in line.points)
    start = max(min(sizes), size * lowest / time)
    return [Line("", [(start, time * start / size), (size, time)], QUIET, style="--")]


def _at(found: Mapping[float, float], sizes: Sequence[float]) -> list[str]:
    return [steady(found[size]) if size in found else NONE for size in sizes]


def _rates(curves: Sequence[Curve]) -> list[Figure]:
    """Return the same curves as crops a second."""
    times = [(curve, [point for point in line_of(curve).points if point[0] > 0]) for curve in curves]
    drawn = [
        Line(curve.part, [(size, 1000 * size / time) for size, time in points], line_of(curve).colour, marker="o")
        for curve, points in times
        if points
    ]
    if not drawn:
        return []
    sizes = sorted({size for line in drawn for size, _ in line.points})
    rows = [[line.name, *_at(dict(line.points), sizes)] for line in drawn]
    title, units = "Throughput against batch", (SIZES["batch"], "crops a second")
    return [Figure(title, Table(["part", *map(short, sizes)], rows), [lines(title, drawn, units, ("log", "zero"))])]
