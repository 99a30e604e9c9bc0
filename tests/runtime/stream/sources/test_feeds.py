import numpy as np
import pytest

from edgereader.runtime.stream.sources.feeds import Feed, is_black


def noise(seed, most=255, size_hw=(90, 160)):
    return np.random.default_rng(seed).integers(0, most, (*size_hw, 3)).astype(np.uint8)


def pictures(feed, frames, step_s=1.0):
    return [feed.look(frame, place * step_s) for place, frame in enumerate(frames)]


def test_frames_that_are_the_same_for_long_enough_are_frozen_until_one_differs():
    same, other = noise(1), noise(1)
    other[50, 61, 2] ^= 1
    told = pictures(Feed(3, 0), [same, same.copy(), same.copy(), same.copy(), same.copy(), other])
    assert told == ["live", "live", "live", "frozen", "frozen", "live"]


def test_frames_of_another_size_are_not_the_same():
    told = pictures(Feed(2, 0), [noise(1), noise(1), np.zeros((45, 80, 3), np.uint8)])
    assert told == ["live", "live", "live"]


def test_dark_frames_without_contrast_are_black_even_with_noise_until_there_is_light():
    told = pictures(Feed(0, 2), [noise(1, 30), noise(2, 30), noise(3, 30), noise(4)])
    assert told == ["live", "live", "black", "live"]


def test_black_is_told_before_frozen():
    assert pictures(Feed(2, 2), [np.zeros((90, 160, 3), np.uint8)] * 4)[-1] == "black"


def test_zero_means_never():
    assert pictures(Feed(0, 0), [np.zeros((90, 160, 3), np.uint8)] * 100) == ["live"] * 100


def test_a_lit_digit_in_the_dark_is_not_black_and_a_hot_pixel_is():
    frame = np.zeros((720, 1280, 3), np.uint8)
    frame[400, 400] = 255
    assert is_black(frame)
    frame[300:360, 600:640, 2] = 200
    assert not is_black(frame)


def test_limited_range_black_is_black():
    assert is_black(np.full((90, 160, 3), 16, np.uint8))


@pytest.mark.parametrize("size_hw", [(1, 1), (3, 2), (1, 500)])
def test_any_size_can_be_judged(size_hw):
    assert pictures(Feed(1, 1), [noise(1, 255, size_hw)] * 3)[-1] in {"frozen", "black"}


def test_frames_in_quick_succession_are_looked_at_now_and_then_only():
    feed = Feed(60, 10)
    feed.look(noise(1), 0.0)
    assert feed.look(None, 0.1) == "live"
