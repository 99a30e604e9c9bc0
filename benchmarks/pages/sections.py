"""The parts of a report: each figure a chart, a key, remarks, and a table of the numbers behind it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from .nodes import Node

TITLE = "EdgeReader, measured"
Key = tuple[str, str, str]
"""A mark's shape ("bar", "dot", "line"), its class, and what it says."""


@dataclass(frozen=True)
class Table:
    """Numbers as text, the first column naming the row."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Figure:
    """One chart with its numbers; without a chart, the table stands alone."""

    title: str
    table: Table
    charts: Sequence[Node] = ()
    key: Sequence[Key] = ()
    remarks: Sequence[str] = ()


@dataclass(frozen=True)
class Section:
    """Figures that belong together."""

    title: str
    figures: Sequence[Figure]
    remarks: Sequence[str] = field(default_factory=tuple)
