import dataclasses
import json
import os
import random
import subprocess
import sys
import threading
import time

import cv2
import msgspec
import numpy as np
import pytest

from edgereader.runtime.errors import AlphabetError, BackendError, EdgeReaderError, ImageError, SourceError
from edgereader.runtime.stream import settings as structs
from edgereader.runtime.stream.configuration.config import Config
from edgereader.runtime.stream.missing import Missing
from edgereader.runtime.stream.run import (
    MOST_FAILURES,
    QUIET_S,
    SAVE_S,
    Failures,
    Stream,
    at_once,
    log_file,
    open_stream,
    together,
)
from edgereader.runtime.stream.sinks import open_stores
from edgereader.runtime.stream.sinks.evidence import Evidence
from edgereader.runtime.stream.sinks.feed import Feed
from edgereader.runtime.stream.sinks.history import History
from edgereader.runtime.stream.sinks.journal import Journal
from edgereader.runtime.stream.sinks.mqtt.outbox import Outbox
from edgereader.runtime.stream.sinks.mqtt.sink import MqttSink
from edgereader.runtime.stream.sources.frames import Shot
from edgereader.runtime.stream.sources.status import CaptureStatus
from edgereader.runtime.stream.tracking.watcher import Seen

from .fakes import Clock, files_up_to
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
    """Emits an event for each frame, and one more at the end; its state is how many."""

    def __init__(self):
        self.state, self.conditions = 0, {}

    def emit(self, seen):
        self.state += 1
        return [(event(seen.shot.number), FRAME)]

    def close(self):
        self.state += 1
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

    def change(self, numbers):
        self.numbers = numbers


class Store:
    """Takes events after the one that it has; it may be killed with the process."""

    name, trouble = "store", ""

    def __init__(self, last_id=-1):
        self.got, self.last_id = [], last_id

    def take(self, event, _picture):
        self.got.append(event.id)
        self.last_id = event.id


class Killed(BaseException):
    """The process ends here."""


def stream(capture, watcher=None, sinks=(), batch=1, stores=(), journal=None, emitter=None):
    journal = journal or Journal(None)
    feeds = [Feed(store, journal) for store in stores]
    return Stream(Capture(capture), watcher or Watcher(), emitter or Emitter(), journal, feeds, sinks, batch)


def test_events_of_all_frames_go_to_all_sinks_and_the_open_ones_at_the_end():
    first, second, viewer, store = Sink(), Sink(), Viewer(), Store()
    running = stream(shots(3), sinks=[first, second], stores=[store])
    running.viewers.append(viewer)
    running.run()
    assert first.got == second.got == viewer.got == store.got == [0, 1, 2, 1000]
    assert viewer.shown == [0, 1, 2]
    assert running.journal.state == 4
    assert running.figures.counts == {"frames": 3, "detections": 0, "crops": 3, "events": 4}


def test_the_state_is_logged_with_each_event_rarely_without_and_at_the_end(monkeypatch):
    written, now = [], [0.0]
    journal = Journal(None)
    monkeypatch.setattr(journal, "write", lambda entries, state, _: written.append((len(entries), state)))
    monkeypatch.setattr(Emitter, "close", lambda _self: [])
    monkeypatch.setattr(Emitter, "emit", lambda _self, seen: [(event(1), FRAME)] if seen.shot.number == 1 else [])
    running = stream(shots(4), journal=journal)
    running.clock = lambda: now[0]
    running._log([])
    running.viewers.append(Viewer())
    running.viewers[0].show = lambda seen: now.__setitem__(0, SAVE_S if seen.shot.number == 2 else now[0])
    running.run()
    assert written == [(0, 0), (0, 0), (1, 0), (0, 0), (0, 0)], "the start, twice; the event; the time; the end"


@pytest.mark.parametrize("last", range(-1, 3))
def test_a_process_that_is_killed_between_log_and_stores_loses_and_doubles_nothing(last):
    """Killed while the first store has the event already and the second has not, or none has."""
    first, second = Store(), Store()
    journal, fails = Journal(None), first if last % 2 else second
    take = fails.take
    fails.take = lambda event, picture: _killed() if event.id == last + 1 else take(event, picture)
    running = stream(shots(4), stores=[first, second], journal=journal)
    running._send = lambda events: Stream._send(running, events) if running.emitter.state < 5 else None
    with pytest.raises(Killed):
        for shot in shots(4):
            running._take(Seen(shot, (), (), False, 1))
    assert (journal.state, journal.last_id) == (last + 2, last + 1), "the state is that after the last event"
    fails.take = take
    again = Emitter()
    again.state = journal.state
    stream([], stores=[first, second], journal=journal, emitter=again)
    assert first.got == second.got == list(range(last + 2))


def _killed():
    raise Killed


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
    assert running.journal.state == 3


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


def test_the_log_is_beside_the_configuration_or_what_is_written(tmp_path, monkeypatch, caplog):
    camera = structs.Camera(source=0)
    counter = structs.Settings(camera=camera, number=[structs.Number(kind="counter")])
    free = structs.Settings(camera=camera)
    history = structs.Settings(camera=camera, history=structs.History(path=str(tmp_path / "h.sqlite")))
    broker = structs.Settings(camera=camera, mqtt=structs.Mqtt(host="h", queue=str(tmp_path / "q.sqlite")))
    path = tmp_path / "a/gate.toml"
    for settings in (counter, history, broker):
        assert log_file(Config(settings, path, tmp_path)) == tmp_path / "gate.state.sqlite"
    assert log_file(Config(free, path, tmp_path)) is None
    assert log_file(Config(counter, None, tmp_path)) is None
    assert log_file(Config(history, None, tmp_path)) == tmp_path / "h.state.sqlite"
    assert log_file(Config(broker, None, tmp_path)) == tmp_path / "q.state.sqlite"
    monkeypatch.setattr(os, "access", lambda folder, _: folder != tmp_path / "etc")
    assert log_file(Config(history, path, tmp_path / "etc")) == tmp_path / "gate.state.sqlite"
    assert log_file(Config(counter, path, tmp_path / "etc")) == tmp_path / "etc/gate.state.sqlite"
    (tmp_path / "etc").mkdir()
    assert log_file(Config(counter, path, tmp_path / "etc")) is None
    assert "counters begin anew" in caplog.text


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
        assert again.journal.last_id == max(more.got)
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
    assert (tmp_path / "gate.state.sqlite").exists()
    with open_stream(Config(settings, tmp_path / "gate.toml", tmp_path)) as again:
        assert json.loads(json.dumps(again.emitter.state["counters"])) == kept


def test_a_stream_goes_on_with_other_numbers_without_a_restart(config, tmp_path):
    """The counter keeps its value, and what is new is read."""
    left, right = [(0, 0), (0.5, 0), (0.5, 0.5), (0, 0.5)], [(0.5, 0.5), (1, 0.5), (1, 1), (0.5, 1)]
    meter = structs.Number(name="meter", kind="counter", min_confidence=0.1, region=left)
    camera = structs.Camera(source=str(tmp_path / "pictures"), every_frame=True, loop=True)
    settings = msgspec.structs.replace(config().settings, number=[meter], camera=camera)
    sink, viewer = Sink(), Viewer()
    with open_stream(Config(settings, tmp_path / "gate.toml", tmp_path), [sink]) as running:
        running.viewers.append(viewer)
        sent = sink.send

        def send(event, crop):
            sent(event, crop)
            if event.name == "meter":
                change()
            else:
                running.capture.stop()

        sink.send = send
        other = structs.Number(name="other", min_confidence=0.1, region=right)
        change = running.prepare(msgspec.structs.replace(settings, number=[meter, other]))
        running.run()
        assert [number.name for number in running.numbers] == ["meter", "other"]
        assert viewer.numbers == running.numbers
        assert running.emitter.state["counters"]["meter"]["last"]["text"] == "7"
        assert running.emitter.values["other"].text == "5"
        assert viewer.got == sorted(viewer.got)
    with open_stream(Config(settings, tmp_path / "gate.toml", tmp_path)) as running, pytest.raises(AlphabetError):
        running.prepare(msgspec.structs.replace(settings, number=[structs.Number(pattern="(")]))


def test_a_number_that_was_never_read_is_said_at_the_end():
    running = stream(shots(3))
    running.missing = Missing([structs.Number(name="gas", kind="counter")])
    running.run()
    assert running.summary().endswith("; nothing was ever read of gas")


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


def test_the_state_of_an_earlier_version_is_taken_over(config, tmp_path):
    """Of its small file, and of its history; ids go on above the last one, whatever the clock says."""
    last = {"text": "00123", "units": 123, "digits": 5, "decimals": None, "places": 0, "seen_s": 1.0, "told": []}
    counter = {"digits": 0, "decimals": 0, "falls": False, "last": last}
    state = {"id": 4 * 10**15, "second": 5.0, "taken_s": None, "counters": {"number": counter}}
    number = structs.Number(kind="counter", min_confidence=0.1)
    settings = msgspec.structs.replace(config().settings, number=[number])
    (tmp_path / "gate.state.json").write_text(json.dumps({"teller": state}))
    with open_stream(Config(settings, tmp_path / "gate.toml", tmp_path)) as running:
        assert running.emitter.state["counters"]["number"]["last"]["text"] == "00123"
        assert running.emitter.state["id"] == 4 * 10**15
    assert not (tmp_path / "gate.state.json").exists()
    with open_stream(Config(settings, tmp_path / "gate.toml", tmp_path)) as running:
        assert running.emitter.state["id"] == 4 * 10**15
    history = History(tmp_path / "h.sqlite", 9, 9)
    history._writer.execute("INSERT INTO state VALUES ('teller', ?)", (json.dumps(state).encode(),))
    history.close()
    settings = msgspec.structs.replace(settings, history=structs.History(path=str(tmp_path / "h.sqlite")))
    with open_stream(Config(settings, tmp_path / "hall.toml", tmp_path)) as running:
        assert running.emitter.state["counters"]["number"]["last"]["text"] == "00123"


@pytest.mark.parametrize(
    "keeps",
    ["evidence", *(pytest.param(name, marks=pytest.mark.slow) for name in ("log", "history", "jsonl", "queue"))],
)
def test_ids_rise_over_a_restart_under_an_earlier_clock(config, tmp_path, monkeypatch, keeps):
    """Whichever of the files is left."""
    tables = {
        "history": structs.History(path=str(tmp_path / "h.sqlite")),
        "evidence": structs.Evidence(keep="all", folder=str(tmp_path / "seen")),
        "jsonl": [structs.JsonLines(path=str(tmp_path / "e.jsonl"))],
        "mqtt": structs.Mqtt(host="127.0.0.1", port=9, queue=str(tmp_path / "queue.sqlite")),
    }
    files = {"log": "gate.state.sqlite", "history": "h.sqlite", "jsonl": "e.jsonl", "queue": "queue.sqlite"}
    gate = dataclasses.replace(config(**tables), path=tmp_path / "gate.toml")
    monkeypatch.setattr("edgereader.runtime.stream.run.CLOSE_S", 0.0)

    def ids():
        sink = Sink()
        with open_stream(gate, [sink]) as running:
            running.emitter._now = lambda: clock
            running.run()
        return sink.got

    clock = 1.9e9
    first = ids()
    for name in set(files.values()) - {files.get(keeps)}:
        for file in tmp_path.glob(f"{name}*"):
            file.unlink()
    clock = 1.0
    second = ids()
    assert first == sorted(first)
    assert len(first) == len(second) == 2
    assert min(second) > max(first)


COUNTING = """
import itertools, sys, time
from pathlib import Path
import numpy as np
from edgereader.runtime.stream import run, settings as structs
from edgereader.runtime.stream.run import Feed, History, Journal, Stream
from edgereader.runtime.stream.sinks import open_stores
from edgereader.runtime.stream.sinks.evidence import Evidence
sys.path.insert(0, {tests!r})
from made import make_event

FRAME = np.zeros((16, 48, 3), np.uint8)
folder = Path(sys.argv[1])
stores = open_stores(structs.Settings(
    name="gate",
    camera=structs.Camera(source=0),
    jsonl=[structs.JsonLines(path=str(folder / "e.jsonl"), rotate_mb=0.005, keep=1000)],
    history=structs.History(path=str(folder / "h.sqlite")),
    evidence=structs.Evidence(keep="all", folder=str(folder / "seen")),
    mqtt=structs.Mqtt(host="127.0.0.1", port=9, queue=str(folder / "q.sqlite")),
))
journal = Journal(folder / "gate.state.sqlite")
last = max(journal.last_id, *(store.last_id for store in stores))

class Counter:
    "A meter whose value rises by one: the state is the value that was told last."
    state = journal.state or 0
    conditions = dict()
    def emit(self, _):
        self.state += 1
        return [(make_event(id=last + self.state, text=str(self.state), kind="counter"), FRAME)]
    def close(self):
        return []

evidence = next(store for store in stores if isinstance(store, Evidence))
counter = Counter()
last -= counter.state
stream = Stream(None, None, counter, journal, [Feed(store, journal) for store in stores], [], 1, None, evidence)
stream.figures.saw = lambda seen: None
while True:
    stream._take(None)
    print(counter.state, flush=True)
    if len(sys.argv) > 2:
        break
stream._feed(now=True)
stream._log([])
for store in stores:
    store.close(0)
"""


@pytest.mark.parametrize("kills", [2, pytest.param(40, marks=pytest.mark.slow)])
def test_a_stream_that_is_killed_again_and_again_tells_each_value_once_everywhere(tmp_path, request, kills):
    """Killed by signal 9 wherever it is: between the log and a store, within a picture, within a line."""
    script = [sys.executable, "-c", COUNTING.format(tests=str(request.path.parent)), str(tmp_path)]
    chance, told = random.Random(7), 0
    for _ in range(kills):
        with subprocess.Popen(script, stdout=subprocess.PIPE) as process:
            for _ in range(chance.randint(1, 12)):
                told = int(process.stdout.readline())
            time.sleep(chance.uniform(0, 0.02))
            process.kill()
    subprocess.run([*script, "end"], check=True, stdout=subprocess.DEVNULL)
    files = sorted(
        tmp_path.glob("e.jsonl*"), key=lambda path: -int(path.suffix[1:]) if path.suffix[1:].isdigit() else 0
    )
    lines = [msgspec.json.decode(line) for file in files for line in file.read_bytes().splitlines()]
    written = [(line["id"], int(line["text"])) for line in lines]
    assert [value for _, value in written] == list(range(1, len(written) + 1))
    assert len(written) > told
    history = History(tmp_path / "h.sqlite", 99, 99)
    assert [(row.event.id, int(row.event.text)) for row in history.since(0, 10**6)] == written
    history.close()
    queue = Outbox(tmp_path / "q.sqlite", 10**6)
    assert len(queue) == len(written)
    assert (queue.first().place, queue.last) == (written[0][0], written[-1][0])
    queue.close()
    numbers = [number for number, _ in written]
    assert sorted(int(path.stem) for path in (tmp_path / "seen/images").glob("*.jpg")) == numbers
    readings = (tmp_path / "seen/readings.jsonl").read_bytes().splitlines()
    assert [msgspec.json.decode(line)["id"] for line in readings] == numbers
    for path in (tmp_path / "seen/images").iterdir():
        assert cv2.imread(str(path)) is not None


@pytest.mark.parametrize(
    "room", [0, 40_000, pytest.param(5_000, marks=pytest.mark.slow), pytest.param(150_000, marks=pytest.mark.slow)]
)
def test_a_disk_that_is_full_for_a_while_costs_nothing(tmp_path, room, caplog, monkeypatch):
    """Writes fail, at once or after some more bytes; all events are in all stores afterwards, each once."""
    settings = structs.Settings(
        name="gate",
        camera=structs.Camera(source=0),
        jsonl=[structs.JsonLines(path=str(tmp_path / "e.jsonl"))],
        history=structs.History(path=str(tmp_path / "h.sqlite")),
        evidence=structs.Evidence(keep="all", folder=str(tmp_path / "seen")),
        mqtt=structs.Mqtt(host="127.0.0.1", port=9, queue=str(tmp_path / "q.sqlite")),
    )
    stores, journal, now = open_stores(settings), Journal(tmp_path / "gate.state.sqlite"), Clock()
    feeds = [Feed(store, journal, now) for store in stores]
    evidence = next(store for store in stores if isinstance(store, Evidence))
    made = Stream(Capture(), Watcher(), Emitter(), journal, feeds, [], 1, None, evidence)
    told = []
    monkeypatch.setattr(MqttSink, "tell", lambda _self, trouble: told.append(trouble))
    noise = np.random.default_rng(1).integers(0, 255, (40, 80, 3), np.uint8)

    def emit(number):
        now.add(1.0)
        made._send([(make_event(number), noise)])

    for number in range(1, 21):
        emit(number)
    with files_up_to(room):
        for number in range(21, 61):
            emit(number)
        sick = {status.name for status in made.status if status.trouble}
        assert "log" in sick
        assert len(sick) == 5 or room
        assert all(f"{name}: " in told[-1] for name in sick - {"mqtt"})
        assert "mqtt" not in told[-1]
        for picture in (tmp_path / "seen/images").glob("*.jpg"):
            assert cv2.imread(str(picture)) is not None
    now.add(60.0)
    for number in range(61, 88):
        emit(number)
    made._feed(now=True)
    assert [status for status in made.status if status.trouble and status.name != "mqtt"] == []
    assert told[-1] == ""
    assert caplog.text.count("takes events again") == len(sick - {"log", "mqtt"})
    wanted = [make_event(number).id for number in range(1, 88)]
    history = next(store for store in stores if isinstance(store, History))
    assert [row.event.id for row in history.since(0)] == wanted
    assert [msgspec.json.decode(line)["id"] for line in (tmp_path / "e.jsonl").read_bytes().splitlines()] == wanted
    assert sorted(int(path.stem) for path in (tmp_path / "seen/images").iterdir()) == wanted
    readings = (tmp_path / "seen/readings.jsonl").read_bytes().splitlines()
    assert [msgspec.json.decode(line)["id"] for line in readings] == wanted
    journal.close()
    for store in stores:
        store.close(0)
    queue = Outbox(tmp_path / "q.sqlite", 1000)
    assert (len(queue), queue.last, journal.lost) == (87, wanted[-1], 0)
    queue.close()
