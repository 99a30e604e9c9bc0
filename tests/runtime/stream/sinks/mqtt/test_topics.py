import msgspec
import pytest

from edgereader.runtime.stream.sinks.mqtt.topics import state

from ...made import make_event


def said(*events, numeric=True) -> dict:
    """What is retained after events."""
    now = None
    for event in events:
        now = state(event, now, numeric=numeric)
    return msgspec.json.decode(now)


def test_a_sure_reading_is_the_state():
    event = make_event(7)
    assert said(event) == {
        "text": "00007",
        "value": 7.0,
        "confidence": 0.99,
        "at": event.at,
        "sure": True,
        "note": "",
        "last_sure": 7.0,
        "last_sure_at": event.at,
    }
    assert said(event, numeric=False)["last_sure"] == "00007"


def test_an_unsure_reading_leaves_the_last_sure_one():
    now = said(make_event(7), make_event(8, sure=False, note="not plausible: jumps"))
    assert (now["value"], now["sure"], now["note"]) == (8.0, False, "not plausible: jumps")
    assert (now["last_sure"], now["last_sure_at"]) == (7.0, make_event(7).at)


def test_home_assistant_takes_no_longer_state():
    assert len(said(make_event(text="1" * 300), numeric=False)["last_sure"]) == 255


@pytest.mark.parametrize("before", [None, b'{"text": 3}'], ids=["nothing", "another version's"])
def test_before_the_first_sure_reading_there_is_none(before):
    assert msgspec.json.decode(state(make_event(8, sure=False), before, numeric=True))["last_sure"] is None
