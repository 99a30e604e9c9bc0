import os
from types import SimpleNamespace

import numpy as np
import pytest
from msgspec.structs import replace

from edgereader.benchmarks.record import this_machine
from edgereader.benchmarks.speed import soak_run
from edgereader.benchmarks.speed.soak_figures import Soak
from edgereader.benchmarks.speed.soak_frames import CYCLE, Shot
from edgereader.benchmarks.speed.soak_run import handles, soak_on
from edgereader.runtime.errors import BackendError, ImageError

PICTURE = np.zeros((4, 4, 3), np.uint8)
FRESH = Soak(
    commands=["edgereader bench soak"], date="", machine=this_machine(), bundle="digits-edge", files={}, backend="cpu",
    precision="int8", seed=0, every_s=10, hours=0.5, warm_up_s=180, frames=0, broken=0, wrong=0, samples=[], slopes=[],
    method="", finished=False, passed=False,
)  # fmt: skip


def cycle(number):
    """As many frames as a real cycle, two of them broken."""
    yield from (Shot(PICTURE, sample="bib.jpg" if not place else "") for place in range(CYCLE - 2))
    yield from (Shot(None, broken=True) for _ in range(2))


def flat(frame):
    if frame is None:
        raise ImageError("no picture")
    return ["1573"]


@pytest.fixture(autouse=True)
def quarter_seconds(monkeypatch):
    """Every look at a clock takes a quarter of a second; memory is what the test says."""
    now = [0.0]

    def tick():
        now[0] += 0.25
        return now[0]

    clock = SimpleNamespace(monotonic=tick, perf_counter=tick, process_time=tick)
    monkeypatch.setattr(soak_run, "time", clock)
    monkeypatch.setattr(soak_run, "host_bytes", lambda: 300 * soak_run.MIB)
    monkeypatch.setattr(soak_run, "handles", lambda: 12)


def run(read=flat, before=FRESH, stopped=lambda: False, saved=None):
    return soak_on(before, read, cycle, stopped=stopped, save=(saved if saved is not None else []).append)


def slope(soak, what):
    return next(each for each in soak.slopes if each.what == what)


def test_a_flat_reader_passes():
    soak = run()
    assert soak.finished
    assert soak.passed
    assert soak.samples[-1].at_s >= 1800
    assert soak.frames == soak.samples[-1].frames
    assert soak.frames % CYCLE == 0
    assert soak.broken == 2 * soak.frames // CYCLE
    assert soak.wrong == 0
    assert soak.samples[0].cpu_ms == 250
    assert soak.samples[0].p50_ms == 750


def test_a_reader_that_leaks_memory_fails(monkeypatch):
    kept = []
    monkeypatch.setattr(soak_run, "host_bytes", lambda: 300 * soak_run.MIB + sum(map(len, kept)))
    soak = run(lambda frame: kept.append(bytes(10_000)) or flat(frame))
    assert not slope(soak, "rss_mib").passed
    assert soak.finished
    assert not soak.passed


def test_a_reader_that_leaks_handles_fails(monkeypatch, tmp_path):
    monkeypatch.setattr(soak_run, "handles", handles)
    kept = []

    def read(frame):
        if len(kept) < 200:
            kept.append(os.open(tmp_path, os.O_RDONLY))
        return flat(frame)

    try:
        soak = run(read, replace(FRESH, hours=0.2, warm_up_s=0, every_s=0))
    finally:
        for each in kept:
            os.close(each)
    assert not slope(soak, "handles").passed
    assert not soak.passed


def test_a_reader_that_grows_slower_fails():
    count = [0]

    def read(frame):
        count[0] += 1
        for _ in range(count[0] // 200):
            soak_run.time.process_time()
        return flat(frame)

    soak = run(read)
    assert not slope(soak, "cpu_ms").passed
    assert not soak.passed


def test_latency_that_grows_by_the_load_of_others_is_told_but_not_judged(monkeypatch):
    looks, tick = [0], soak_run.time.monotonic

    def waits():
        looks[0] += 1
        return tick() + looks[0] ** 2 / 10**5

    clock = SimpleNamespace(monotonic=tick, perf_counter=waits, process_time=tick)
    monkeypatch.setattr(soak_run, "time", clock)
    soak = run()
    assert not slope(soak, "latency_ms").passed
    assert soak.passed


@pytest.mark.parametrize(("read", "wrong"), [
    (lambda _: ["1573"], "what is no picture was read"),
    (lambda _: flat(None), "ImageError: no picture"),
    (lambda _: (each for each in ()).throw(BackendError("out of memory")), "BackendError: out of memory"),
])  # fmt: skip
def test_frames_that_go_wrong_are_counted_and_told(read, wrong):
    soak = run(read, replace(FRESH, hours=0.01))
    assert soak.wrong > 0
    assert wrong in soak.first_wrong
    assert not soak.passed


def test_a_sample_photo_that_is_read_otherwise_than_at_first_is_wrong():
    answers = iter(["1573"] * 100 + ["1578"] * 10**6)
    soak = run(lambda frame: flat(frame) and [next(answers)])
    assert soak.wrong > 0
    assert "bib.jpg: expected ['1573'] as at first, got ['1578']" in soak.first_wrong
    assert not soak.passed


def test_an_error_that_is_not_ours_ends_the_soak():
    with pytest.raises(ZeroDivisionError):
        run(lambda _: 1 // 0)


def test_an_interrupted_soak_keeps_its_samples_and_goes_on():
    asked = [0]

    def stopped():
        asked[0] += 1
        return asked[0] > 20 * CYCLE + 5

    first = run(stopped=stopped)
    assert not first.finished
    assert not first.passed
    assert first.frames == 20 * CYCLE
    cycles = []
    second = soak_on(
        first, flat, lambda n: cycles.append(n) or cycle(n), stopped=lambda: False, save=lambda _soak: None
    )
    assert cycles[0] == 20
    assert second.samples[: len(first.samples)] == first.samples
    assert {each.segment for each in second.samples} == {0, 1}
    times = [each.at_s for each in second.samples]
    assert times == sorted(times)
    assert 1800 <= times[-1] < 1850
    assert second.broken == 2 * second.frames // CYCLE
    assert second.passed


def test_what_went_wrong_before_an_interruption_is_kept():
    asked = [0]

    def stopped():
        asked[0] += 1
        return asked[0] > 5

    soak = run(lambda _: flat(None), stopped=stopped)
    assert (soak.samples, soak.wrong) == ([], 6)
    assert "frame 1: bib.jpg gave ImageError" in soak.first_wrong


def test_a_finished_soak_does_not_go_on():
    soak = run()
    assert run(lambda _: pytest.fail("nothing is read any more"), soak) == soak


def test_it_is_saved_about_every_minute():
    saved = []
    run(saved=saved)
    gaps = np.diff([each.samples[-1].at_s for each in saved])
    assert len(saved) > 10
    assert (gaps >= 60).all()
    assert all(each.frames == each.samples[-1].frames for each in saved)


def test_handles_of_this_process_are_counted(tmp_path):
    before = handles()
    with (tmp_path / "a").open("w"), (tmp_path / "b").open("w"):
        assert handles() == before + 2
    assert handles() == before
