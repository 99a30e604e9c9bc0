import itertools
import logging
import threading
import time

import pytest

from edgereader.runtime.errors import SourceError, SourceLost
from edgereader.runtime.stream.settings import Camera
from edgereader.runtime.stream.sources.capture import MOST_STUCK, QUEUE, Capture, wait_s

from ..fakes import Clock, FakeSource, Opener, picture, until

LOST = SourceLost("fake: gone")


def camera(**options):
    return Camera(**{"source": "rtsp://anna:geheim@cam/x", "timeout_s": 10, "frozen_s": 0, "black_s": 0, **options})


@pytest.fixture(autouse=True)
def no_thread_is_left():
    def is_quiet():
        return not any(thread.name.startswith("edgereader-ca") for thread in threading.enumerate())

    until(is_quiet)
    yield
    until(is_quiet)


@pytest.fixture
def hang():
    """What a read hangs on until the test is over."""
    event = threading.Event()
    yield event
    event.set()


def test_only_the_latest_frame_is_kept_and_drops_are_counted(hang):
    go = threading.Event()
    source = FakeSource([picture(0), go, *map(picture, range(1, 11)), hang])
    with Capture(camera(), Opener(source)) as capture:
        shots = iter(capture)
        assert next(shots).number == 0
        go.set()
        until(lambda: capture.status.frames == 11)
        shot = next(shots)
        assert (shot.number, int(shot.frame[0, 0, 0]), capture.status.dropped) == (10, 10, 9)
        capture.stop()
        assert list(shots) == []


def test_every_frame_of_a_file_comes_and_reading_ahead_is_bounded():
    source = FakeSource([(picture(number), number / 25) for number in range(60)], live=False)
    numbers = []
    with Capture(camera(every_frame=True), Opener(source)) as capture:
        for shot in capture:
            numbers.append((shot.number, int(shot.frame[0, 0, 0])))
            assert source.reads <= len(numbers) + QUEUE + 2
    assert numbers == [(number, number) for number in range(60)]
    assert (capture.status.dropped, capture.status.state, capture.status.reason) == (0, "ended", "")


def test_a_camera_drops_frames_also_when_every_frame_is_asked_for():
    source = FakeSource(map(picture, range(50)))
    with Capture(camera(every_frame=True), Opener(source), clock=lambda: 7.0, now=lambda: 5e8) as capture:
        capture.start()
        until(lambda: capture.status.state == "ended")
        (shot,) = capture
    assert (shot.number, shot.at_s, shot.taken_s) == (49, 7.0, 5e8), "it has the time it came"


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_folder_without_a_speed_is_read_without_drops_in_any_size_and_turned(turn):
    sizes = [(8, 12), (20, 30)] * 15
    source = FakeSource([picture(number, size_hw) for number, size_hw in enumerate(sizes)], live=False)
    with Capture(camera(turn=turn), Opener(source)) as capture:
        frames = [shot.frame for shot in capture]
    assert [frame.shape[:2] for frame in frames] == [size_hw[:: -1 if turn % 180 else 1] for size_hw in sizes]
    corners = {0: (0, 0), 90: (0, -1), 180: (-1, -1), 270: (-1, 0)}
    assert [int(frame[corners[turn]][0]) for frame in frames] == list(range(30)), "clockwise"
    assert capture.status.size_hw == frames[-1].shape[:2]


@pytest.mark.parametrize(("fps", "every_s"), [(0, 0.5), (4, 0.25)])
def test_a_file_is_played_at_its_own_speed_or_the_one_asked_for(fps, every_s):
    clock = Clock()
    source = FakeSource([(picture(number), number / 2) for number in range(8)], live=False)
    with Capture(camera(fps=fps), Opener(source), clock=clock, sleep=clock.sleep, now=lambda: 5e8) as capture:
        shots = list(capture)
    began_s = shots[0].at_s - shots[0].number * every_s
    for shot in shots:
        assert shot.at_s >= began_s + shot.number * every_s - 0.05
        assert shot.taken_s == 5e8 + shot.number / 2


def test_a_lost_camera_is_opened_again_with_longer_and_longer_waits_and_said_once(caplog):
    caplog.set_level(logging.INFO, "edgereader")
    clock = Clock()
    first = FakeSource([picture(1), LOST])
    opener = Opener(first, *[SourceLost("refused")] * 5, FakeSource([picture(2)]), clock=clock)
    with Capture(
        camera(retry_s=1, retry_most_s=4), opener, clock=clock, sleep=clock.sleep, chance=lambda: 0.0
    ) as capture:
        shots = list(capture)
    waits = [later - earlier for earlier, later in itertools.pairwise(opener.times_s)]
    for wait, expected in zip(waits, (1, 2, 4, 4, 4, 4), strict=True):
        assert expected <= wait < expected + 1
    assert {shot.number for shot in shots} <= {0, 1}
    assert (capture.status.frames, capture.status.reconnects) == (2, 1)
    assert first.closed
    assert [record.getMessage().split(": ")[1] for record in caplog.records] == ["live", "lost", "live", "ended"]
    assert "geheim" not in caplog.text


def test_a_connection_that_lasts_starts_the_waits_afresh():
    clock = Clock()
    sources = [FakeSource([picture(number), LOST]) for number in range(8)]
    for source in sources:
        source.close = lambda: clock.add(30)
    opener = Opener(*sources, FakeSource([picture(9)]), clock=clock)
    with Capture(camera(retry_s=1), opener, clock=clock, sleep=clock.sleep, chance=lambda: 0.0) as capture:
        list(capture)
    assert all(31 <= later - earlier < 32.5 for earlier, later in itertools.pairwise(opener.times_s))


def test_waits_double_up_to_the_longest_and_differ_by_chance():
    waits = [wait_s(camera(retry_s=1, retry_most_s=60), tries, 0.0) for tries in (0, 1, 2, 5, 6, 10**6)]
    assert waits == [1, 2, 4, 32, 60, 60]
    assert wait_s(camera(retry_s=8), 0, 1.0) == 6


def test_a_read_that_hangs_is_lost_and_left_and_its_late_frame_is_not_taken(hang):
    clock, hangs = Clock(), threading.Event()
    first = FakeSource([picture(1), hangs, picture(2)])
    opener = Opener(first, FakeSource([picture(3), hang]))
    with Capture(camera(), opener, clock=clock, sleep=clock.sleep, chance=lambda: 0.0) as capture:
        shots = iter(capture)
        assert int(next(shots).frame[0, 0, 0]) == 1
        until(lambda: first.reads == 2)
        clock.add(11)
        until(lambda: capture.status.state == "lost")
        assert "no new frames within 10 s" in capture.status.reason
        clock.add(2)
        assert int(next(shots).frame[0, 0, 0]) == 3
        hangs.set()
        until(lambda: first.closed)
        assert (capture.status.frames, capture.status.reconnects) == (2, 1)


def test_stop_and_close_return_while_a_read_hangs(hang):
    source = FakeSource([picture(1), hang])
    with Capture(camera(), Opener(source)) as capture:
        assert next(iter(capture)).number == 0
        until(lambda: source.reads == 2)
        began = time.monotonic()
        capture.close()
        assert time.monotonic() - began < 5
        assert list(capture) == []
    assert not source.closed
    hang.set()
    until(lambda: source.closed)


def test_no_more_than_a_few_reads_that_hang_are_left_behind(hang):
    clock = Clock()
    opener = Opener(*[FakeSource([hang]) for _ in range(50)])
    with Capture(camera(retry_s=0.1, retry_most_s=0.1), opener, clock=clock, sleep=clock.sleep) as capture:
        capture.start()
        for _ in range(100):
            clock.add(30)
            time.sleep(0.01)
        assert len(opener.times_s) == MOST_STUCK
        hang.set()
        until(lambda: len(opener.times_s) > MOST_STUCK)


def test_a_camera_that_gives_broken_frames_only_is_lost():
    clock = Clock()
    broken = itertools.repeat((None, None))
    with Capture(camera(), Opener(FakeSource(broken)), clock=clock, sleep=clock.sleep) as capture:
        capture.start()
        until(lambda: capture.status.broken > 3)
        clock.add(25)
        until(lambda: capture.status.state == "lost")


@pytest.mark.parametrize(
    ("items", "frames", "error"),
    [
        (None, 0, SourceError("not there")),
        ([(picture(1), 0.0)], 1, LOST),
        ([], 0, ZeroDivisionError("a bug")),
    ],
    ids=["cannot be opened", "cannot be read on", "a mistake in the program"],
)
def test_an_error_that_does_not_pass_reaches_the_caller_after_the_frames(items, frames, error):
    source, shots = error if items is None else FakeSource([*items, error], live=False), []
    with Capture(camera(every_frame=True), Opener(source)) as capture, pytest.raises(type(error)):
        shots.extend(capture)
    assert (len(shots), capture.status.state, capture.status.reason) == (frames, "ended", str(error))


def test_a_camera_that_was_there_is_waited_for_whatever_the_error():
    opener = Opener(FakeSource([picture(1), LOST]), SourceError("no such device"), FakeSource([picture(2)]))
    with Capture(camera(retry_s=0.01), opener) as capture:
        list(capture)
    assert capture.status.frames == 2


def test_stop_from_another_thread_ends_the_iterator_and_a_file_that_waits():
    source = FakeSource([(picture(number), 1000.0 * number) for number in range(5)], live=False)
    with Capture(camera(), Opener(source)) as capture:
        threading.Timer(0.2, capture.stop).start()
        assert [shot.number for shot in capture] == [0]
    assert (capture.status.state, capture.status.reason, source.closed) == ("ended", "stopped", True)


def test_stop_ends_a_wait_for_a_lost_camera():
    with Capture(camera(retry_s=1000, retry_most_s=1000), Opener(LOST)) as capture:
        capture.start()
        until(lambda: capture.status.state == "lost")
        began = time.monotonic()
        capture.close()
        assert time.monotonic() - began < 5
        assert capture.status.state == "ended"


def test_the_first_status_is_connecting_and_closing_twice_is_no_error():
    capture = Capture(camera(), Opener(LOST), now=lambda: 5e8)
    assert (capture.status.state, capture.status.since_s, capture.status.frames) == ("connecting", 5e8, 0)
    capture.close()
    capture.close()
    assert list(capture) == []


def looking(**options):
    return camera(**{"every": "60s", "look_frames": 2, "warm_up_s": 0, **options})


def test_a_camera_is_opened_for_a_look_and_rests_until_the_next():
    clock = Clock()
    sources = [FakeSource(map(picture, itertools.count(start))) for start in (0, 100, 200)]
    opener = Opener(*sources, clock=clock)
    shots, states = [], []
    with Capture(looking(), opener, clock=clock, sleep=clock.sleep) as capture:
        for shot in capture:
            shots.append(shot)
            if len(shots) % 2 == 0:
                until(lambda: capture.status.state == "resting" or len(opener.times_s) > len(shots) // 2)
                states.append(capture.status.state)
            if len(shots) == 6:
                break
    assert [shot.look for shot in shots] == [0, 0, 1, 1, 2, 2]
    assert all(60 <= after - before < 62 for before, after in itertools.pairwise(opener.times_s[:3]))
    assert sources[0].closed
    assert sources[1].closed
    assert (capture.status.reconnects, capture.status.reason) == (0, "stopped")
    assert "lost" not in states


def test_a_camera_that_is_silent_in_a_look_is_lost_and_one_that_rests_is_not(hang):
    clock, go = Clock(), threading.Event()
    opener = Opener(FakeSource([picture(1), go, picture(2), hang]), FakeSource([picture(3), hang]), clock=clock)
    with Capture(looking(every="2min"), opener, clock=clock, sleep=clock.sleep) as capture:
        shots = iter(capture)
        assert next(shots).look == 0
        go.set()
        assert next(shots).look == 0
        until(lambda: capture.status.state == "resting")
        assert next(shots).look == 1, "after two minutes, with a timeout of 10 s"
        until(lambda: capture.status.state == "live")
        clock.add(11)
        until(lambda: capture.status.state == "lost")


def test_frames_from_before_the_exposure_is_set_are_passed_over():
    clock = Clock()

    def frames():
        for number in itertools.count():
            clock.add(0.1)
            yield picture(number)

    with Capture(looking(warm_up_s=1), Opener(FakeSource(frames())), clock=clock, sleep=clock.sleep) as capture:
        assert next(iter(capture)).number >= 9
