import numpy as np
import pytest

from edgereader.runtime.stream.sources.feeds import Feed, is_black


def noise(seed, most=255, size_hw=(90, 160)):
    return np.random.default_rng(seed).integers(0, most, (*size_hw, 3)).astype(np.uint8)


SAME, BLACK = noise(1), np.zeros((90, 160, 3), np.uint8)
OTHER = SAME.copy()
OTHER[50, 61, 2] ^= 1


@pytest.mark.parametrize(
    ("frozen_s", "black_s", "frames", "states"),
    [
        (3, 0, [SAME, *[SAME.copy() for _ in range(4)], OTHER], ["live"] * 3 + ["frozen"] * 2 + ["live"]),
        (2, 0, [SAME, SAME, BLACK[::2, ::2]], ["live"] * 3),
        (0, 2, [noise(1, 30), noise(2, 30), noise(3, 30), noise(4)], ["live", "live", "black", "live"]),
        (2, 2, [BLACK] * 4, ["live", "live", "black", "black"]),
        (0, 0, [BLACK] * 100, ["live"] * 100),
    ],
    ids=["frozen until one differs", "another size", "black with noise until there is light", "both", "never"],
)
def test_states_of_a_feed(frozen_s, black_s, frames, states):
    feed = Feed(frozen_s, black_s)
    assert [feed.look(frame, float(second)) for second, frame in enumerate(frames)] == states


def test_a_lit_digit_in_the_dark_is_not_black_and_a_hot_pixel_is():
    frame = np.zeros((720, 1280, 3), np.uint8)
    frame[400, 400] = 255
    assert is_black(frame)
    frame[300:360, 600:640, 2] = 200
    assert not is_black(frame)
    assert is_black(np.full((90, 160, 3), 16, np.uint8)), "of limited range"


@pytest.mark.parametrize("size_hw", [(1, 1), (3, 2), (1, 500)])
def test_any_size_can_be_judged(size_hw):
    feed = Feed(1, 1)
    assert [feed.look(noise(1, 255, size_hw), float(second)) for second in range(3)][-1] in {"frozen", "black"}


def test_frames_in_quick_succession_are_looked_at_now_and_then_only():
    feed = Feed(60, 10)
    feed.look(noise(1), 0.0)
    assert feed.look(None, 0.1) == "live"
