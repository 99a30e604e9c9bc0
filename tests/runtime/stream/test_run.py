import dataclasses
import json
import threading

import cv2
import msgspec
import numpy as np
import pytest

from edgereader.runtime.errors import BackendError, EdgeReaderError, ImageError, SourceError
from edgereader.runtime.stream import settings as structs
from edgereader.runtime.stream.configuration.config import Config
from edgereader.runtime.stream.run import (
    MOST_FAILURES,
    QUIET_S,
    Failures,
    Stream,
    at_once,
    open_stream,
    state_file,
    together,
)
from edgereader.runtime.stream.sinks.evidence import Evidence
from edgereader.runtime.stream.sources.frames import Shot
from edgereader.runtime.stream.sources.status import CaptureStatus
from edgereader.runtime.stream.tracking.watcher import Seen

from .made import make_event

FRAME = np.zeros((4, 4, 3), np.uint8)


def shots(count):
    return [Shot(FRAME, number, float(number), float(number)) for number in range(count)]


def event(number, kind="free"):
    return make_event(id=number, kind=kind, latency_ms=20.0)


class Capture(list):
    """Shots, and then perhaps an error."""

    status = CaptureStatus(frames=9, dropped=2, broken=1)
    error = None

    def __iter__(self):
        yield from super().__iter__()
        if self.error:
            raise self.error


class Watcher:
    """Sees nothing, or fails at some shots."""

    def __init__(self, fails=None):
        self.fails, self.sizes = fails or {}, []

    def look(self, shots):
        self.sizes.append(len(shots))
        for shot in shots:
            if shot.number in self.fails:
                raise self.fails[shot.number]
        return [Seen(shot, (), (), False, 1) for shot in shots]


class Emitter:
    """Emits an event for each frame, and one more at the end."""

    def emit(self, seen):
        return [(event(seen.shot.number), FRAME)]

    def close(self):
        return [(event(1000), None)]


class Sink:
    def __init__(self, error=None):
        self.got, self.error = [], error

    def send(self, event, _crop):
        if self.error:
            raise self.error
        self.got.append(event.id)


class Viewer(Sink):
    def __init__(self):
        super().__init__()
        self.shown = []

    def show(self, seen):
        self.shown.append(seen.shot.number)


class Keeper:
    def __init__(self):
        self.saved = []

    def save(self, *, now=False):
        self.saved.append(now)


def stream(capture, watcher=None, sinks=(), batch=1):
    return Stream(Capture(capture), watcher or Watcher(), Emitter(), sinks, Keeper(), batch)


def test_events_of_all_frames_go_to_all_sinks_and_the_open_ones_at_the_end():
    first, second, viewer = Sink(), Sink(), Viewer()
    running = stream(shots(3), sinks=[first, second])
    running.viewers.append(viewer)
    running.run()
    assert first.got == second.got == viewer.got == [0, 1, 2, 1000]
    assert viewer.shown == [0, 1, 2]
    assert running.keeper.saved == [False, False, False, True]
    assert running.figures.counts == {"frames": 3, "detections": 0, "crops": 3, "events": 4}


def test_a_counters_value_is_saved_at_once(monkeypatch):
    counted = event(1, kind="counter")
    monkeypatch.setattr(Emitter, "emit", lambda _self, seen: [(counted, FRAME)] if seen.shot.number == 1 else [])
    running = stream(shots(3))
    running.run()
    assert running.keeper.saved == [False, True, False, True]


def test_frames_of_a_file_are_looked_at_together():
    running = stream(shots(10), batch=4)
    running.run()
    assert running.watcher.sizes == [4, 4, 2]
    assert list(together(iter([]), 4)) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"every_frame": False}, False),
        ({"fps": 25.0}, False),
        ({"source": 0}, False),
        ({"source": "rtsp://a"}, False),
    ],
)
def test_frames_of_what_keeps_its_own_time_are_not_held_back(changes, expected):
    assert at_once(structs.Camera(**{"source": "a.mp4", "every_frame": True, **changes})) == expected


def test_a_frame_that_cannot_be_read_is_counted_reported_and_left_out(caplog):
    sink = Sink()
    running = stream(shots(4), Watcher({1: ImageError("odd"), 2: BackendError("busy")}), [sink])
    running.run()
    assert sink.got == [0, 3, 1000]
    assert "a frame was left out (1 so far): odd" in caplog.text
    assert "2 failed" in running.summary()


def test_a_backend_that_fails_again_and_again_is_the_end():
    sink = Sink()
    watcher = Watcher({number: BackendError("no memory") for number in range(2, 99)})
    running = stream(shots(99), watcher, [sink])
    with pytest.raises(
        BackendError, match=f"expected readings, got {MOST_FAILURES} failures in a row, the last: no mem"
    ):
        running.run()
    assert len(watcher.sizes) == 2 + MOST_FAILURES
    assert sink.got == [0, 1, 1000], "what was open is emitted"
    assert running.keeper.saved[-1] is True


def test_failures_now_and_then_or_of_pictures_are_not_the_end():
    odd = {number: BackendError("busy") for number in range(99) if number % MOST_FAILURES}
    stream(shots(99), Watcher(odd)).run()
    stream(shots(99), Watcher({number: ImageError("odd") for number in range(99)})).run()


def test_failures_are_reported_at_most_once_a_minute(caplog):
    now = [0.0]
    failures = Failures(lambda: now[0])
    watcher = Watcher({0: ImageError("odd")})
    for second in range(3 * int(QUIET_S)):
        now[0] = float(second)
        assert failures.guard(watcher.look, shots(1)) == []
    assert caplog.text.count("left out") == 3
    assert failures.count == 3 * QUIET_S


def test_a_source_that_breaks_off_is_an_error_after_what_it_gave():
    sink = Sink()
    running = stream(shots(2), sinks=[sink])
    running.capture.error = SourceError("cut off")
    with pytest.raises(SourceError, match="cut off"):
        running.run()
    assert sink.got == [0, 1, 1000]


def test_the_summary_has_the_figures():
    running = stream(shots(3))
    assert running.summary().endswith("from capture to reading -, -, to event -, -")
    running.run()
    assert running.summary().startswith(
        "9 frames, 2 dropped, 1 broken, 0 failed, 0 detections, 3 crops, 4 events; from"
    )
    assert running.summary().endswith("to event p50 18 ms, p99 20 ms")


def test_counters_are_kept_beside_the_configuration(tmp_path):
    camera = structs.Camera(source=0)
    counter = structs.Settings(camera=camera, number=[structs.Number(kind="counter")])
    assert state_file(Config(counter, tmp_path / "a/gate.toml", tmp_path)) == tmp_path / "gate.state.json"
    assert state_file(Config(counter, None, tmp_path)) is None
    assert state_file(Config(structs.Settings(camera=camera), tmp_path / "gate.toml", tmp_path)) is None


@pytest.fixture
def config(tmp_path, scene, bundle_folder):
    """config(**tables) -> Config of a folder of six equal pictures, read by the test bundle."""
    (tmp_path / "pictures").mkdir()
    for number in range(6):
        cv2.imwrite(str(tmp_path / f"pictures/{number}.png"), scene)

    def config(**tables):
        camera = structs.Camera(source=str(tmp_path / "pictures"), every_frame=True)
        reader = structs.Reading(bundle=str(bundle_folder), backend="cpu", threads=1, min_confidence=0.1)
        number = structs.Number(min_confidence=0.1)
        return Config(structs.Settings(camera=camera, reader=reader, number=[number], **tables), None, tmp_path)

    return config


def test_a_whole_stream_with_real_parts(config, tmp_path):
    history = structs.History(path=str(tmp_path / "h.sqlite"))
    evidence = structs.Evidence(keep="all", folder=str(tmp_path / "seen"))
    lines = [structs.JsonLines(path=str(tmp_path / "lines.jsonl"))]
    more = Sink()
    with open_stream(config(history=history, evidence=evidence, jsonl=lines), [more]) as running:
        running.run()
    assert {
        event["text"] for event in map(msgspec.json.decode, (tmp_path / "lines.jsonl").read_bytes().splitlines())
    } == {"7", "5"}
    assert len(more.got) == 2
    assert sorted(int(path.stem) for path in (tmp_path / "seen/images").iterdir()) == sorted(more.got)
    with open_stream(config(history=history)) as again:
        assert sorted(row.event.id for row in again.history.latest(9)) == sorted(more.got)
        assert again.keeper is not None
        again.run()
    assert running.summary().startswith("6 frames, 0 dropped, 0 broken, 0 failed, ")


def test_a_counter_goes_on_after_a_restart(config, tmp_path):
    number = structs.Number(kind="counter", min_confidence=0.1, region=[(0, 0), (0.5, 0), (0.5, 0.5), (0, 0.5)])
    camera = structs.Camera(source=str(tmp_path / "pictures"), every_frame=True, loop=True)
    settings = msgspec.structs.replace(config().settings, number=[number], camera=camera)
    sink = Sink()
    sink.got = Stopper()
    with open_stream(Config(settings, tmp_path / "gate.toml", tmp_path), [sink]) as running:
        sink.got.stop = running.capture.stop
        running.run()
    kept = json.loads(json.dumps(running.emitter.state["counters"]))
    assert kept["number"]["last"]
    assert json.loads((tmp_path / "gate.state.json").read_bytes())["teller"]["counters"] == kept
    with open_stream(Config(settings, tmp_path / "gate.toml", tmp_path)) as again:
        assert json.loads(json.dumps(again.emitter.state["counters"])) == kept


class Stopper(list):
    """Stops a stream at its first event."""

    def append(self, number):
        super().append(number)
        self.stop()


@pytest.mark.parametrize("fails", ["reader", "evidence"])
def test_what_was_open_is_closed_when_something_cannot_be_opened(config, tmp_path, fails):
    evidence = structs.Evidence(keep="all", folder=str(tmp_path / "seen"))
    before = {thread.name for thread in threading.enumerate()}
    broken = config(evidence=evidence, history=structs.History(path=str(tmp_path / "h.sqlite")))
    if fails == "reader":
        reading = msgspec.structs.replace(broken.settings.reader, bundle="nix")
        broken = dataclasses.replace(broken, settings=msgspec.structs.replace(broken.settings, reader=reading))
    if fails == "evidence":
        (tmp_path / "seen").write_text("no folder")
    with pytest.raises((EdgeReaderError, OSError)), open_stream(broken):
        pass
    assert {thread.name for thread in threading.enumerate()} <= before
    if fails != "evidence":
        Evidence(evidence).close(0)
