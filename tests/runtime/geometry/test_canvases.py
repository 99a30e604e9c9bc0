from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgereader.runtime.geometry.canvases import (
    CANVAS_SIDES_PX,
    MAP_STRIDE,
    MARGIN_PX,
    MOST_TILES,
    empty_map,
    fit,
    fitted,
    inner,
    plan_fit,
    put_map,
    to_frame,
)

RNG = np.random.default_rng(0)
PHOTO = cv2.GaussianBlur(RNG.integers(0, 256, (60, 200, 3), dtype=np.uint8), (9, 9), 0)
ROOM = 1280 - 2 * MARGIN_PX


@pytest.mark.parametrize("size", [(1, 1), (480, 640), (3000, 4000), (9000, 12000), (719, 1279), (632, 1264)])
def test_frames_up_to_twice_as_long_as_wide_keep_their_ratio_in_one_canvas(size):
    for height, width in (size, size[::-1]):
        plan = plan_fit(height, width, long_side_px=1280, enlarge=1.5)
        assert plan.tiles_yx == ((0, 0),)
        scale = min(ROOM / max(size), 1.5)
        assert plan.size_hw == (max(round(height * scale), 1), max(round(width * scale), 1))
        assert all(side <= canvas <= 1280 for side, canvas in zip(plan.bordered_hw, plan.canvas_hw, strict=True))
        assert set(plan.canvas_hw) <= set(CANVAS_SIDES_PX)
        assert all(side % 32 == 0 for side in CANVAS_SIDES_PX)


def test_photos_of_all_sizes_share_a_few_canvases():
    canvases = {
        plan_fit(h, w, long_side_px=1280, enlarge=1.5).canvas_hw for h in range(900, 4000, 37) for w in (3000, 4000)
    }
    assert len(canvases) <= 16


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.sampled_from([64, 200, 384, 700, 768, 8192]), st.booleans())
def test_tiles_cover_every_frame_and_overlap(height, width, long_side_px, engine):
    most_hw = (224, 320) if engine else None
    plan = plan_fit(height, width, long_side_px=long_side_px, enlarge=1.5, most_hw=most_hw)
    assert 1 <= len(plan.tiles_yx) <= MOST_TILES
    assert set(plan.canvas_hw) <= {*CANVAS_SIDES_PX, *(most_hw or ())}
    assert max(plan.canvas_hw) <= min(side for side in CANVAS_SIDES_PX if side >= long_side_px)
    assert all(side <= most for side, most in zip(plan.canvas_hw, most_hw or plan.canvas_hw, strict=True))
    assert max(plan.scale_xy) <= 1.5 + 1 / min(height, width)
    for axis in range(2):
        starts = [tile[axis] for tile in plan.tiles_yx]
        side = plan.canvas_hw[axis]
        assert starts[0] == 0
        assert all(start % 2 == 0 for start in starts)
        assert starts[-1] + side >= plan.bordered_hw[axis]
        steps = np.diff(starts)
        assert (steps.max(initial=0) < side) if len(set(starts)) > 1 else not steps.any()


@pytest.mark.parametrize(
    ("size", "short_px", "count"),
    [((100, 12_000), 150, 31), ((600, 12_000), 376, 13), ((12_000, 600), 376, 13), ((400, 820), 376, 2)],
)
def test_long_frames_are_seen_in_as_many_tiles_as_their_short_side_needs(size, short_px, count):
    plan = plan_fit(*size, long_side_px=768, enlarge=1.5)
    assert (min(plan.size_hw), len(plan.tiles_yx)) == (short_px, count)


def test_longer_frames_than_the_most_tiles_hold_become_smaller():
    scales = [plan_fit(100, width, long_side_px=768, enlarge=1.5).scale_xy[0] for width in (10_000, 50_000, 100_000)]
    assert scales == pytest.approx([1.5, 0.3724, 0.1862], abs=1e-3)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (60, 200), (61, 199), (300, 450)])
def test_fit_writes_frame_margin_and_black(size):
    frame = cv2.resize(PHOTO, size[::-1])
    plan = plan_fit(*size, long_side_px=768, enlarge=1.5)
    canvas = np.full((*plan.canvas_hw, 3), 7, np.uint8)
    fit(frame, plan, canvas)
    height, width = plan.bordered_hw
    scaled = cv2.resize(frame, plan.size_hw[::-1])
    expected = cv2.copyMakeBorder(scaled, *(MARGIN_PX,) * 4, cv2.BORDER_REPLICATE)
    assert np.array_equal(inner(canvas, plan), scaled)
    assert np.array_equal(canvas[:height, :width], expected)
    assert not canvas[height:].any()
    assert not canvas[:, width:].any()


@pytest.mark.parametrize(
    ("size", "size_hw", "canvas_hw"),
    [
        ((1200, 1600), (480, 640), (480, 640)),
        ((333, 517), (412, 640), (416, 640)),
        ((60, 200), (90, 300), (96, 320)),
        ((9, 5000), (1, 640), (64, 640)),
    ],
)
def test_a_plain_fit_is_easyocrs(size, size_hw, canvas_hw):
    """One scale, of which broken pixels are cut off; interpolated at once; black to the next multiple of 32."""
    plan = plan_fit(*size, long_side_px=640, enlarge=1.5, plain=True)
    assert (plan.size_hw, plan.canvas_hw, plan.tiles_yx) == (size_hw, canvas_hw, ((0, 0),))
    frame = cv2.resize(PHOTO, size[::-1], interpolation=cv2.INTER_NEAREST)
    canvas = np.full((*plan.canvas_hw, 3), 7, np.uint8)
    fit(frame, plan, canvas)
    height, width = size_hw
    assert np.array_equal(canvas[:height, :width], cv2.resize(frame, (width, height)))
    assert not canvas[height:].any()
    assert not canvas[:, width:].any()
    middle = np.array([[size[1] / 2, size[0] / 2]], np.float32)
    assert np.allclose(to_frame(middle * np.float32(plan.scale_xy), plan, frame), middle, atol=1e-3)


def test_points_of_a_plain_fit_are_rounded_as_by_easyocr():
    """280 canvas pixels of 448 for 720 are 450 pixels, of which nothing may be missing."""
    plan = plan_fit(480, 720, long_side_px=448, enlarge=1.5, plain=True)
    found = to_frame(np.array([[280, 164]], np.float32), plan, np.zeros((480, 720, 3), np.uint8))
    assert found.astype(int).tolist() == [[450, 263]]


def test_a_plain_fit_is_within_an_engines_canvas():
    assert plan_fit(900, 1600, long_side_px=1280, enlarge=1, most_hw=(320, 640), plain=True).size_hw == (320, 568)


def test_shrinking_does_not_alias():
    lines = np.zeros((400, 400, 3), np.uint8)
    lines[:, ::2] = 255
    canvas = np.zeros((128, 128, 3), np.uint8)
    plan = plan_fit(400, 400, long_side_px=100, enlarge=1)
    fit(lines, plan, canvas)
    assert inner(canvas, plan).min() > 120
    assert canvas.max() < 136


@pytest.mark.parametrize("turned", [False, True])
def test_maps_of_tiles_are_those_of_one_large_canvas(turned):
    """A map of each canvas by itself, put together, is the map of the whole picture."""
    frame = cv2.resize(PHOTO, (3000, 90))
    frame = np.ascontiguousarray(frame.transpose(1, 0, 2)) if turned else frame
    plan = plan_fit(*frame.shape[:2], long_side_px=384, enlarge=1.5)
    assert len(plan.tiles_yx) > 5
    stitched = empty_map(plan)
    bordered = np.zeros([side * MAP_STRIDE for side in stitched.shape] + [3], np.uint8)
    fit(frame, plan, bordered)
    for number, canvas in enumerate(fitted(frame, plan)):
        put_map(canvas[::MAP_STRIDE, ::MAP_STRIDE, 1].astype(np.float32), plan, number, stitched)
    assert np.array_equal(stitched, bordered[::MAP_STRIDE, ::MAP_STRIDE, 1])


def test_neighbours_meet_in_the_middle_of_what_they_share():
    plan = plan_fit(90, 1000, long_side_px=384, enlarge=1)
    stitched = empty_map(plan)
    for number in range(len(plan.tiles_yx)):
        put_map(np.full([side // MAP_STRIDE for side in plan.canvas_hw], number, np.float32), plan, number, stitched)
    seams = np.flatnonzero(np.diff(stitched[0])) + 1
    starts, side = [x for _, x in plan.tiles_yx], plan.canvas_hw[1]
    assert seams.tolist() == [(start + before + side) // 4 for before, start in pairwise(starts)]


@pytest.mark.parametrize("size", [(1000, 2000), (100, 12_000), (333, 517), (30, 40)])
def test_points_go_back_to_the_frame_and_stay_inside(size):
    frame = np.zeros((*size, 3), np.uint8)
    plan = plan_fit(*size, long_side_px=768, enlarge=1.5)
    points = np.array([[0, 0], [7.5, 11.25], [size[1] - 1, size[0] - 1]], np.float32)
    there = points * np.array(plan.scale_xy, np.float32) + MARGIN_PX
    mapped = to_frame(there, plan, frame)
    assert mapped.dtype == np.float32
    assert np.abs(mapped - points).max() < 0.01
    outside = np.array([[0, 0], [1e6, 0]], np.float32)
    assert to_frame(outside, plan, frame).tolist() == [[0, 0], [size[1] - 1, 0]]
