"""Where labels go so that none covers another, a point, or the line from another to its point."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from .axes import width_px

LINE_PX, POINT_PX, FAR = 15.0, 6.0, 1e6
Place = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A rectangle, px."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        """Whether two rectangles share a place."""
        beside = self.right <= other.left or other.right <= self.left
        return not (beside or self.bottom <= other.top or other.bottom <= self.top)

    def within(self, other: "Box") -> bool:
        """Whether this rectangle lies inside another."""
        across = self.left >= other.left and self.right <= other.right
        return across and self.top >= other.top and self.bottom <= other.bottom

    def nearest(self, point: Place) -> Place:
        """The place of this rectangle that is nearest to a point."""
        return min(max(point[0], self.left), self.right), min(max(point[1], self.top), self.bottom)


def place(points: Sequence[Place], labels: Sequence[str], room: Box) -> list[Box]:
    """A box for each label beside its point or as near to it as there is room, px."""
    wide = [width_px(label) for label in labels]
    order = list(range(len(points)))
    orders = [order, order[::-1], sorted(order, key=lambda index: wide[index])]
    return min((_place(points, wide, room, each) for each in orders), key=lambda made: made[0])[1]


def _place(points: Sequence[Place], wide: Sequence[float], room: Box, order: Sequence[int]) -> tuple[float, list[Box]]:
    """Labels one after the other, each where it is nearest to its point; also how far they are off altogether."""
    off, made = 0.0, dict[int, Box]()
    dots = {index: _around(*point, POINT_PX) for index, point in enumerate(points)}
    taken: list[Box] = []
    for index in order:
        others = taken + [each for other, each in dots.items() if other != index]
        x, y = points[index]
        tries = [each for each in enumerate(_tries(x, y, wide[index])) if each[1].within(room)]
        free = (each for each in tries if _free(_drawn((x, y), each[1]), others))
        rank, made[index] = next(free, (FAR, _beside(x, y, wide[index], 1)))
        off += rank
        taken += _drawn((x, y), made[index])
    return off, [made[index] for index in range(len(points))]


def _free(boxes: Sequence[Box], others: Sequence[Box]) -> bool:
    return not any(each.meets(other) for each in boxes for other in others)


def _tries(x: float, y: float, wide: float) -> list[Box]:
    steps = [0.0, *(sign * step * LINE_PX for step in range(1, 13) for sign in (-1, 1))]
    return [_beside(x, y + step, wide, side) for step in steps for side in (1, -1, 0) if step or side]


def _beside(x: float, y: float, wide: float, side: int) -> Box:
    left = {1: x + 9, -1: x - 9 - wide, 0: x - wide / 2}[side]
    return Box(left, y - LINE_PX / 2, left + wide, y + LINE_PX / 2)


def _drawn(point: Place, box: Box) -> list[Box]:
    """A label, and small boxes along the line from its point to it."""
    (x, y), (near_x, near_y) = point, box.nearest(point)
    steps = [step / 6 for step in range(1, 6)]
    return [box, *(_around(x + step * (near_x - x), y + step * (near_y - y), 1) for step in steps)]


def _around(x: float, y: float, radius: float) -> Box:
    return Box(x - radius, y - radius, x + radius, y + radius)


def spread(wanted: Sequence[float], low: float, high: float, apart: float = LINE_PX) -> list[float]:
    """Heights near those that are wanted, at least so far apart and from low to high, px, where that has room."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    made = [min(max(each, low), high) for each in wanted]
    for before, after in pairwise(order):
        made[after] = max(made[after], made[before] + apart)
    if order and made[order[-1]] > high:
        made[order[-1]] = high
        for after, before in pairwise(order[::-1]):
            made[before] = min(made[before], made[after] - apart)
    return made
