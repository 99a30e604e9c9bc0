import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgereader.runtime.bundles.manifest import CANVAS_SIDES_PX
from edgereader.runtime.geometry.canvases import fit
from edgereader.runtime.geometry.images import box
from edgereader.runtime.zoom import plan_windows

FRAME_HW, MOST_HW = (720, 1280), (384, 640)


@st.composite
def pictures(draw):
    """A frame's size, a scale, and small texts in the frame."""
    height, width = draw(st.integers(30, 3000)), draw(st.integers(30, 3000))
    scale = draw(st.floats(0.2, 1.5))
    texts = []
    for _ in range(draw(st.integers(0, 12))):
        wide, high = (min(draw(st.floats(4, 90)) / scale, side / 2) for side in (width, height))
        x, y = draw(st.floats(0, 1)) * (width - 1 - wide), draw(st.floats(0, 1)) * (height - 1 - high)
        texts.append(box(x, y, wide, high))
    return (height, width), scale, texts


@given(pictures())
def test_every_small_text_is_whole_in_a_window_that_its_canvas_holds(picture):
    frame_hw, scale, texts = picture
    windows = plan_windows(texts, frame_hw, scale, MOST_HW)
    assert bool(windows) == bool(texts)
    for window in windows:
        part = np.zeros(frame_hw, np.uint8)[window.rows, window.columns]
        assert part.size
        assert all(
            side in CANVAS_SIDES_PX and side <= most for side, most in zip(window.plan.canvas_hw, MOST_HW, strict=True)
        )
        bordered = window.plan.bordered_hw
        assert all(side <= room for side, room in zip(bordered, window.plan.canvas_hw, strict=True))
        fit(np.zeros((*part.shape, 3), np.uint8), window.plan, np.empty((*window.plan.canvas_hw, 3), np.uint8))
    for text in texts:
        assert any(window.shows(text, frame_hw) for window in windows)


def test_neighbours_share_a_window_and_far_texts_do_not():
    near, far = [box(100, 100, 60, 12), box(100, 130, 60, 12)], box(900, 600, 60, 12)
    windows = plan_windows([*near, far], FRAME_HW, 1.0, (448, 768))
    assert [window.plan.canvas_hw for window in windows] == [(128, 192), (128, 192)]
    assert [[window.shows(text, FRAME_HW) for text in (*near, far)] for window in windows] == [
        [True, True, False],
        [False, False, True],
    ]


def test_a_page_of_small_text_takes_windows_that_overlap():
    lines = [box(40, 20 + 24 * line, 1200, 12) for line in range(28)]
    windows = plan_windows(lines, FRAME_HW, 1.0, (448, 768))
    assert [window.plan.canvas_hw for window in windows] == [(448, 768)] * 4
    seen = np.zeros(FRAME_HW, int)
    for window in windows:
        seen[window.rows, window.columns] += 1
    assert seen[20:680, 40:1240].min() == 1
    assert seen.max() == 4


@pytest.mark.parametrize(
    ("quad", "whole"),
    [
        (box(60, 20, 30, 12), True),
        (box(40, 0, 40, 12), True),  # the frame ends there, too
        (box(32, 20, 40, 12), False),
        (box(100, 20, 43, 12), False),
        (box(60, 80, 30, 31), False),
    ],
)
def test_a_window_shows_what_touches_none_of_its_own_ends(quad, whole):
    (window,) = plan_windows([box(60, 20, 60, 20)], FRAME_HW, 1.0, (448, 768))
    assert (window.rows, window.columns) == (slice(0, 112), slice(32, 144))
    assert window.shows(quad, FRAME_HW) is whole
