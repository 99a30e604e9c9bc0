"""The whole, with real parts: rendered videos, the shipped bundle, an RTSP server, a broker, processes and signals."""

import json
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import datetime
from functools import cache

import numpy as np
import pytest
from click.testing import CliRunner

from edgereader.runtime.cli import main
from edgereader.runtime.reader import Reader
from edgereader.runtime.stream.numbers.emitter import Emitter
from edgereader.runtime.stream.settings import Camera, Detection, Number, Settings
from edgereader.runtime.stream.sources.frames import Shot
from edgereader.runtime.stream.tracking.watcher import Watcher

from .broker import Listener, needs_mosquitto
from .fakes import until
from .meters import Display, Lcd, Meter, Plates, changes, write_video
from .rtsp_server import RtspServer, missing

PROGRAM = [sys.executable, "-c", "from edgereader.runtime.cli import main; main()", "stream"]
needs_rtsp = pytest.mark.skipif(bool(missing()), reason=missing())


def events_of(source, *options):
    """All events of a file, every frame of which is read, or of a configuration."""
    result = CliRunner().invoke(main, ["stream", "--every-frame", "--json", *options, str(source)])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def few(cases, count):
    """The first ones in every run of the tests, all of them in the long one."""
    return [case if place < count else pytest.param(case, marks=pytest.mark.soak) for place, case in enumerate(cases)]


def sure(events):
    return [event["text"] for event in events if event["sure"]]


def config(folder, *lines):
    """A configuration."""
    path = folder / "stream.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


class Running:
    """`edgereader stream` as a process of its own."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([*PROGRAM, *map(str, arguments)], stderr=subprocess.PIPE, text=True)
        self.lines = []
        self._reader = threading.Thread(target=lambda: self.lines.extend(self.process.stderr), daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self._reader.join()
        self.process.stderr.close()

    def stop(self, seconds=20):
        """SIGTERM; gives the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


def events_in(path):
    """Events that are whole in a file of JSON lines."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def in_time(events, truths, fps=25.0):
    """Whether there is a start of the file at which each event's frame shows its text."""
    times = [datetime.fromisoformat(event["at"]).timestamp() for event in events]
    shown = [{number for number, truth in enumerate(truths) if event["text"] in truth.texts} for event in events]
    first = (times[0] - number / fps for number in shown[0])
    return any(
        all(round((at - start) * fps) in numbers for at, numbers in zip(times, shown, strict=True)) for start in first
    )


METERS = (
    Meter(seed=1),
    Meter(seed=2, rolls=False, dark=False),
    *(Meter(seed=seed, rolls=bool(seed % 2), dark=seed % 3 > 0) for seed in range(3, 11)),
)


@pytest.mark.slow
@pytest.mark.parametrize("meter", few(METERS, 2))
@pytest.mark.parametrize("digits", few((6, 0), 1))
def test_a_meter_is_read_in_the_right_order(tmp_path, meter, digits):
    """Its wheel rolls; glare and blur come and go; 5 % of the frames are damaged.

    The first value is emitted late, since it must be beyond doubt: where the wheel rolls from the first frame on, and
    where the configuration does not say how many digits there are.
    """
    meter = replace(meter, frames=425)
    truths = write_video(tmp_path / "meter.avi", meter)
    assert any(truth.corrupted for truth in truths)
    path = config(
        tmp_path,
        'camera = { source = "meter.avi" }',
        f'number = [{{ kind = "counter", digits = {digits}, region = {[list(corner) for corner in meter.region]} }}]',
    )
    events = events_of(path)
    texts, shown = sure(events), changes(truths)
    assert texts == shown[-len(texts) :], events
    assert len(texts) >= (3 if digits else 1)
    assert in_time([event for event in events if event["sure"]], truths)
    assert [event["value"] for event in events if event["sure"]] == [float(text) for text in texts]


@cache
def reader():
    """The shipped bundle, opened once."""
    return Reader(upright=True, threads=1)


def looks(meter, count, *, every_s=60.0, frames=6, fps=12.5, **settings):
    """The events of a camera that looks at a meter now and then, each with the meter's position then, and its look.

    It takes up to four seconds to open.
    """
    asked = Number(name="water", kind="counter", digits=6, decimals=3, region=meter.region, **settings)
    (number,) = Settings(camera=Camera(source=0), number=[asked]).numbers
    watcher = Watcher(reader(), Detection(), [number])
    emitter, late = Emitter("cellar", [number]), np.random.default_rng(meter.seed + 7)
    begins = [look * every_s + float(late.uniform(0, 4)) for look in range(count)]
    seconds = [begin + frame / fps for begin in begins for frame in range(frames)]
    found = []
    for place, (second, (frame, _)) in enumerate(zip(seconds, meter.at(seconds), strict=True)):
        (seen,) = watcher.look([Shot(frame, place, second, 1.7e9 + second, place // frames)])
        found += [(event, meter.value_at(second), place // frames) for event, _ in emitter.emit(seen)]
    return found


WATER = {
    f"{kind.__name__}-{rate}-{seed}": (kind, rate, seed)
    for seed in range(10)
    for rate in (0.25, 1.5, 3.0)
    for kind in (Meter, Lcd)
}
CORE = "Meter-1.5-0", "Lcd-1.5-0"


def water(name):
    """A meter through which water runs, from a seed's own beginning on."""
    kind, rate, seed = WATER[name]
    begin = float(np.random.default_rng(seed).uniform(20_000, 90_000))
    return kind(value_at=lambda second: begin + rate * second, seed=seed)


@pytest.mark.parametrize(
    "name", [name if name in CORE else pytest.param(name, marks=pytest.mark.slow) for name in WATER]
)
def test_water_that_runs_is_read_at_one_look_a_minute(name):
    """A last wheel that never stands, or a display, that shows another value at each look.

    Wheels must have shown most digits before those between two are told: after seven looks each one gives a value.
    """
    meter, count = water(name), 6 if name in CORE else 10
    events = looks(meter, count, max_rate=0 if "Lcd" in name else 12, wheels="Meter" in name)
    sure = [(event, value, look) for event, value, look in events if event.sure]
    assert [event.text for event, value, _ in sure if event.text not in meter.texts(value)] == []
    seen = {look for _, _, look in sure}
    assert len(seen) >= (count - 2 if "Lcd" in name else 2 if name in CORE else 3)
    assert name in CORE or len(seen & {7, 8, 9}) >= 2
    assert all(event.note == "" for event, _, _ in sure)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in WATER if "Meter" in name and WATER[name][2] < 3])
def test_tenths_of_water_that_runs_are_right(name):
    events = looks(water(name), 10, max_rate=12, wheels=True, tenths=True)
    sure = [(event.value * 1000, value) for event, value, _ in events if event.sure]
    assert [(tenths, value) for tenths, value in sure if abs(tenths - value) > 0.15] == []
    assert len(sure) >= 3


PRINTED = "--pattern", "[0-9]{2}[.][0-9]"


@pytest.mark.slow
@pytest.mark.parametrize(("segments", "options"), [(True, ()), (False, PRINTED)])
def test_a_display_is_emitted_each_time_that_it_changes(tmp_path, segments, options):
    """Also when it was off in between, and when the next text is wider than the one before."""
    texts = "18.4", "18.9", "", "20.1", "18.4", "20.1"
    truths = write_video(tmp_path / "display.avi", Display(texts=texts, stays=60, segments=segments))
    events = events_of(tmp_path / "display.avi", *options)
    assert sure(events) == changes(truths) == [text for text in texts if text], events
    assert in_time([event for event in events if event["sure"]], truths)


@pytest.mark.slow
@pytest.mark.parametrize("seed", few(range(6), 1))
def test_each_plate_is_emitted_once(tmp_path, seed):
    plates = Plates(seed=seed)
    truths = write_video(tmp_path / "plates.avi", plates)
    events = events_of(tmp_path / "plates.avi", "--kind", "plate")
    assert sure(events) == list(plates.texts), events
    assert len({event["track"] for event in events}) == len(events)
    assert in_time([event for event in events if event["sure"]], truths)


def test_where_nothing_is_to_be_read_nothing_is_emitted(tmp_path):
    write_video(tmp_path / "wall.avi", Display(texts=("",), stays=150))
    assert events_of(tmp_path / "wall.avi") == []


@needs_rtsp
@pytest.mark.slow
def test_a_camera_that_was_away_is_read_on(tmp_path):
    """The same meter over RTSP: killed in mid-stream and started again, it has gone on meanwhile."""
    meter = Meter(seed=4, frames=800)
    truths = write_video(tmp_path / "meter.avi", meter)
    (tmp_path / "frames").mkdir()
    with RtspServer(tmp_path / "meter.avi", tmp_path / "frames", loop=False) as server:
        path = config(
            tmp_path,
            f'camera = {{ source = "{server.url}", timeout_s = 2, retry_s = 0.2, retry_most_s = 1 }}',
            f'number = [{{ kind = "counter", region = {[list(corner) for corner in meter.region]} }}]',
            'jsonl = [{ path = "events.jsonl" }]',
        )
        with Running(path) as stream:
            until(lambda: len(events_in(tmp_path / "events.jsonl")) >= 2, "two readings")
            server.kill()
            time.sleep(2)
            before = len(events_in(tmp_path / "events.jsonl"))
            server.start()
            until(lambda: len(events_in(tmp_path / "events.jsonl")) >= before + 2, "two more readings")
            assert stream.stop() == 0
    texts = sure(events_in(tmp_path / "events.jsonl"))
    assert texts == sorted(set(texts))
    assert set(texts) <= set(changes(truths))
    assert any("lost" in line for line in stream.lines), stream.lines


@needs_mosquitto
@pytest.mark.slow
@pytest.mark.parametrize("away_s", [4, pytest.param(60, marks=pytest.mark.soak)])
def test_a_broker_that_was_away_gets_all_events_once_and_in_order(tmp_path, mosquitto, away_s):
    """Away in mid-stream; and away again when the stream is stopped: the next one brings out what waits on disk."""
    write_video(tmp_path / "display.avi", Display(texts=("18.4", "18.9"), stays=40))
    broker = mosquitto("max_inflight_messages 0")
    path = config(
        tmp_path,
        'name = "hall"',
        'camera = { source = "display.avi", loop = true }',
        'jsonl = [{ path = "events.jsonl" }]',
        f'mqtt = {{ host = "127.0.0.1", port = {broker.port} }}',
    )

    def written():
        return [event["id"] for event in events_in(tmp_path / "events.jsonl")]

    def arrived():
        return [event["id"] for event in listener.events]

    with Listener(broker.port) as listener:
        with Running(path) as stream:
            until(lambda: len(arrived()) >= 2, "two events")
            broker.kill()
            before = len(written())
            time.sleep(away_s)
            assert len(written()) > before
            broker.start()
            until(lambda: len(arrived()) >= len(written()) - 1 > before, "what came while the broker was away")
            broker.kill()
            last = len(written())
            until(lambda: len(written()) >= last + 2, "two events more")
            assert stream.stop() == 0
        ids = written()
        broker.start()
        with Running("--seconds", 5, path) as stream:
            until(lambda: len(arrived()) >= len(ids), "what waited on disk")
            assert stream.process.wait(30) == 0
        assert arrived()[: len(ids)] == ids
