"""The parts of a report: each figure charts, remarks, and a table of the numbers behind them."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...export.card import markdown
from ..tables import escaped


@dataclass(frozen=True)
class Table:
    """Numbers as text, the first column naming the row."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """Return the table as Markdown, whatever its cells hold."""
        return markdown([*map(escaped, self.header)], [[*map(escaped, row)] for row in self.rows])


@dataclass(frozen=True)
class Figure:
    """Charts with their numbers; without a chart, the table stands alone."""

    title: str
    table: Table
    charts: Sequence[str] = ()
    """SVG elements, made by `charts.py`."""
    remarks: Sequence[str] = ()


@dataclass(frozen=True)
class Section:
    """Figures that belong together."""

    title: str
    figures: Sequence[Figure]
    remarks: Sequence[str] = ()
