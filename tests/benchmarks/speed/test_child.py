import io
from pathlib import Path

import msgspec
import pytest

from edgereader.benchmarks.contenders import Options, Unavailable
from edgereader.benchmarks.speed import child
from edgereader.benchmarks.speed.child import answered, first_pass
from edgereader.benchmarks.speed.jobs import Job, Measure, MemoryFound, Ready, TakeMemory, TakeStages, Turn
from edgereader.benchmarks.speed.photos import decode, find
from edgereader.benchmarks.speed.streams import Streams
from edgereader.runtime import Bundle


@pytest.fixture
def job(tmp_path):
    photos = find(())
    pixels = decode(photos, (), tmp_path / "pixels")

    def make(contender, streams=1, **options):
        return Job(
            contender=contender, options=Options(**options), streams=streams, pixels=str(pixels.path),
            shapes_hw=pixels.shapes_hw, paths=[str(photo.path) for photo in photos], folder=str(tmp_path),
            first_pass_s=60.0,
        )  # fmt: skip

    return make


def answers(job, *commands):
    return list(answered(job, io.BytesIO(b"".join(msgspec.json.encode(each) + b"\n" for each in commands))))


def test_edgereader_says_where_it_runs_and_what_it_read(job):
    ready, stages, memory = answers(
        job("edgereader", precision="int8", backend="cpu", canvas_px=320), TakeStages(seconds=0.0), TakeMemory()
    )
    assert (ready.backend, ready.precision) == ("cpu", "int8")
    assert "edgereader" in ready.versions
    manifest = Bundle.open("digits-edge").manifest
    assert ready.bundle == "digits-edge"
    assert ready.files == {kind: getattr(manifest, kind).files["int8"].sha256 for kind in ("detector", "recognizer")}
    assert len(ready.texts) == len(ready.times_ms) == 3
    assert stages.stages.photos > 0
    assert memory.memory.peak_mib >= memory.memory.steady_mib > 10


def test_nothing_does_all_but_reads_nothing(job, tmp_path):
    ask = Measure(
        scenario="SingleStream", seconds=0.1, seed=0, batch=1, expected_ms=0.02, target_qps=1, target_ms=1
    )  # fmt: skip
    ready, turn, memory = answers(job("nothing", streams=2), ask, TakeMemory())
    assert isinstance(ready, Ready)
    assert ready.texts == [[], [], []]
    assert (ready.backend, ready.precision) == (None, None)
    assert isinstance(turn, Turn)
    assert isinstance(memory, MemoryFound)
    assert abs(memory.memory.allocations_per_frame) < 1


@pytest.mark.parametrize(("name", "count"), [("shared", 1), ("fake", 3)])
def test_threads_share_a_contender_that_may_be_shared(job, monkeypatch, name, count):
    made = []
    monkeypatch.setattr(child, "SHAREABLE", {"shared"})
    monkeypatch.setattr(child, "opener", lambda asked: lambda *_: made.append(asked) or object())
    found = child.opened(job(name, streams=3))
    assert len(found) == 3
    assert (len(made), len(set(map(id, found)))) == (count, count)


def test_the_first_pass_ends_in_time_and_warms_all_readers(fake, frames):
    readers = [fake(seconds=0.4), fake(), fake()]
    texts, times_ms = first_pass(Streams(readers), frames, 0.6)
    assert texts == [["12"], ["12"]]
    assert len(times_ms) == 2
    assert [reader.seen for reader in readers] == [[0, 1]] * 3


def test_no_work_on_a_gpu(job, frames):
    assert child.work(job("edgereader"), frames, "cuda") is None


def test_what_cannot_be_opened_is_raised(job, monkeypatch):
    def gone(name, options):
        raise Unavailable("not here")

    monkeypatch.setattr(child, "opener", lambda _: gone)
    with pytest.raises(Unavailable, match="not here"):
        answers(job("nothing"))
    assert Path(job("nothing").pixels).is_file()
