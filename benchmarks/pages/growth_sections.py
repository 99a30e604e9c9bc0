"""The parts of a page that `edgereader bench growth` fills."""

from collections.abc import Mapping, Sequence
from functools import partial

from ..speed.results import STAGES, Curve, Growth
from ..tables import NONE
from .axes import log_axis, short, steady, zero_axis
from .nodes import Node
from .plots import Line, lines
from .rows import both
from .sections import Figure, Key, Section, Table

SIZES = {"megapixels": "megapixels", "regions": "regions of text", "batch": "crops a batch"}
GROWTH_REMARK = (
    "Both axes are logarithmic, so that a straight line of slope 1 is linear growth. The exponent is that of the upper "
    "half of the sizes, with its 95 % confidence interval; it may be {:g} above 1, for what caches do."
)
EMPTY_REMARK = (
    "In {0.photos_without_text} photos without text, the recogniser ran {0.recogniser_calls_without_text} times in "
    "{0.rounds} rounds, for {0.recogniser_ms_without_text:.1f} ms."
)


def growth_sections(growth: Growth) -> list[Section]:
    """Cost against size, and what photos without text cost."""
    figures = [
        _growth(what, curves) for what in SIZES if (curves := [each for each in growth.curves if each.what == what])
    ]
    figures += _rates([each for each in growth.curves if each.what == "batch" and each.part in {"whole", "recognise"}])
    verdict = "PASS" if growth.passed else "FAIL"
    remarks = [
        f"{verdict}: {growth.bundle} on {growth.backend}, {growth.precision}; {too_fast(growth)}.",
        GROWTH_REMARK.format(growth.margin),
        EMPTY_REMARK.format(growth),
    ]
    return [Section(f"Growth: {verdict}", figures, remarks)] if figures else []


def too_fast(growth: Growth) -> str:
    """What grows faster than linearly, in words."""
    found = [
        f"{each.part} with {each.what} ({each.low:.2f} to {each.high:.2f})" for each in growth.curves if not each.linear
    ]
    return f"faster than linearly: {', '.join(found)}" if found else "nothing grows faster than linearly"


def _colour(part: str) -> str:
    return f"s{STAGES.index(part)}" if part in STAGES else "whole-part"


def _growth(what: str, curves: Sequence[Curve]) -> Figure:
    sizes = sorted({point.size for curve in curves for point in curve.points})
    times = [point.p50_ms for curve in curves for point in curve.points if point.p50_ms > 0]
    drawn = [_line(curve) for curve in curves if any(point.p50_ms > 0 for point in curve.points)]
    drawn += _reference(curves, sizes, times)
    title = f"Time against {SIZES[what]}"

    def chart(width: float) -> Node:
        x, y = partial(log_axis, sizes, margin=1.05), partial(log_axis, times)
        return lines(title, drawn, x, y, (SIZES[what], "ms, p50"), width)

    rows = [
        [curve.part, *_at({point.size: point.p50_ms for point in curve.points}, sizes), *_verdict(curve)]
        for curve in curves
    ]
    header = ["part", *(f"{short(size)}" for size in sizes), "exponent", "95 %", "grows"]
    key: list[Key] = [("line", "reference", "linear growth")]
    at_edge = ["Size 0 has no place on a logarithmic axis; it is drawn at the left edge."] if 0 in sizes else []
    return Figure(title, Table(header, rows), [both(chart)], key, at_edge)


def _line(curve: Curve) -> Line:
    points = sorted((point.size, point.p50_ms) for point in curve.points if point.p50_ms > 0)
    return Line(curve.part, points, _colour(curve.part))


def _reference(curves: Sequence[Curve], sizes: Sequence[float], times: Sequence[float]) -> list[Line]:
    """A line of slope 1 that ends where the whole, or the first of the curves, ends."""
    chosen = next((each for each in curves if each.part == "whole"), curves[0])
    points = _line(chosen).points
    positive = [size for size in sizes if size > 0]
    if not points or not positive or points[-1][0] <= 0:
        return []
    (size, time), lowest = points[-1], min(times)
    start = max(positive[0], size * lowest / time)
    return [Line("", [(start, time * start / size), (size, time)], "reference", dots=False)]


def _at(found: Mapping[float, float], sizes: Sequence[float]) -> list[str]:
    return [steady(found[size]) if size in found else NONE for size in sizes]


def _verdict(curve: Curve) -> list[str]:
    words = "linearly or slower" if curve.linear else "FASTER than linearly"
    return [f"{curve.exponent:.2f}", f"{curve.low:.2f} to {curve.high:.2f}", words]


def _rates(curves: Sequence[Curve]) -> list[Figure]:
    """The same curves as crops a second."""
    drawn = [
        Line(each.name, [(size, 1000 * size / time) for size, time in each.points if size > 0], each.class_)
        for each in map(_line, curves)
    ]
    drawn = [each for each in drawn if each.points]
    if not drawn:
        return []
    sizes = sorted({size for each in drawn for size, _ in each.points})
    rates = [rate for each in drawn for _, rate in each.points]

    def chart(width: float) -> Node:
        x, y = partial(log_axis, sizes, margin=1.05), partial(zero_axis, rates, margin=1.05)
        return lines("Throughput against batch", drawn, x, y, (SIZES["batch"], "crops a second"), width)

    rows = [[each.name, *_at(dict(each.points), sizes)] for each in drawn]
    return [Figure("Throughput against batch", Table(["part", *map(short, sizes)], rows), [both(chart)])]
