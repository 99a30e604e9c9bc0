import itertools
import random

import pytest

from edgereader.benchmarks.pages.axes import width_px
from edgereader.benchmarks.pages.labels import Box, place, spread

ROOM = Box(48, 28, 360, 258)


@pytest.mark.parametrize("seed", range(20))
def test_no_label_covers_another_or_a_point(seed):
    chosen = random.Random(seed)
    points = [(chosen.uniform(60, 340), chosen.uniform(40, 240)) for _ in range(7)]
    boxes = place(points, ["edgereader int8"] * 3 + ["rapidocr"] * 4, ROOM)
    assert all(box.within(ROOM) for box in boxes)
    assert not any(one.meets(other) for one, other in itertools.combinations(boxes, 2))
    assert not any(box.meets(Box(x - 5, y - 5, x + 5, y + 5)) for box in boxes for x, y in points)


def test_a_label_that_has_room_is_beside_its_point_and_as_wide_as_its_text():
    (box,) = place([(100, 100)], ["rapidocr"], ROOM)
    assert (box.left, (box.top + box.bottom) / 2) == (109, 100)
    assert box.right - box.left == width_px("rapidocr")


def test_labels_without_room_are_placed_all_the_same():
    assert len(place([(100, 100)] * 3, ["x" * 90] * 3, ROOM)) == 3


def test_heights_are_spread_in_their_order():
    made = spread([10, 11, 12, 200], 0, 100)
    assert made == sorted(made)
    assert all(after - before >= 15 for before, after in itertools.pairwise(made))
    assert made[-1] <= 100
    assert spread([], 0, 100) == []
    assert spread([50, 20], 0, 100) == [50, 20]
