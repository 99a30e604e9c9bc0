import signal
import time
from itertools import pairwise
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from edgereader.benchmarks.record import read_json
from edgereader.benchmarks.speed import soak
from edgereader.benchmarks.speed import stream as module
from edgereader.benchmarks.speed.results import Stream
from edgereader.benchmarks.speed.stream import (
    FPS,
    NUMBERS,
    REGION,
    Watch,
    bib,
    check,
    frames,
    live,
    rates,
    write_clip,
)
from edgereader.runtime import Reader
from edgereader.runtime.cli import main
from edgereader.runtime.errors import DatasetError
from edgereader.runtime.stream.numbers.events import Event
from edgereader.runtime.stream.sources.frames import Shot
from edgereader.runtime.stream.tracking.watcher import Seen

from .test_compare import STREAM

FOUND = replace(STREAM.live, wrong=0, first_wrong="")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "new" / "stream.json"


@pytest.fixture
def quick(monkeypatch):
    """Measure nothing; gives what is found, which a test may change."""
    found = SimpleNamespace(live=FOUND)
    monkeypatch.setattr(module, "write_clip", lambda _: None)
    monkeypatch.setattr(module, "rates", lambda *_, **__: (STREAM.static, STREAM.detecting))
    monkeypatch.setattr(module, "live", lambda *_, **__: found.live)
    return found


def run(*arguments):
    return CliRunner().invoke(main, ["bench", "stream", *map(str, arguments)])


@pytest.mark.slow
def test_the_whole_is_measured_and_written(file):
    """With nothing made up: clip, networks, capture, events. A busy machine may miss numbers that are shown."""
    result = run("--seconds", 0.5, "--turns", 2, "--minutes", 0.2, "--precision", "int8", "--json", file)
    report = read_json(file, Stream, "")
    assert result.exit_code == int(not report.passed), result.output
    assert (report.frame_hw, report.bundle, report.precision) == ((720, 1280), "digits-edge", "int8")
    for rate in (report.static, report.detecting):
        assert len(rate.turns_frames_per_s) == 2
        assert rate.seconds >= 1.0
        assert rate.frames_per_s == pytest.approx(rate.frames / rate.seconds)
        assert min(rate.turns_frames_per_s) <= rate.frames_per_s <= max(rate.turns_frames_per_s)
    assert report.detecting.detections == report.detecting.frames > 1
    assert report.static.detections < report.static.frames
    assert 0 < report.static.readings <= report.static.frames
    found = report.live
    assert 1 <= found.events <= 13
    assert found.read <= found.frames - found.dropped
    assert 0 < found.detections <= found.read
    assert 0 < found.reading.p50_ms <= found.reading.p99_ms <= found.reading.most_ms
    assert 0 < found.cpu_share <= 1
    assert 0.2 <= found.minutes < 1
    assert found.samples
    assert found.slopes == []
    assert f"{found.frames} frames, {found.dropped} dropped" in result.stdout
    assert "capture to event: p50" in result.stdout
    assert "no slopes: too few samples" in result.stdout


def test_what_grows_or_is_wrong_fails(quick, file):
    result = run("--json", file)
    assert result.exit_code == 0
    assert result.stdout.endswith("PASS\n")
    assert "static region: 21.8 readings/s" in result.stdout
    assert "capture to event: p50 120 ms, p99 240 ms, most 360 ms" in result.stdout
    assert "resident memory: 171.0 to 172.0 MiB" in result.stdout
    assert read_json(file, Stream, "").passed
    (rss, handles) = FOUND.slopes
    for changes in (
        {"wrong": 2, "first_wrong": "event 1: ..."},
        {"events": 0, "event": None},
        {"slopes": [rss, replace(handles, passed=False)]},
    ):
        quick.live = replace(FOUND, **changes)
        result = run("--json", file)
        assert result.exit_code == 1
        assert result.stdout.endswith("FAIL\n")
        assert ("capture to event: none" in result.stdout) == ("event" in changes)
        assert not read_json(file, Stream, "").passed


def test_a_signal_ends_it_and_writes_nothing(quick, file, monkeypatch):
    before = signal.signal(signal.SIGTERM, lambda *_: pytest.fail("the signal was not caught"))
    monkeypatch.setattr(module, "live", lambda *_, **__: signal.raise_signal(signal.SIGTERM))
    try:
        result = run("--json", file)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert result.exit_code == 3
    assert "interrupted; nothing is written" in result.stderr
    assert not file.exists()


@pytest.fixture(scope="module")
def reader():
    return Reader(upright=True)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.avi"
    write_clip(path)
    return path


@pytest.mark.parametrize("number", NUMBERS[1::2])
def test_the_bib_says_the_number_in_the_region(reader, number):
    frame = bib(number)
    (found,) = [reading for reading in reader.read(frame) if len(reading.text) == len(number)]
    assert found.text == number
    shares = found.quad / np.array(frame.shape[1::-1])
    low, high = np.min(REGION, axis=0), np.max(REGION, axis=0)
    assert (shares >= low).all()
    assert (shares <= high).all()


def test_a_number_stays_for_a_second_and_only_its_noise_changes():
    made = list(frames())
    assert len(made) == FPS * len(NUMBERS)
    assert {frame.shape for frame in made} == {(720, 1280, 3)}
    apart = [cv2.norm(one, other, cv2.NORM_L1) / one.size for one, other in pairwise(made)]
    changed = [place for place, distance in enumerate(apart, 1) if distance > 1.5 * np.median(apart)]
    assert changed == [FPS * second for second in range(1, len(NUMBERS))]
    assert min(apart) > 1
    again, other = (next(frames(seed)) for seed in (0, 1))
    assert (made[0] == again).all()
    assert (made[0] != other).any()


def test_a_clip_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(DatasetError, match="expected to write a clip"):
        write_clip(tmp_path / "none" / "clip.avi")


def test_it_can_be_stopped(reader, clip):
    static, detecting = rates(reader, clip, 100, 3, stopped=lambda: True)
    assert (static.frames, detecting.frames) == (1, 1)
    asked = iter(range(10_000))
    found = live(reader, clip, 100, stopped=lambda: next(asked) >= 5)
    assert found.read == 6
    assert found.minutes < 1


SHOWN = "1573", "7315", "5137"
FRAME = np.zeros((4, 4, 3), np.uint8)


@pytest.mark.parametrize(
    ("told", "missed", "wrong"),
    [
        ([*SHOWN, *SHOWN], 0, []),
        (["5137", *SHOWN], 0, []),
        (["1573", "5137", "1573"], 1, []),
        (["7315", "1573", "5137"], 2, []),
        (["1573", "1573", "7315"], 0, ["event 2: expected 7315, got 1573"]),
        (["9", "1573"], 0, ["event 1: expected 1573, got 9"]),
        (["1573", "7315 (unsure)", "5137"], 1, ["event 2: expected 7315, got 7315 (unsure)"]),
    ],
)
def test_what_is_missed_doubled_or_wrong_is_counted(told, missed, wrong):
    assert check(told, SHOWN) == (missed, wrong)


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets, for the watch."""
    now = SimpleNamespace(s=0.0)
    fake = SimpleNamespace(monotonic=lambda: now.s, process_time=lambda: now.s / 2)
    monkeypatch.setattr(module, "time", fake)
    monkeypatch.setattr(soak, "host_bytes", lambda: 300 * soak.MIB)
    return now


def event(text, latency_ms, *, sure=True):
    return Event(
        id=1, at="", stream="bench", name="bib", kind="free", text=text, confidence=1.0, sure=sure, track=1, quad=[],
        frame_hw=(4, 4), frames=3, latency_ms=latency_ms,
    )  # fmt: skip


def test_frames_and_events_are_counted_and_timed(clock):
    looked_up = []
    watch = Watch(10.0, 5.0, lambda watch: looked_up.append(watch.read))
    for number in range(100):
        clock.s = 0.25 * number
        shot = Shot(FRAME, number, clock.s - (1.0 if clock.s <= 10 else 0.02), time.time())
        watch.send(event("1573", 400.0 if clock.s <= 10 else 30.0, sure=bool(number)), None)
        watch.show(Seen(shot, (), (), detected=number % 10 == 0, recognized=2))
    assert looked_up == list(range(1, 101))
    assert (watch.read, watch.detections, watch.crops) == (100, 10, 200)
    assert watch.texts[:2] == ["1573 (unsure)", "1573"]
    assert watch.reading_ms[watch.warm[0] :].tolist() == pytest.approx([20.0] * 59)
    assert watch.event_ms[watch.warm[1] :].tolist() == [30.0] * 59
    assert [sample.at_s for sample in watch.samples] == [5.0, 10.0, 15.0, 20.0]
    assert [sample.frames for sample in watch.samples] == [21, 41, 61, 81]
    assert watch.samples[0].p50_ms == 1000
    assert watch.samples[-1].cpu_ms == 125
    assert watch.cpu_s == pytest.approx(12.375)


def test_progress_is_told_once_a_minute_also_when_nothing_is_read(clock, capsys):
    watch = Watch(0.0, 1.0, lambda watch: watch.say())
    for clock.s in range(1, 200):
        watch.show(Seen(Shot(FRAME, 0, clock.s, 1.0), (), (), detected=False, recognized=0))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("1.0 min: 60 frames, 300.0 MiB")
    assert (len(watch.reading_ms), len(watch.event_ms), watch.samples[0].p50_ms) == (0, 0, 0)
