from itertools import pairwise

import pytest

from edgereader.benchmarks.speed import stream_run
from edgereader.benchmarks.speed.stream_clip import NUMBERS, write_clip
from edgereader.benchmarks.speed.stream_run import live, rates
from edgereader.runtime import Reader


@pytest.fixture(scope="module")
def reader():
    return Reader(upright=True)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.avi"
    write_clip(path)
    return path


@pytest.mark.slow
def test_rates_are_of_every_frame_and_of_the_work_that_was_asked_for(reader, clip):
    static, detecting = rates(reader, clip, 0.5, 2, stopped=lambda: False)
    for each in (static, detecting):
        assert len(each.turns_frames_per_s) == 2
        assert each.frames > 1
        assert each.seconds >= 1.0
        assert each.frames_per_s == pytest.approx(each.frames / each.seconds)
        assert min(each.turns_frames_per_s) <= each.frames_per_s <= max(each.turns_frames_per_s)
    assert detecting.detections == detecting.frames
    assert static.detections < static.frames
    assert 0 < static.readings <= static.frames


@pytest.mark.slow
def test_a_camera_that_is_watched_tells_its_numbers(reader, clip, monkeypatch):
    """A busy machine may miss some that are shown for a second; what is told is right."""
    told = []
    monkeypatch.setattr(stream_run, "check", lambda texts, _: told.extend(texts) or (5, ["x", "y"]))
    found = live(reader, clip, 0.2, stopped=lambda: False, progress=lambda _: None)
    assert set(told) <= set(NUMBERS)
    assert (found.missed, found.wrong, found.first_wrong) == (5, 2, "x")
    assert 1 <= found.events == len(told) <= 13
    assert all(one != other for one, other in pairwise(told))
    assert found.read <= found.frames - found.dropped
    assert 0 < found.detections <= found.read
    assert 0 < found.reading.p50_ms <= found.reading.p99_ms <= found.reading.most_ms
    assert 0 < found.cpu_share <= 1
    assert 0.2 <= found.minutes < 1
    assert found.samples
    assert found.slopes == []


def test_it_can_be_stopped(reader, clip):
    static, detecting = rates(reader, clip, 100, 3, stopped=lambda: True)
    assert (static.frames, detecting.frames) == (1, 1)
    asked = iter(range(10_000))
    found = live(reader, clip, 100, stopped=lambda: next(asked) >= 5, progress=lambda _: None)
    assert found.read == 6
    assert found.minutes < 1
