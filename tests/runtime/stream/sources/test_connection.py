import threading
from functools import partial

import cv2
import numpy as np
import pytest

from edgereader.runtime.errors import ImageError, SourceError, SourceLost
from edgereader.runtime.stream.sources.connection import Link

from ..fakes import Clock, FakeSource, Opener, picture


def run(source):
    """A link that has ended, its frames and what was broken."""
    taken, broken = [], []
    link = Link(lambda: source, lambda *each: taken.append(each[1:]), lambda _, error: broken.append(error), Clock())
    link.start()
    link.join(10)
    assert not link.is_alive()
    return link, taken, broken


def test_frames_are_handed_over_until_the_end_and_the_source_is_closed():
    source = FakeSource([(picture(1), 0.0), (picture(2), 0.5)], live=False)
    link, taken, _ = run(source)
    assert [(int(frame[0, 0, 0]), seconds) for frame, seconds in taken] == [(1, 0.0), (2, 0.5)]
    assert (link.error, link.frames, link.live, source.closed) == (None, 2, False, True)


def test_a_grey_frame_becomes_bgr():
    _, taken, broken = run(FakeSource([np.zeros((8, 12), np.uint8)]))
    assert (taken[0][0].shape, broken) == ((8, 12, 3), [])


@pytest.mark.parametrize(
    "bad", [(None, 0.0), np.zeros((8, 12, 3)), np.zeros((0, 12, 3), np.uint8), np.zeros(7, np.uint8), ImageError("x")]
)
def test_broken_frames_are_told_and_the_next_one_is_read(bad):
    link, taken, broken = run(FakeSource([bad, picture(1)]))
    assert (len(taken), len(broken), link.frames, link.error) == (1, 1, 1, None)
    assert isinstance(broken[0], ImageError)


def test_errors_of_the_source_stay_and_those_of_opencv_mean_lost():
    lost = SourceError("gone")
    assert run(FakeSource([lost]))[0].error is lost
    assert isinstance(run(FakeSource([cv2.error("bad")]))[0].error, SourceLost)
    error = run(FakeSource([ConnectionResetError("rtsp://anna:geheim@cam/x reset")]))[0].error
    assert isinstance(error, SourceLost)
    assert "geheim" not in str(error)


def test_a_mistake_in_the_program_is_kept_as_it_is():
    source = FakeSource([ZeroDivisionError()])
    assert isinstance(run(source)[0].error, ZeroDivisionError)
    assert source.closed


def test_an_error_of_opening_is_kept():
    link = Link(partial(Opener(SourceError("none")), None), None, None, Clock())
    link.start()
    link.join(10)
    assert str(link.error) == "none"
    assert link.live


def test_a_link_that_is_left_closes_its_source_when_the_read_returns():
    hangs = threading.Event()
    source = FakeSource([hangs, picture(1), picture(2)])
    taken = []
    link = Link(lambda: source, lambda *each: taken.append(each), None, Clock())
    link.start()
    link.left = True
    assert not source.closed
    hangs.set()
    link.join(10)
    assert source.closed
    assert len(taken) <= 1


def test_waiting_for_frames_is_timed_and_waiting_for_the_taker_is_not():
    clock, seen = Clock(), []
    source = FakeSource([picture(1), (None, None), picture(2)])

    def take(link, *_):
        seen.append(link.waits_since)
        clock.add(2.5)

    link = Link(lambda: source, take, lambda *_: None, clock)
    began = link.waits_since
    link.start()
    link.join(10)
    assert seen == [None, None]
    assert link.waits_since == began + 5
