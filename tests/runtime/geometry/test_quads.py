import numpy as np
import pytest

from edgereader.runtime.geometry.images import box
from edgereader.runtime.geometry.quads import overlap, pairs, sides

DIAMOND = np.array([[50, 0], [100, 50], [50, 100], [0, 50]], np.float32)


def test_overlap_by_hand():
    one, other = box(0, 0, 40, 20), box(20, 10, 40, 20)  # 800 px² each, 200 shared
    assert overlap(one, other) == pytest.approx(0.25)
    assert overlap(one, other, of="union") == pytest.approx(200 / 1400)
    assert overlap(one, box(0, 0, 40, 5), of="first") == pytest.approx(0.25)
    assert overlap(box(0, 0, 40, 5), one, of="first") == pytest.approx(1)
    assert overlap(box(0, 0, 100, 100), box(10, 10, 5, 5)) == pytest.approx(1), "a number in the window of a display"
    assert overlap(one, box(50, 0, 40, 20)) == 0
    assert overlap(one, one, of="union") == pytest.approx(1)


def test_overlap_of_tilted_quads_is_not_that_of_upright_boxes():
    assert overlap(DIAMOND, box(0, 0, 20, 20)) == pytest.approx(0, abs=0.01)
    assert overlap(DIAMOND, box(0, 0, 100, 100), of="union") == pytest.approx(0.5)
    assert overlap(DIAMOND[::-1], DIAMOND) == pytest.approx(1), "either direction"
    assert overlap(np.roll(DIAMOND, 2, axis=0), DIAMOND) == pytest.approx(1), "any first corner"


@pytest.mark.parametrize("of", ["smaller", "union", "first"])
def test_quads_without_an_area_share_nothing(of):
    line = np.array([[0, 0], [10, 0], [10, 0], [0, 0]], np.float32)
    assert overlap(line, box(0, 0, 10, 10), of=of) == 0
    assert overlap(line, line, of=of) == 0


def test_sides_run_along_the_text_and_across_it():
    right, down = sides(box(5, 6, 40, 20))
    assert (right.tolist(), down.tolist()) == ([40, 0], [0, 20])
    right, down = sides(DIAMOND)
    assert (right.tolist(), down.tolist()) == ([50, 50], [-50, 50])


def test_intersection_over_union_by_hand():
    square = box(0, 0, 10, 10)
    assert overlap(square, square, "union") == pytest.approx(1)
    assert overlap(square, box(5, 0, 10, 10), "union") == pytest.approx(1 / 3)
    assert overlap(square, box(40, 0, 10, 10), "union") == 0
    assert overlap(square, box(3, 3, 0, 0), "union") == 0
    diamond = np.array(((5, 0), (10, 5), (5, 10), (0, 5)), np.float32)
    assert overlap(square, diamond, "union") == pytest.approx(0.5)


def test_quads_are_paired_once_the_best_first():
    quads = [box(0, 0, 10, 10), box(40, 0, 10, 10)]
    assert pairs(quads, [box(0, 0, 10, 9), box(0, 0, 10, 10), box(80, 0, 10, 10)], 0.5) == [(0, 1)]
    assert pairs(quads, quads[::-1], 0.5) == [(1, 0), (0, 1)]
