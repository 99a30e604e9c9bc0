import cv2
import numpy as np
import pytest

from edgereader.runtime.geometry.images import box
from edgereader.runtime.stream.settings import Detection
from edgereader.runtime.stream.tracking.schedule import (
    FRAMES,
    MOTION_FRAMES,
    UNSURE_FRAMES,
    Motion,
    Schedule,
    small_grey,
)

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


@pytest.fixture
def scene():
    rough = np.random.default_rng(1).integers(60, 190, (90, 160, 3), np.uint8)
    return cv2.resize(rough, (1280, 720), interpolation=cv2.INTER_CUBIC)


def watching(scene):
    motion = Motion()
    assert motion.changed(scene)
    motion.looked()
    return motion


def with_number(scene, x=600, y=300, text="4711"):
    return cv2.putText(scene.copy(), text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 1, (250, 250, 250), 3)


def noisy(frame, random, sigma):
    noise = random.normal(0, sigma, (*frame.shape[:2], 1)).repeat(3, 2)
    return cv2.add(frame, noise, dtype=cv2.CV_8U)


@pytest.mark.parametrize("sigma", [4, 12, 25])
def test_noise_is_no_motion(scene, sigma):
    random = np.random.default_rng(2)
    motion = watching(noisy(scene, random, sigma))
    assert not any(motion.changed(noisy(scene, random, sigma)) for _ in range(12))


def test_a_small_number_that_appears_is_seen_in_noise(scene):
    random = np.random.default_rng(3)
    motion = watching(noisy(scene, random, 6))
    found = [motion.changed(noisy(with_number(scene), random, 6)) for _ in range(FRAMES)]
    assert found == [False] * (FRAMES - 1) + [True]


def test_changes_of_light_are_no_motion(scene):
    motion = watching(scene)
    for step in range(20):
        gain = 1 + 0.3 * np.sin(step / 2)
        assert not motion.changed(cv2.convertScaleAbs(scene, alpha=gain, beta=step / 2)), step
    y, x = np.mgrid[:720, :1280]
    for step in range(20):
        spot = 60 * np.exp(-(((x - 40 * step) / 200) ** 2) - ((y - 300) / 150) ** 2)
        assert not motion.changed(np.clip(scene + spot[..., None], 0, 255).astype(np.uint8)), step


def test_one_broken_frame_is_no_motion_and_what_stays_is(scene):
    motion = watching(scene)
    assert not motion.changed(np.zeros_like(scene))
    assert not motion.changed(scene)
    assert not motion.changed(with_number(scene))
    assert motion.changed(with_number(scene))
    assert motion.changed(with_number(scene)), "until the detector looks"
    motion.looked()
    assert not any(motion.changed(with_number(scene)) for _ in range(5))


def test_what_settles_elsewhere_is_seen(scene):
    motion = watching(scene)
    looks = 0
    for x in [*range(100, 700, 60), *[700] * 10]:
        if motion.changed(with_number(scene, x)):
            motion.looked()
            looks += 1
    assert looks >= 3
    assert not motion.changed(with_number(scene, 700)), "the last look saw where it stayed"
    assert not motion.changed(with_number(scene, 100))
    assert motion.changed(with_number(scene, 100))


def test_ignored_places_may_change(scene):
    motion = watching(with_number(scene))
    ignored = [box(580, 260, 140, 60)]
    assert not any(motion.changed(with_number(scene, text="9283"), ignored) for _ in range(4))
    assert not motion.changed(with_number(scene, text="9283"))
    assert motion.changed(with_number(scene, text="9283"))


def test_another_size_is_a_change(scene):
    motion = watching(scene)
    assert motion.changed(scene[:360, :640])
    motion.looked()
    assert not motion.changed(scene[:360, :640])


@pytest.mark.parametrize("size_hw", [(1, 1), (5, 700), (700, 5), (2160, 3840), (720, 1280)])
def test_small_pictures_of_all_sizes(size_hw):
    small, step = small_grey(np.full((*size_hw, 3), 77, np.uint8))
    assert max(small.shape) <= 160
    assert small.min() == small.max() == 77
    assert small.shape == (max(size_hw[0] // step, 1), max(size_hw[1] // step, 1))
