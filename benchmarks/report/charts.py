"""Charts as SVG elements for a page, whose colours they take: by daylight, and in the dark."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from io import StringIO
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..tables import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {
    "page": ("#ffffff", "#12161b"), "text": ("#1b1f24", "#e8ebee"), "quiet": ("#59636e", "#9ba5b0"),
    "grid": ("#e8ebef", "#272e36"), "ours": ("#0b62c4", "#6cb1ff"), "theirs": ("#66707c", "#a3adb8"),
    "limit": ("#c2410c", "#ff9a5c"), "grey": ("#7f8791", "#9aa3ad"), "brown": ("#9a6a12", "#e3b341"),
    "purple": ("#a2468f", "#dc8fcb"), "blue": ("#2089a8", "#5fc4de"), "green": ("#1a7f5a", "#57c99a"),
}  # fmt: skip
"""A page's variables: by daylight and in the dark. Charts are drawn by daylight, and refer to the variables."""
PAGE, TEXT, QUIET, GRID, OURS, THEIRS, LIMIT, GREY, BROWN, PURPLE, BLUE, GREEN = (day for day, _ in COLOURS.values())
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none", "text.parse_math": False, "font.family": "DejaVu Sans", "font.size": 9.5,
    "text.color": TEXT, "axes.labelcolor": QUIET, "xtick.labelcolor": QUIET, "ytick.labelcolor": QUIET,
    "xtick.bottom": False, "ytick.left": False, "axes.edgecolor": GRID, "axes.spines.left": False,
    "axes.spines.right": False, "axes.spines.top": False, "axes.grid": True, "axes.axisbelow": True,
    "grid.color": GRID, "legend.frameon": False, "legend.labelcolor": QUIET, "legend.fontsize": 8.5,
    "axes.facecolor": "none", "figure.facecolor": "none", "savefig.facecolor": "none",
}  # fmt: skip
WIDTH_IN = 4.6
"""So that texts can be read on a phone, and two charts stand beside one another on a screen."""
HEIGHT_IN = 2.9
LONGEST_NAME = 28
APART = 0.065
"""Between two names at the right of a chart, as a share of its height."""
UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
Scale = Literal["log", "zero", "near"]
"""Logarithmic; linear from zero; or linear around the values, so that small noise does not look large."""
LEAST = 0.1
"""Share of its largest value that an axis around values spans at least."""


@dataclass(frozen=True)
class Line:
    """Points that are joined; the name is written at the right, at the height of the last one."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: str
    style: str = "-"
    marker: str = ""


def svg(title: str, height_in: float, draw: Callable[[Axes], None]) -> str:
    """Return a chart as an element of a page; the same figures give the same text."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    stream = StringIO()
    with rc_context({**STYLE, "svg.hashsalt": title}):
        figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
        draw(figure.add_subplot())
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(stream, format="svg", metadata=nothing)
    return _inline(stream.getvalue(), title)


def _inline(text: str, title: str) -> str:
    """Return the element alone, without what would hold for the whole page."""
    found = text[text.index("<svg") :]
    found = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", found, count=1, flags=re.DOTALL)
    found = re.sub(r'<g id="[^"]*"', "<g", found)
    for name, (day, _) in COLOURS.items():
        found = found.replace(day, f"var(--{name})")
    return found.replace("<svg", f'<svg role="img" aria-label="{escape(printable(title))}"', 1)


def printable(text: str) -> str:
    """Return text without characters that neither XML nor a reader wants."""
    return UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def rows(axes: Axes, names: Sequence[tuple[str, str]], ours: Sequence[bool], unit: str) -> None:
    """Write names, and notes below them, at the left from the top down; their marks lie at the heights 0, 1, 2, ..."""
    axes.set_yticks(range(len(names)), [_fitted(name) for name, _ in names], va="bottom")
    for row, (label, (_, note), own) in enumerate(zip(axes.get_yticklabels(), names, ours, strict=True)):
        label.set_color(OURS if own else TEXT)
        place: dict[str, Any] = {
            "xycoords": ("axes fraction", "data"),
            "textcoords": "offset points",
            "ha": "right",
            "va": "top",
        }
        axes.annotate(_fitted(note), (0, row), (-3.5, -2), fontsize=8.5, color=QUIET, annotation_clip=False, **place)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(unit)


def _fitted(name: str) -> str:
    text = printable(name)
    return text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 1]}…"


def legend(axes: Axes, columns: int) -> None:
    """Explain the labelled marks below a chart, of each label the first."""
    marks, labels = axes.get_legend_handles_labels()
    first = dict(zip(reversed(labels), reversed(marks), strict=True))
    known = {label: first[label] for label in labels}
    figure: Any = axes.figure
    figure.legend(
        known.values(), known.keys(), loc="outside lower left", ncols=columns, handlelength=1.4, columnspacing=1.2
    )


def scale(
    axes: Axes, which: Literal["x", "y"], values: Sequence[float], kind: Scale, margin: float = 1.05
) -> tuple[float, float]:
    """Set the range and the ticks of an axis; values that have no logarithm are left out. Return the range."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    low, high = _range(values, kind, margin)
    axis = axes.xaxis if which == "x" else axes.yaxis
    axes.set(**{f"{which}scale": "log" if kind == "log" else "linear", f"{which}lim": (low, high)})
    decades = np.log10(high / low) if kind == "log" else 0.0
    steps = next(steps for most, steps in LOG_STEPS.items() if decades <= most)
    axis.set_major_locator(LogLocator(subs=steps) if kind == "log" else MaxNLocator(5))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    return low, high


LOG_STEPS: dict[float, tuple[float, ...]] = {
    0.8: (1, 1.5, 2, 3, 4, 5, 6, 8), 1.7: (1, 2, 5), 2.7: (1, 3), float("inf"): (1,)
}  # fmt: skip
"""Decades up to which a logarithmic axis has so many ticks in each."""


def _range(values: Sequence[float], kind: Scale, margin: float) -> tuple[float, float]:
    if kind == "log":
        positive = [value for value in values if value > 0] or [1.0]
        return min(positive) / margin, max(positive) * margin
    high = max([*values, 0.0])
    if kind == "zero":
        return 0.0, high * margin or 1.0
    low = min(values)
    around = max((high - low) * 0.1, (LEAST * high - (high - low)) / 2, 1e-9)
    return max(0.0, low - around), high + around


def lines(title: str, drawn: Sequence[Line], units: tuple[str, str], scales: tuple[Scale, Scale]) -> str:
    """Draw lines; of lines with the same name, the last one is named."""

    def draw(axes: Axes) -> None:
        left, _ = scale(axes, "x", [x for line in drawn for x, _ in line.points], scales[0])
        scale(axes, "y", [y for line in drawn for _, y in line.points], scales[1])
        for line in drawn:
            x, y = zip(*((max(x, left), y) for x, y in line.points), strict=True)
            axes.plot(
                x,
                y,
                color=line.colour,
                linestyle=line.style,
                marker=line.marker,
                markersize=3.5,
                linewidth=1.8 if line.marker else 1.2,
            )
        last = {line.name: (*line.points[-1], line.colour) for line in drawn if line.name}
        _name(axes, [(name, *end) for name, end in last.items()])
        _unit(axes, units)

    return svg(title, HEIGHT_IN, draw)


def scatter(title: str, points: Sequence[Line], units: tuple[str, str], top: float) -> str:
    """Draw points, each a line's last one, over a logarithmic axis; heights are from zero."""

    def draw(axes: Axes) -> None:
        scale(axes, "x", [point.points[-1][0] for point in points], "log", 1.6)
        scale(axes, "y", [top], "zero", 1.0)
        for point in points:
            axes.plot(*point.points[-1], "o", color=point.colour, markersize=7, markeredgecolor=PAGE, clip_on=False)
        _name(axes, [(point.name, *point.points[-1], point.colour) for point in points])
        _unit(axes, units)

    return svg(title, HEIGHT_IN, draw)


def _unit(axes: Axes, units: tuple[str, str]) -> None:
    axes.set_xlabel(units[0])
    axes.set_title(units[1], loc="left", fontsize=9.5, color=QUIET, x=0)


def _name(axes: Axes, places: Sequence[tuple[str, float, float, str]]) -> None:
    """Write names at the right of a chart, each at the height of its point or near it, where a fine line leads."""
    to_share = axes.transScale + axes.transLimits
    heights = [float(to_share.transform((x, y))[1]) for _, x, y, _ in places]
    for (name, x, y, colour), height in zip(places, spread(heights), strict=True):
        leader = {"arrowstyle": "-", "color": QUIET, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 3}
        axes.annotate(
            _fitted(name), (x, y), (1.03, height), xycoords="data", textcoords="axes fraction", va="center",
            color=colour, arrowprops=leader, annotation_clip=False,
        )  # fmt: skip


def spread(wanted: Sequence[float]) -> list[float]:
    """Return heights near those that are wanted, 0..1, at least ``APART``, where that has room."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    made = [min(max(height, 0.0), 1.0) for height in wanted]
    for below, above in pairwise(order):
        made[above] = max(made[above], made[below] + APART)
    if order and made[order[-1]] > 1:
        made[order[-1]] = 1.0
        for above, below in pairwise(order[::-1]):
            made[below] = min(made[below], made[above] - APART)
    return made
