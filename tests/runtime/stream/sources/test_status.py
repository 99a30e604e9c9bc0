import logging

import numpy as np
import pytest

from edgereader.runtime.errors import ImageError
from edgereader.runtime.stream.settings import Camera
from edgereader.runtime.stream.sources.status import Feed, Record, is_black

from ..fakes import Clock, picture


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def record(clock, caplog):
    caplog.set_level(logging.INFO, "edgereader")
    return Record("cam", Camera(source="", frozen_s=3, black_s=2), clock)


def play(record, frames, fps=10.0):
    for place, frame in enumerate(frames):
        record.count(frame, place / fps, place / fps, dropped=0)


def texts(caplog):
    return [record.getMessage() for record in caplog.records]


def test_frames_drops_size_and_speed_are_counted(record):
    play(record, [picture(number) for number in range(40)])
    record.count(picture(99), 4.0, 4.0, dropped=2)
    status = record.status
    assert (status.state, status.frames, status.dropped, status.size_hw) == ("live", 41, 2, (8, 12))
    assert status.fps == pytest.approx(10)


def test_a_state_says_since_when_and_why(record, clock):
    record.lose("no answer")
    clock.add(5)
    record.lose("connection refused")
    status = record.status
    assert (status.state, status.since_s, status.fps, status.reason) == ("lost", 1000.0, 0.0, "connection refused")


def test_coming_for_the_first_time_is_no_reconnection(record):
    record.lose("no answer")
    play(record, [picture(1)])
    assert record.status.reconnects == 0


def test_frozen_and_black_feeds_are_reported_with_a_reason_and_their_end_too(record, caplog):
    play(record, [picture(1)] * 50)
    assert (record.status.state, record.status.reason[:6]) == ("frozen", "frames")
    play(record, [np.zeros((8, 12, 3), np.uint8)] * 1, fps=1)
    record.count(np.zeros((8, 12, 3), np.uint8), 10, 10, 0)
    record.count(np.zeros((8, 12, 3), np.uint8), 12, 12, 0)
    assert record.status.state == "black"
    record.count(picture(2), 13, 13, 0)
    assert (record.status.state, record.status.reason, record.status.frames) == ("live", "", 54)
    assert [text.split(": ")[1] for text in texts(caplog)] == ["live", "frozen", "live", "black", "live"]


def test_time_without_a_camera_is_no_frozen_feed(record):
    record.count(picture(1), 0, 0, 0)
    record.lose("no answer")
    record.count(picture(1), 100, 100, 0)
    assert record.status.state == "live"


def test_another_size_is_noted(record, caplog):
    play(record, [picture(1), picture(2, (20, 30))])
    assert record.status.size_hw == (20, 30)
    assert "cam: frames are 30×20 px now" in texts(caplog)


def test_broken_frames_of_a_camera_are_logged_once_a_run_and_of_a_folder_always(record, caplog):
    for _ in range(3):
        record.count_broken(ImageError("bad"), always=False)
    play(record, [picture(1)])
    record.count_broken(ImageError("bad"), always=False)
    assert (record.status.broken, texts(caplog).count("broken frame: bad")) == (4, 2)
    record.count_broken(ImageError("bad"), always=True)
    assert texts(caplog).count("broken frame: bad") == 3


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


def test_a_camera_that_rests_has_no_reason_unless_its_look_showed_nothing(record, caplog):
    play(record, [picture(1), picture(2)])
    record.rest()
    assert (record.status.state, record.status.reason, record.status.fps) == ("resting", "", 0.0)
    play(record, [picture(2)] * 50)
    record.rest()
    assert (record.status.state, record.status.reason[:6]) == ("frozen", "frames")
    assert not any("resting" in text for text in texts(caplog)), "a line for each look would fill the log"
