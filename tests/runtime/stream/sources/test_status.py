import logging

import numpy as np
import pytest

from edgereader.runtime.errors import ImageError
from edgereader.runtime.stream.settings import Camera
from edgereader.runtime.stream.sources.status import Record

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
