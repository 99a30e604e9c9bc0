import numpy as np
import pytest

from edgereader.runtime.stream.settings import Detection
from edgereader.runtime.stream.tracking.schedule import MOTION_FRAMES, UNSURE_FRAMES, Schedule

STILL = np.full((90, 160, 3), 100, np.uint8)


def moving(at):
    picture = STILL.copy()
    picture[20:50, 3 * at % 120 : 3 * at % 120 + 30] = 250
    return picture


def looks(pictures, detection, unsure=()):
    """Frames that are looked at; a text is unsure in some. The first is looked at in any case."""
    schedule, found = Schedule(detection), []
    for at, picture in enumerate(pictures):
        due = schedule.is_due(picture, []) or at == 0
        if due:
            found.append(at)
            schedule.looked()
        schedule.take(unsure=at in unsure, looked=due)
    return found


def test_at_the_latest_after_so_many_frames():
    assert looks([STILL] * 12, Detection(every_frames=5)) == [0, 5, 10]
    assert looks([STILL] * 4, Detection(every_frames=1)) == [0, 1, 2, 3]


def test_every_few_frames_while_something_moves():
    found = looks([STILL] * 3 + [moving(at) for at in range(20)] + [moving(19)] * 20, Detection(every_frames=1000))
    assert 3 < found[1] < 6
    assert set(np.diff(found[1:])) == {MOTION_FRAMES}
    assert found[-1] <= 23 + MOTION_FRAMES, "and once more when it stands"
    assert looks([moving(at) for at in range(20)], Detection(every_frames=1000, motion=False)) == [0]


def test_at_once_when_something_moves_and_a_text_is_lost():
    pictures = [STILL] * 3 + [moving(at) for at in range(6)]
    assert looks(pictures, Detection(every_frames=1000)) == [0, 4, 7]
    assert looks(pictures, Detection(every_frames=1000), unsure={5})[:3] == [0, 4, 6]


@pytest.mark.parametrize("detection", [Detection(every_frames=64), Detection(every_frames=64, unsure=False)])
def test_what_cannot_be_read_is_looked_for_less_and_less(detection):
    found = looks([STILL] * 300, detection, unsure=range(2, 300))
    if not detection.unsure:
        assert found == [0, 64, 128, 192, 256]
        return
    assert found[1] == 2 + UNSURE_FRAMES
    waits = np.diff(found[1:]).tolist()
    assert waits == sorted(waits)
    assert waits[0] <= 3
    assert waits[-1] == 64


def test_one_unsure_frame_is_no_reason():
    assert looks([STILL] * 20, Detection(every_frames=1000), unsure={5, 9, 13}) == [0]
