import numpy as np
import pytest

from edgereader.benchmarks.gpu.pictures import FRAME_HW, cut, endless, make_frames


def test_frames_are_real_always_the_same_and_all_different():
    first, second = make_frames(), make_frames()
    assert all(frame.shape == (*FRAME_HW, 3) and frame.dtype == np.uint8 for frame in first)
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))
    assert len({frame.tobytes() for frame in first}) == len(first) == 9


@pytest.mark.parametrize("hw", [(100, 2000), (2000, 100), (720, 1280), (1441, 2559)])
def test_a_photo_of_any_shape_fills_a_frame(hw):
    photo = np.full((*hw, 3), 9, np.uint8)
    for zoom in (1.0, 1.3):
        frame = cut(photo, zoom)
        assert frame.shape == (*FRAME_HW, 3)
        assert (frame == 9).all()


def test_the_same_frames_again_and_again():
    assert list(endless("abc", 7)) == list("abcabca")
