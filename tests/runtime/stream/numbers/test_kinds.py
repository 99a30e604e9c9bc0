"""Events of all kinds, restarts, and the real bundle on rendered clips."""

import json
from datetime import datetime, timedelta, timezone

import msgspec
import pytest

from edgereader.runtime.reader import Reader
from edgereader.runtime.stream.numbers.kinds import Teller
from edgereader.runtime.stream.settings import Looking, Number
from edgereader.runtime.stream.sources.frames import Shot
from edgereader.runtime.stream.tracking.watcher import Watcher

from .. import meters
from ..seen import CROP, START_S, a_track, quad_at, seen

COUNTER = Number(name="n", kind="counter", digits=6)


def feed(teller, text, seconds, *, start=0.0, taken_s=0.0):
    """Let a teller see a text, ten frames a second; the events."""
    told = []
    for frame in range(round(seconds * 10)):
        second = start + frame / 10
        told += [event for event, _ in teller.tell(seen(second + taken_s, a_track(text), at_s=second))]
    return told


def test_an_event_says_all_there_is_to_say():
    teller = Teller("hall", [Number(name="n")], clock=lambda: 7.25, now=lambda: 1.5e9)
    [(event, crop)] = teller.tell(seen(7.0, a_track("18.4", of=5, quad=quad_at(10.04, 20, 100, 30))))
    assert json.loads(msgspec.json.encode(event)) == {
        "id": 1_500_000_000_000_000,
        "at": "2023-11-14T22:13:27.000+00:00",
        "stream": "hall",
        "name": "n",
        "kind": "free",
        "text": "18.4",
        "value": 18.4,
        "confidence": 0.99,
        "sure": True,
        "note": "",
        "track": 5,
        "quad": [[10.0, 20.0], [110.0, 20.0], [110.0, 50.0], [10.0, 50.0]],
        "frame_hw": [480, 640],
        "frames": 8,
        "latency_ms": 250.0,
    }
    assert crop is CROP
    assert datetime.fromisoformat(event.at) == datetime.fromtimestamp(START_S, timezone.utc) + timedelta(seconds=7)


def test_ids_rise_even_when_the_clock_stands_or_goes_back():
    times = iter([1e9, 1e9, 5e8, 2e9])
    teller = Teller("hall", [Number(name="n")], now=lambda: next(times))
    ids = [event.id for text in "1234" for event in feed(teller, text, 1)]
    assert ids == sorted(set(ids))
    assert ids[-1] == 2_000_000_000_000_000


def test_numbers_do_not_mix():
    teller = Teller("hall", [COUNTER, Number(name="p", kind="plate")])
    told = []
    for frame in range(100):
        tracks = a_track("027416"), a_track("48213", of=2, number="p", quad=quad_at(y=300))
        told += [(event.name, event.kind, event.text) for event, _ in teller.tell(seen(frame / 10, *tracks))]
    assert told == [("p", "plate", "48213"), ("n", "counter", "027416")]
    assert {name: now.text for name, now in teller.values.items()} == {"p": "48213", "n": "027416"}


def test_nothing_seen_nothing_said():
    teller = Teller("hall", [COUNTER])
    assert (teller.close(), teller.values) == ([], {})


def restarted(teller, *numbers):
    """A new teller that goes on where the old one was, by way of JSON."""
    new = Teller("hall", numbers or [COUNTER])
    new.restore(json.loads(json.dumps(teller.state)))
    return new


def test_a_counter_goes_on_after_a_restart():
    teller = Teller("hall", [COUNTER])
    before = feed(teller, "027416", 10)
    teller = restarted(teller)
    assert feed(teller, "027410", 60, start=1, taken_s=3600)[0].sure is False
    assert feed(teller, "027416", 60, start=61, taken_s=3600) == []
    after = feed(teller, "027417", 1, start=121, taken_s=3600)
    assert [event.value for event in (*before, *after)] == [27416.0, 27417.0]
    assert after[0].id > before[0].id


def test_ids_rise_over_a_restart_with_a_clock_that_is_behind():
    teller = Teller("hall", [COUNTER], now=lambda: 2e9)
    before = feed(teller, "027416", 10)
    new = Teller("hall", [COUNTER], now=lambda: 1e9)
    new.restore(teller.state)
    assert feed(new, "027417", 1, taken_s=11)[0].id == before[0].id + 1


def test_the_time_of_the_restart_counts_for_the_rate():
    slow = Number(name="n", kind="counter", digits=6, max_rate=10)
    teller = Teller("hall", [slow])
    feed(teller, "027416", 10)
    early, late = (feed(restarted(teller, slow), "027425", 40, taken_s=after_s) for after_s in (600, 3600))
    assert [(event.value, event.note) for event in early if event.sure] == [(27425.0, "meter changed")]
    assert [(event.value, event.note) for event in late if event.sure] == [(27425.0, "")]


@pytest.mark.parametrize(
    "other",
    [
        Number(name="n", kind="counter", digits=5),
        Number(name="n", kind="counter", digits=6, decimals=1),
        Number(name="n", kind="counter", digits=6, falls=True),
        Number(name="n", kind="free"),
        Number(name="m", kind="counter", digits=6),
    ],
)
def test_other_settings_begin_anew(other):
    teller = Teller("hall", [COUNTER])
    feed(teller, "027416", 10)
    assert restarted(teller, other).state["counters"] == {}


@pytest.mark.parametrize("damaged", [None, [], {}, {"id": "x"}, {"id": 1, "second": 0, "taken_s": None}, "state"])
def test_a_damaged_state_is_told_and_begun_anew(damaged, caplog):
    teller = Teller("hall", [COUNTER])
    teller.restore(damaged)
    assert "begin anew" in caplog.text
    assert [event.value for event in feed(teller, "027416", 10)] == [27416.0]


def test_clocks_that_are_set_do_no_harm():
    teller = Teller("hall", [Number(name="n", kind="counter", digits=6, max_rate=100)])
    values = []
    for number, taken_s in enumerate((0, -1e9, -1e9, 5e8, 5e8, -1e9)):
        values += [e.value for e in feed(teller, f"{100 + number:06d}", 60, start=60 * number, taken_s=taken_s)]
    assert values == [100.0, 101.0, 102.0, 103.0, 104.0, 105.0]


@pytest.fixture(scope="module")
def reader():
    """The shipped bundle."""
    return Reader("digits-edge", upright=True, threads=1)


def watch(reader, number, pictures):
    """The events of a clip, and the truth of all frames before each."""
    watcher, teller = Watcher(reader, Looking(), [number]), Teller("clip", [number])
    found, truths = [], []
    for place, (frame, truth) in enumerate(pictures):
        truths.append(truth)
        for each in watcher.look([Shot(frame, place, place / 25, START_S + place / 25)]):
            found += [(event, list(truths)) for event, _ in teller.tell(each)]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("dark", [True, False])
def test_a_rolling_meter_in_glare_blur_and_broken_frames(reader, dark):
    meter = meters.Meter(frames=400, dark=dark, seed=3, value_at=lambda second: 27495.6 + 0.4 * second)
    number = Number(name="m", kind="counter", digits=6, region=meter.region)
    found = [(event, truths) for event, truths in watch(reader, number, meter) if event.sure]
    for event, truths in found:
        assert any(event.text in truth.texts for truth in truths[-10:])
    values = [event.value for event, _ in found]
    assert len(values) >= 3
    assert values == [values[0] + more for more in range(len(values))]


@pytest.mark.slow
def test_plates_that_pass(reader):
    plates = meters.Plates(seed=1)
    found = watch(reader, Number(name="p", kind="plate"), plates)
    assert [(event.text, event.sure) for event, _ in found] == [(text, True) for text in plates.texts]


@pytest.mark.slow
def test_a_display_that_changes(reader):
    found = watch(reader, Number(name="d"), meters.Display())
    assert [event.text for event, _ in found if event.sure] == ["18.4", "18.9", "20.1"]
