"""Events of all kinds, and restarts; rendered clips are read in `test_stream`."""

import json
from datetime import datetime, timedelta, timezone

import msgspec
import pytest

from edgereader.runtime.stream.numbers.emitter import Emitter
from edgereader.runtime.stream.settings import Number

from .seen import CROP, START_S, a_track, quad_at, seen

COUNTER = Number(name="n", kind="counter", digits=6)


def feed(emitter, text, seconds, *, start=0.0, taken_s=0.0):
    """Let a emitter see a text, ten frames a second; the events."""
    emitted = []
    for frame in range(round(seconds * 10)):
        second = start + frame / 10
        emitted += [event for event, _ in emitter.emit(seen(second + taken_s, a_track(text), at_s=second))]
    return emitted


def test_an_event_says_all_there_is_to_say():
    emitter = Emitter("hall", [Number(name="n")], clock=lambda: 7.25, now=lambda: 1.5e9)
    [(event, crop)] = emitter.emit(seen(7.0, a_track("18.4", of=5, quad=quad_at(10.04, 20, 100, 30))))
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
    emitter = Emitter("hall", [Number(name="n")], now=lambda: next(times))
    ids = [event.id for text in "1234" for event in feed(emitter, text, 1)]
    assert ids == sorted(set(ids))
    assert ids[-1] == 2_000_000_000_000_000


def test_numbers_do_not_mix():
    emitter = Emitter("hall", [COUNTER, Number(name="p", kind="plate")])
    emitted = []
    for frame in range(100):
        tracks = a_track("027416"), a_track("48213", of=2, number="p", quad=quad_at(y=300))
        emitted += [(event.name, event.kind, event.text) for event, _ in emitter.emit(seen(frame / 10, *tracks))]
    assert emitted == [("p", "plate", "48213"), ("n", "counter", "027416")]
    assert {name: now.text for name, now in emitter.values.items()} == {"p": "48213", "n": "027416"}


def test_nothing_seen_nothing_said():
    emitter = Emitter("hall", [COUNTER])
    assert (emitter.close(), emitter.values) == ([], {})


def restarted(emitter, *numbers):
    """A new emitter that goes on where the old one was, by way of JSON."""
    new = Emitter("hall", numbers or [COUNTER])
    new.restore(json.loads(json.dumps(emitter.state)))
    return new


def test_a_counter_goes_on_after_a_restart():
    emitter = Emitter("hall", [COUNTER])
    before = feed(emitter, "027416", 10)
    emitter = restarted(emitter)
    assert feed(emitter, "027410", 60, start=1, taken_s=3600)[0].sure is False
    assert feed(emitter, "027416", 60, start=61, taken_s=3600) == []
    after = feed(emitter, "027417", 1, start=121, taken_s=3600)
    assert [event.value for event in (*before, *after)] == [27416.0, 27417.0]
    assert after[0].id > before[0].id


def test_ids_rise_over_a_restart_with_a_clock_that_is_behind():
    emitter = Emitter("hall", [COUNTER], now=lambda: 2e9)
    before = feed(emitter, "027416", 10)
    new = Emitter("hall", [COUNTER], now=lambda: 1e9)
    new.restore(emitter.state)
    assert feed(new, "027417", 1, taken_s=11)[0].id == before[0].id + 1


def test_the_time_of_the_restart_counts_for_the_rate():
    slow = Number(name="n", kind="counter", digits=6, max_rate=10)
    emitter = Emitter("hall", [slow])
    feed(emitter, "027416", 10)
    early, late = (feed(restarted(emitter, slow), "027425", 40, taken_s=after_s) for after_s in (600, 3600))
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
    emitter = Emitter("hall", [COUNTER])
    feed(emitter, "027416", 10)
    assert restarted(emitter, other).state["counters"] == {}


@pytest.mark.parametrize("damaged", [None, [], {}, {"id": "x"}, {"id": 1, "second": 0, "taken_s": None}, "state"])
def test_a_damaged_state_is_emitted_and_begun_anew(damaged, caplog):
    emitter = Emitter("hall", [COUNTER])
    emitter.restore(damaged)
    assert "begin anew" in caplog.text
    assert [event.value for event in feed(emitter, "027416", 10)] == [27416.0]
