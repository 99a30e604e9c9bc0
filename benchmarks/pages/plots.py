"""Charts of one figure against another: accuracy against latency, growth, throughput against batch, a soak."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .axes import Axis, short, width_px
from .labels import Box, place, spread
from .nodes import Node, node, path
from .rows import bottom_axis, canvas, dot, line, words

HEIGHT_PX, TOP_PX, FOOT_PX, LEFT_PX, RIGHT_PX = 300.0, 28.0, 40.0, 46.0, 14.0


@dataclass(frozen=True)
class Labelled:
    """A point with a name."""

    name: str
    x: float
    y: float
    class_: str


@dataclass(frozen=True)
class Line:
    """Points that are joined; a name is written at the last one."""

    name: str
    points: list[tuple[float, float]]
    class_: str
    dots: bool = True


Axes = Callable[[float, float], Axis]
"""Makes an axis for its start and end, px."""


def scatter(title: str, points: Sequence[Labelled], x: Axes, y: Axes, units: tuple[str, str], width: float) -> Node:
    """Points with their names beside them."""
    across, up = x(LEFT_PX, width - RIGHT_PX), y(HEIGHT_PX - FOOT_PX, TOP_PX)
    places = [(across.at(point.x), up.at(point.y)) for point in points]
    room = Box(LEFT_PX + 2, TOP_PX, width, HEIGHT_PX - FOOT_PX - 2)
    marks = frame(across, up, units)
    for point, (px, py), box in zip(points, places, place(places, [each.name for each in points], room), strict=True):
        middle = (box.top + box.bottom) / 2
        if abs(middle - py) > 1:
            marks.append(line(px, py, *box.nearest((px, py)), "leader"))
        hint = f"{point.name}: {short(point.x)} {units[0]}, {short(point.y)} {units[1]}"
        marks += [
            dot(px, py, 5.5, f"fill ringed {point.class_}", hint),
            words(box.left, middle + 4, point.name, f"label {point.class_}"),
        ]
    return canvas(title, width, HEIGHT_PX, marks)


def lines(title: str, drawn: Sequence[Line], x: Axes, y: Axes, units: tuple[str, str], width: float) -> Node:
    """Lines with their names at their right ends."""
    named = [each.name for each in drawn if each.name]
    right = max([RIGHT_PX, *(width_px(name) + 14 for name in named)])
    across, up = x(LEFT_PX, width - right), y(HEIGHT_PX - FOOT_PX, TOP_PX)
    marks = frame(across, up, units)
    for each in drawn:
        places = [(across.at(px), up.at(py)) for px, py in each.points]
        marks.append(node("path", d=path(places), class_=f"line {each.class_}"))
        if each.dots:
            hints = [f"{each.name} {short(px)} {units[0]}: {short(py)} {units[1]}".strip() for px, py in each.points]
            marks += [dot(*at, 3, f"fill {each.class_}", hint) for at, hint in zip(places, hints, strict=True)]
    return canvas(title, width, HEIGHT_PX, marks + _ends([each for each in drawn if each.name], across, up))


def _ends(drawn: Sequence[Line], across: Axis, up: Axis) -> list[Node]:
    ends = [(across.at(each.points[-1][0]), up.at(each.points[-1][1])) for each in drawn]
    heights = spread([y for _, y in ends], TOP_PX + 4, HEIGHT_PX - FOOT_PX)
    marks = []
    for each, (x, y), height in zip(drawn, ends, heights, strict=True):
        if abs(height - y) > 2:
            marks.append(line(x + 4, y, across.end + 7, height, "leader"))
        marks.append(words(across.end + 9, height + 4, each.name, f"label {each.class_}"))
    return marks


def frame(across: Axis, up: Axis, units: tuple[str, str]) -> list[Node]:
    """Both axes with their grids; the unit of the upright one stands above it."""
    marks = [words(0, 14, units[1], "unit"), *bottom_axis(across, up.end, up.start, units[0])]
    for tick in up.ticks(38):
        marks += [
            line(across.start, up.at(tick), across.end, up.at(tick), "grid"),
            words(across.start - 6, up.at(tick) + 4, short(tick), "tick", "end"),
        ]
    return marks
