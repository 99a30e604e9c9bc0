"""Sections of frames, on a bundle of tiny graphs and a painted frame, on the CPU."""

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from edgereader.benchmarks.gpu import frames as module
from edgereader.benchmarks.gpu.frames import READINGS, frames, memory, shared
from edgereader.benchmarks.gpu.jobs import CPU, DRY, ONE_BY_ONE, PIPELINE, Job

from ...runtime.graphs import paint_word, write_test_bundle


@pytest.fixture
def job(tmp_path, monkeypatch):
    """A job whose bundle reads 7 in one frame and 5 in the other, while 5 and 6 is what the CPU is said to read."""
    pictures = []
    for text in "75":
        picture = np.zeros((480, 640, 3), np.uint8)
        paint_word(picture, text, 60, 50)
        pictures.append(picture)
    monkeypatch.setattr(module, "make_frames", lambda: pictures)
    write_test_bundle(tmp_path / "shipped")
    (tmp_path / "shipped" / READINGS).write_bytes(msgspec.json.encode([["7"], ["6"]]))
    return Job(
        section="frames", contender=CPU, sizes=(ONE_BY_ONE, PIPELINE), folder=str(tmp_path), bundle="", scale=DRY
    )


def test_frames_are_read_one_by_one_and_in_a_pipeline_and_compared(job):
    found = dict(frames(job))
    assert list(found) == [ONE_BY_ONE, PIPELINE]
    for turn in found.values():
        assert (turn.readings, turn.same, turn.missed) == (2, 1, 1)
        assert turn.frames == DRY.frames
        assert turn.seconds > 0
    assert len(found[ONE_BY_ONE].times_ms) == DRY.frames
    assert sum(found[ONE_BY_ONE].times_ms) <= 1000 * found[ONE_BY_ONE].seconds
    assert found[PIPELINE].times_ms == []


def test_memory_of_a_dry_run_is_the_process_only(job):
    ((size, found),) = memory(replace(job, sizes=("frames",)))
    assert (size, found.frames, found.device) == ("frames", DRY.soak_frames, None)
    assert found.host.first_mib > 10


def test_memory_of_a_gpu_is_sampled_all_along(job, monkeypatch):
    samples = iter(range(0, 1 << 40, 1 << 20))
    monkeypatch.setattr(module, "device_bytes", lambda: next(samples))
    scale = replace(DRY, dry=False, soak_frames=50)
    ((_, found),) = memory(replace(job, sizes=("frames",), scale=scale))
    assert found.device.last_mib == 49
    assert found.device.slope_mib == pytest.approx(10_000)
    assert not found.device.constant


def test_strings_count_as_often_as_both_have_them():
    assert shared(["1", "1", "2"], ["1", "2", "2", "3"]) == 2
