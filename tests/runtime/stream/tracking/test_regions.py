import numpy as np
import pytest

from edgereader.runtime.geometry.images import box
from edgereader.runtime.stream.settings import Number
from edgereader.runtime.stream.tracking.regions import MARGIN, Regions

LEFT = [(0.1, 0.2), (0.4, 0.2), (0.4, 0.5), (0.1, 0.5)]
RIGHT = [(0.6, 0.2), (0.9, 0.2), (0.75, 0.6)]


@pytest.fixture
def frame():
    return np.random.default_rng(0).integers(0, 256, (200, 400, 3), np.uint8)


def test_without_regions_the_frame_itself_is_looked_at(frame):
    view = Regions([Number()]).view(frame)
    assert np.shares_memory(view.picture, frame)
    assert view.picture.shape == frame.shape
    assert view.offset_xy.tolist() == [0, 0]


def test_the_regions_common_bounding_box_with_a_margin_is_looked_at(frame):
    view = Regions([Number(name="a", region=LEFT), Number(name="b", region=RIGHT)]).view(frame)
    margin = MARGIN * (360 - 40)
    assert view.offset_xy.tolist() == [40 - margin, 40 - margin]
    assert view.picture.shape == (80 + 2 * margin, 320 + 2 * margin, 3)
    left, top = view.offset_xy.astype(int)
    assert (view.picture[0, 0] == frame[top, left]).all()
    assert np.shares_memory(view.picture, frame)


def test_a_region_at_the_edge_stays_inside(frame):
    view = Regions([Number(region=[(0, 0), (1, 0), (1, 1)])]).view(frame)
    assert view.picture.shape == frame.shape
    tiny = Regions([Number(region=[(1, 1), (1, 1), (1, 1)])]).view(frame)
    assert min(tiny.picture.shape) >= 1


def test_a_number_without_region_takes_the_whole_picture_and_the_rest(frame):
    one, rest = Number(name="one", region=LEFT), Number(name="rest")
    regions = Regions([one, rest])
    assert regions.view(frame).picture.shape == frame.shape
    assert regions.number_of(box(60, 50, 50, 20), frame) is one
    assert regions.number_of(box(300, 150, 50, 20), frame) is rest


def test_a_quad_belongs_to_the_region_its_centre_is_in(frame):
    left, right = Number(name="left", region=LEFT), Number(name="right", region=RIGHT)
    regions = Regions([left, right])
    assert regions.number_of(box(20, 60, 80, 20), frame) is left
    assert regions.number_of(box(290, 45, 20, 10), frame) is right
    assert regions.number_of(box(250, 100, 10, 10), frame) is None, "below the triangle's edge"
    overlapping = Regions([left, Number(name="also", region=LEFT)])
    assert overlapping.number_of(box(60, 50, 50, 20), frame) is left


def test_masked_parts_are_filled_in_a_copy_and_are_nobodys(frame):
    before = frame.copy()
    regions = Regions([Number()], [LEFT])
    view = regions.view(frame)
    inside = view.picture[45:95, 45:155]
    assert inside.std(axis=(0, 1)).max() == 0
    assert inside[0, 0] == pytest.approx(frame.mean(axis=(0, 1)), abs=8)
    assert (view.picture[110:] == frame[110:]).all()
    assert (frame == before).all()
    assert regions.number_of(box(60, 50, 50, 20), frame) is None
    assert np.shares_memory(regions.part(frame).picture, frame)


def test_a_mask_in_a_region_lies_where_it_is(frame):
    view = Regions([Number(region=LEFT)], [[(0.2, 0.3), (0.3, 0.3), (0.3, 0.4), (0.2, 0.4)]]).view(frame)
    left, top = view.offset_xy.astype(int)
    masked = (view.picture != frame[top : top + view.picture.shape[0], left : left + view.picture.shape[1]]).any(2)
    rows, columns = np.flatnonzero(masked.any(1)) + top, np.flatnonzero(masked.any(0)) + left
    assert (rows[0], rows[-1], columns[0], columns[-1]) == pytest.approx((60, 80, 80, 120), abs=1)


def test_frames_may_change_their_size(frame):
    number = Number(region=LEFT)
    regions = Regions([number], [RIGHT])
    small, large = regions.view(frame).picture.shape, regions.view(frame.repeat(2, 0).repeat(2, 1)).picture.shape
    assert large == pytest.approx((2 * small[0], 2 * small[1], 3), abs=2)
    assert regions.number_of(box(160, 120, 20, 20), np.zeros((400, 800, 3), np.uint8)) is number
    assert regions.view(frame).picture.shape == small
