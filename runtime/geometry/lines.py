"""Lines of text: which boxes stand on one, and in which order all are read; pure functions on quads and regions."""

from collections.abc import Mapping, Sequence

import numpy as np

from .heatmaps import Region
from .images import Points
from .quads import sides

SAME_DIRECTION = 0.97
"""Boxes of one line run the same way: the cosine between them is at least this (14°)."""
SAME_HEIGHT = 0.7
"""The lower one of two boxes of a line has at least this share of the other's height."""
ASIDE = 0.3
"""Middles of two boxes of one line are no further apart across it, in heights."""
SAME_WAY = 0.7
"""Lines whose directions have at least this cosine (45°) are ordered together, as lines of one text."""


def gap(one: Points, other: Points) -> float | None:
    """Return the way from the end of a quad (4, 2) to the beginning of one that goes on in its line: in heights of the
    lower one.

    Negative where they overlap; None where they differ in direction or height, or are not on one line.
    """
    (right, down), (beside, below) = sides(one), sides(other)
    width, wide = max(float(np.hypot(*right)), 1e-6), max(float(np.hypot(*beside)), 1e-6)
    low, high = sorted((float(np.hypot(*down)), float(np.hypot(*below))))
    if low < SAME_HEIGHT * high or float(right @ beside) < SAME_DIRECTION * width * wide:
        return None
    way = (right + beside) / np.float32(np.hypot(*(right + beside)))
    between = (other[0] + other[3] - one[1] - one[2]) / 2
    if abs(float(way[0] * between[1] - way[1] * between[0])) > ASIDE * low:
        return None
    return float(way @ between) / max(low, 1e-6)


def joined(regions: Sequence[Region]) -> Region:
    """Return one region of several that follow each other: from the first one's left end to the last one's right
    end.
    """
    first, last = regions[0], regions[-1]
    quad = np.stack((first.quad[0], last.quad[1], last.quad[2], first.quad[3]))
    characters = np.concatenate([region.characters for region in regions])
    open_ends = first.open_ends[0], last.open_ends[1]
    return Region(quad, characters, max(region.score for region in regions), open_ends)


def reading_order(quads: Sequence[Points]) -> list[int]:
    """Return the order in which quads are read: row by row, see `rows`."""
    return [at for row in rows(quads) for at in row]


def rows(quads: Sequence[Points]) -> list[list[int]]:
    """Return the places of quads by rows from top to bottom, in a row from left to right, along the texts' direction.

    What stands on one line is a row, whatever is between. Where texts run in several directions, those of the direction
    with the most of them come first.
    """
    rest, found = list(range(len(quads))), list[list[int]]()
    ways = [sides(quad)[0] for quad in quads]
    units = np.array([way / max(float(np.hypot(*way)), 1e-6) for way in ways]).reshape(-1, 2)
    alike = (units @ units.T >= SAME_WAY) | np.eye(len(quads), dtype=bool)
    while rest:
        mates = alike[np.ix_(rest, rest)]
        together = [rest[at] for at in np.flatnonzero(mates[mates.sum(axis=1).argmax()])]
        way = np.sum([ways[at] for at in together], axis=0)  # a longer text tells the direction better
        found += _row_by_row({at: quads[at] for at in together}, way / max(float(np.hypot(*way)), 1e-6))
        rest = [at for at in rest if at not in together]
    return found


def _row_by_row(quads: Mapping[int, Points], way: Points) -> list[list[int]]:
    """Rows of numbered quads that all run about this way (2,), of length 1."""
    across = np.array((-way[1], way[0]))
    down = {at: float(quad.mean(axis=0) @ across) for at, quad in quads.items()}
    along = {at: float(quad.mean(axis=0) @ way) for at, quad in quads.items()}
    height = {at: float(np.hypot(*sides(quad)[1])) for at, quad in quads.items()}

    def beside(one: int, other: int) -> bool:
        return abs(down[one] - down[other]) < min(height[one], height[other]) / 2

    found: list[list[int]] = []
    for at in sorted(down, key=down.__getitem__):
        row = next((row for row in found if any(beside(at, other) for other in row)), None)
        found.append([at]) if row is None else row.append(at)
    return [sorted(row, key=along.__getitem__) for row in found]
