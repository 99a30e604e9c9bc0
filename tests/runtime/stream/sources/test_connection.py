import cv2
import numpy as np
import pytest

from edgereader.runtime.errors import ImageError, SourceError, SourceLost
from edgereader.runtime.stream.sources.connection import Connection

from ..fakes import Clock, FakeSource, picture


def run(source):
    """A connection that has ended, its frames and what was broken."""
    taken, broken = [], []
    connection = Connection(
        lambda: source, lambda *given: taken.append(given[1:]), lambda _, error: broken.append(error), Clock()
    )
    connection.start()
    connection.join(10)
    assert not connection.is_alive()
    return connection, taken, broken


@pytest.mark.parametrize(
    "bad", [(None, 0.0), np.zeros((8, 12, 3)), np.zeros((0, 12, 3), np.uint8), np.zeros(7, np.uint8), ImageError("x")]
)
def test_broken_frames_are_reported_and_the_next_one_is_read(bad):
    connection, taken, broken = run(FakeSource([bad, picture(1)]))
    assert (len(taken), len(broken), connection.frames, connection.error) == (1, 1, 1, None)
    assert isinstance(broken[0], ImageError)


def test_errors_of_the_source_stay_and_those_of_opencv_mean_lost():
    lost = SourceError("gone")
    assert run(FakeSource([lost]))[0].error is lost
    assert isinstance(run(FakeSource([cv2.error("bad")]))[0].error, SourceLost)
    error = run(FakeSource([ConnectionResetError("rtsp://anna:geheim@cam/x reset")]))[0].error
    assert isinstance(error, SourceLost)
    assert "geheim" not in str(error)


def test_waiting_for_frames_is_timed_and_waiting_for_the_taker_is_not():
    clock, seen = Clock(), []
    source = FakeSource([picture(1), (None, None), picture(2)])

    def take(connection, *_):
        seen.append(connection.waits_since)
        clock.add(2.5)

    connection = Connection(lambda: source, take, lambda *_: None, clock)
    began = connection.waits_since
    connection.start()
    connection.join(10)
    assert seen == [None, None]
    assert connection.waits_since == began + 5
