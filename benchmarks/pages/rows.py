"""Charts with a row for each contender."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .axes import Axis, short, width_px
from .nodes import Node, node

WIDE_PX, NARROW_PX = 880.0, 360.0
"""For screens and for phones: every chart is drawn twice, so that its texts stay readable."""
LABEL_PX, GAP_PX, MARGIN_PX, FOOT_PX = 250.0, 14.0, 16.0, 40.0
NAME_PX = 22.0
"""Height of a row's name where it stands above."""
Draw = Callable[[Axis, float], list[Node]]
"""The marks of a row on an axis, from a height in px downwards."""


@dataclass(frozen=True)
class Row:
    """One contender's marks."""

    name: str
    note: str
    """The figure that matters most, in words."""
    draw: Draw
    ours: bool = False


def row_chart(
    title: str, rows: Sequence[Row], axis: Callable[[float, float], Axis], unit: str, height_px: float
) -> Node:
    """Draw rows of a height over one another on a common axis, which is made for its start and end in px."""
    return both(lambda width: _chart(title, rows, axis, unit, height_px, width))


def both(chart: Callable[[float], Node]) -> Node:
    """A chart for screens and one for phones, of which the page shows one."""
    made = []
    for name, width in (("wide", WIDE_PX), ("narrow", NARROW_PX)):
        drawn = chart(width)
        drawn.set("class", name)
        made.append(drawn)
    return node("div", *made, class_="chart")


def canvas(title: str, width: float, height: float, children: Sequence[Node]) -> Node:
    """A picture of this size, px, that is read out as its title."""
    return node("svg", *children, viewBox=f"0 0 {width:g} {height:g}", role="img", aria_label=title)


def line(x1: float, y1: float, x2: float, y2: float, class_: str, title: str | None = None) -> Node:
    """Draw a straight line; the title is shown by a mouse that rests on it."""
    return node("line", _hint(title), x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def bar(x1: float, x2: float, y: float, height: float, class_: str, title: str | None = None) -> Node:
    """Draw a bar, at least a pixel wide."""
    return node("rect", _hint(title), x=x1, y=y, width=max(1.0, x2 - x1), height=height, class_=class_)


def dot(x: float, y: float, radius: float, class_: str, title: str | None = None) -> Node:
    """Draw a dot."""
    return node("circle", _hint(title), cx=x, cy=y, r=radius, class_=class_)


def words(x: float, y: float, content: str, class_: str, anchor: str = "start") -> Node:
    """Write a line of text."""
    return node("text", content, x=x, y=y, class_=class_, text_anchor=anchor)


def fitting(text: str, room_px: float) -> str:
    """The text, cut where it does not fit."""
    most = max(4, int(room_px / width_px("x")))
    return text if len(text) <= most else text[: most - 1] + "…"


def _hint(title: str | None) -> Node | None:
    return None if title is None else node("title", title)


def _chart(
    title: str, rows: Sequence[Row], axis: Callable[[float, float], Axis], unit: str, height_px: float, width: float
) -> Node:
    above = width < WIDE_PX
    left = 6.0 if above else _label_px(rows)
    above_px = NAME_PX if above else 0
    each = height_px + above_px + GAP_PX
    made = axis(left, width - MARGIN_PX)
    bottom = each * len(rows)
    marks = bottom_axis(made, 0, bottom, unit)
    for index, row in enumerate(rows):
        top = index * each + above_px
        marks += [*_label(row, top, height_px, left, width, above), *row.draw(made, top + GAP_PX / 2)]
    return canvas(title, width, bottom + FOOT_PX, marks)


def _label_px(rows: Sequence[Row]) -> float:
    longest = max((max(width_px(row.name) * 1.08, width_px(row.note)) for row in rows), default=0)
    return min(LABEL_PX, longest + 8) + GAP_PX


def _label(row: Row, top: float, height_px: float, left: float, width: float, above: bool) -> list[Node]:  # noqa: FBT001  one caller
    name = "name ours" if row.ours else "name"
    if above:
        room = width - width_px(row.note) - GAP_PX
        return [words(0, top, fitting(row.name, room / 1.08), name), words(width, top, row.note, "note", "end")]
    middle = top + (height_px + GAP_PX) / 2
    room = left - GAP_PX
    return [
        words(0, middle - 2, fitting(row.name, room / 1.08), name),
        words(0, middle + 14, fitting(row.note, room), "note"),
    ]


def bottom_axis(axis: Axis, top: float, bottom: float, unit: str) -> list[Node]:
    """Lines of a grid from top to bottom, with their values and the unit below."""
    made = []
    for tick in axis.ticks(56):
        made += [line(axis.at(tick), top, axis.at(tick), bottom, "grid")]
        made += [words(axis.at(tick), bottom + 15, short(tick), "tick", "middle")]
    return [*made, words((axis.start + axis.end) / 2, bottom + 32, unit, "unit", "middle")]
