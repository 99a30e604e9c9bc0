import numpy as np
import pytest

from edgereader.runtime.geometry.images import box
from edgereader.runtime.geometry.quads import height, inside, is_near_edge, overlap, pairs, shift, sides

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


def test_quads_are_paired_once_the_best_first():
    quads = [box(0, 0, 10, 10), box(40, 0, 10, 10)]
    assert pairs(quads, [box(0, 0, 10, 9), box(0, 0, 10, 10), box(80, 0, 10, 10)], 0.5) == [(0, 1)]
    assert pairs(quads, quads[::-1], 0.5) == [(1, 0), (0, 1)]


def test_a_still_text_that_loses_an_end_has_not_moved():
    whole, turned = box(100, 100, 120, 40), np.array([[100, 100], [200, 130], [190, 165], [90, 135]], np.float32)
    for quad in (whole, turned):
        along = (quad[1] - quad[0]) / 4
        cut = quad.copy()
        cut[[0, 3]] += along
        assert not shift(quad, cut, 0.25).any()
        assert not shift(quad, quad + np.array([3, -2], np.float32), 0.25).any(), "jitter"
        assert shift(quad, quad + 3 * along, 0.25) == pytest.approx(3 * along, abs=1)
        assert shift(cut, quad + 3 * along, 0.25) == pytest.approx(2 * along, abs=1), "it came in from an edge"
    assert shift(whole, whole + np.array([0, 30], np.float32), 0.25) == pytest.approx([0, 30], abs=1)


def test_quads_are_cut_to_the_frame():
    assert inside(box(560, 100, 60, 40), (400, 600))[:, 0].max() == 599
    assert inside(box(590, 100, 60, 40), (400, 600)) is None
    assert inside(box(-500, -500, 60, 40), (400, 600)) is None


def test_the_height_is_across_the_text():
    assert height(np.array([[200, 500], [200, 300], [240, 300], [240, 500]], np.float32)) == 40


def test_what_is_near_an_edge():
    assert is_near_edge(box(5, 50, 20, 10), (100, 100), 6)
    assert is_near_edge(box(50, 85, 20, 10), (100, 100), 6)
    assert not is_near_edge(box(50, 50, 20, 10), (100, 100), 6)
