import numpy as np
import pytest

from edgereader.runtime.geometry.drawing import COLOUR, annotated
from edgereader.runtime.reader import Reading


def reading(left, top, right, bottom):
    quad = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    return Reading("42", 0.9, quad, characters=(), peaks=2, agrees=True)


def test_the_frame_stays_as_it_was_and_the_quad_is_drawn():
    frame = np.zeros((200, 300, 3), np.uint8)
    picture = annotated(frame, [reading(50, 80, 200, 120)])
    assert not frame.any()
    assert picture[120, 100].tolist() == list(COLOUR)
    assert picture[100, 200].tolist() == list(COLOUR)
    changed = np.argwhere(picture.any(axis=2))
    assert changed[:, 0].min() > 40
    assert changed[:, 0].max() < 125
    assert changed[:, 1].min() >= 48, "the label is above its quad"


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (10, 10)])
def test_small_frames(size):
    frame = np.zeros((*size, 3), np.uint8)
    assert annotated(frame, [reading(0, 0, size[1] - 1, size[0] - 1)]).shape == frame.shape
