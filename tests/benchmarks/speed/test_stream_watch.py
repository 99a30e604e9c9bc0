import time
from types import SimpleNamespace

import numpy as np
import pytest

from edgereader.benchmarks.speed import stream_watch
from edgereader.benchmarks.speed.soak_figures import Sample
from edgereader.benchmarks.speed.stream_watch import Times, Watch, check, latency, slopes_of
from edgereader.runtime.stream.numbers.events import Event
from edgereader.runtime.stream.sources.frames import Shot
from edgereader.runtime.stream.tracking.watcher import Seen

SHOWN = "1573", "7315", "5137"
FRAME = np.zeros((4, 4, 3), np.uint8)


@pytest.mark.parametrize("begin", [0, 1, 2])
def test_a_loop_may_begin_anywhere(begin):
    assert check([SHOWN[(begin + place) % 3] for place in range(7)], SHOWN) == (0, [])


@pytest.mark.parametrize(
    ("told", "missed", "wrong"),
    [
        (["1573", "5137", "1573"], 1, []),
        (["7315", "1573", "5137"], 2, []),
        (["1573", "1573", "7315"], 0, ["event 2: expected 7315, got 1573"]),
        (["9", "1573"], 0, ["event 1: expected 1573, got 9"]),
        (["1573", "7315 (unsure)", "5137"], 1, ["event 2: expected 7315, got 7315 (unsure)"]),
    ],
)
def test_what_is_missed_doubled_or_wrong_is_counted(told, missed, wrong):
    assert check(told, SHOWN) == (missed, wrong)


def test_latencies_are_told_and_bounded():
    times = Times(100)
    for each in range(150):
        times.add(float(each))
    assert len(times) == 100
    found = latency(times.since(50))
    assert (found.count, found.p50_ms, found.most_ms) == (50, 74.5, 99.0)
    assert latency(times.since(100)) is None


def test_the_verdict_looks_at_memory_and_handles_only():
    samples = [
        Sample(at_s=5.0 * each, frames=each, rss_mib=100 + 4 * each, handles=9, p50_ms=each, p99_ms=each, cpu_ms=each)
        for each in range(1, 60)
    ]
    found = {each.what: each for each in slopes_of(samples, 30.0)}
    assert {what for what, each in found.items() if each.judged} == {"rss_mib", "handles"}
    assert not found["rss_mib"].passed
    assert found["handles"].passed
    assert found["rss_mib"].per_hour == pytest.approx(4 * 720, rel=0.01)


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets, for the watch."""
    now = SimpleNamespace(s=0.0)
    fake = SimpleNamespace(monotonic=lambda: now.s, process_time=lambda: now.s / 2)
    monkeypatch.setattr(stream_watch, "time", fake)
    monkeypatch.setattr(stream_watch, "host_bytes", lambda: 300 * stream_watch.MIB)
    return now


def event(text, latency_ms, *, sure=True):
    return Event(
        id=1, at="", stream="bench", name="bib", kind="free", text=text, confidence=1.0, sure=sure, track=1, quad=[],
        frame_hw=(4, 4), frames=3, latency_ms=latency_ms,
    )  # fmt: skip


def test_frames_and_events_are_counted_and_timed(clock):
    looked_up = []
    watch = Watch(10.0, 5.0, 1000, lambda each: looked_up.append(each.read))
    for number in range(100):
        clock.s = 0.25 * number
        shot = Shot(FRAME, number, clock.s - (1.0 if clock.s <= 10 else 0.02), time.time())
        watch.send(event("1573", 400.0 if clock.s <= 10 else 30.0, sure=bool(number)), None)
        watch.show(Seen(shot, (), (), detected=number % 10 == 0, recognised=2))
    assert looked_up == list(range(1, 101))
    assert (watch.read, watch.detections, watch.crops) == (100, 10, 200)
    assert watch.texts[:2] == ["1573 (unsure)", "1573"]
    assert (watch.reading.p50_ms, watch.reading.most_ms) == (20.0, 20.0)
    assert (watch.event.count, watch.event.most_ms) == (59, 30.0)
    assert [each.at_s for each in watch.samples] == [5.0, 10.0, 15.0, 20.0]
    assert [each.frames for each in watch.samples] == [21, 41, 61, 81]
    assert watch.samples[0].p50_ms == 1000
    assert watch.samples[-1].cpu_ms == 125
    assert watch.cpu_s == pytest.approx(12.375)


def test_a_watch_in_which_nothing_was_read_has_no_latencies(clock):
    watch = Watch(0.0, 1.0, 10, lambda _: None)
    clock.s = 2.0
    watch.show(Seen(Shot(FRAME, 0, 1.0, 1.0), (), (), detected=False, recognised=0))
    assert watch.reading is None
    assert watch.event is None
    assert watch.samples[0].p50_ms == 0
