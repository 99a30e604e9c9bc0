import numpy as np
import pytest

from edgereader.runtime.geometry.images import box
from edgereader.runtime.stream.tracking.quads import BEST_PX, height, inside, is_cut, shift, straightened


@pytest.fixture
def frame():
    return np.zeros((400, 600, 3), np.uint8)


def test_a_still_text_that_loses_an_end_has_not_moved():
    whole, turned = box(100, 100, 120, 40), np.float32([[100, 100], [200, 130], [190, 165], [90, 135]])
    for quad in (whole, turned):
        along = (quad[1] - quad[0]) / 4
        cut = quad.copy()
        cut[[0, 3]] += along
        assert not shift(quad, cut).any()
        assert not shift(quad, quad + np.float32([3, -2])).any(), "jitter"
        assert shift(quad, quad + 3 * along) == pytest.approx(3 * along, abs=1)
        assert shift(cut, quad + 3 * along) == pytest.approx(2 * along, abs=1), "it came in from an edge"
    assert shift(whole, whole + np.float32([0, 30])) == pytest.approx([0, 30], abs=1)


def test_pictures_are_upright_and_not_too_large(frame):
    frame[:] = 0
    frame[200:240, 100:300, 2] = 255
    standing = np.ascontiguousarray(np.rot90(frame))
    quad = np.float32([[200, 500], [200, 300], [240, 300], [240, 500]])
    assert (straightened(standing, quad)[..., 2] > 250).mean() > 0.95
    assert straightened(standing, quad).shape[:2] == (40, 200)
    assert max(straightened(np.zeros((900, 3000, 3), np.uint8), box(0, 0, 2900, 800)).shape) == BEST_PX


def test_quads_are_cut_to_the_frame(frame):
    assert inside(box(560, 100, 60, 40), frame)[:, 0].max() == 599
    assert inside(box(590, 100, 60, 40), frame) is None
    assert inside(box(-500, -500, 60, 40), frame) is None


def test_what_touches_the_edge_may_be_cut_off(frame):
    assert is_cut(box(500, 100, 99, 40), frame)
    assert is_cut(box(3, 100, 99, 40), frame)
    assert not is_cut(box(60, 60, 99, 40), frame)


def test_the_height_is_across_the_text():
    assert height(np.float32([[200, 500], [200, 300], [240, 300], [240, 500]])) == 40
