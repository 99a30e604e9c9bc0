import re

import msgspec
import pytest

from edgereader.runtime.stream.settings import Number
from edgereader.runtime.stream.sinks.home_assistant import discovery, is_numeric, status_topic
from edgereader.runtime.stream.sinks.topics import Topics

TOPICS = Topics("site/edge", "cellar")
TOPIC = re.compile(r"homeassistant/sensor/([A-Za-z0-9_-]+/)?[A-Za-z0-9_-]+/config")
SENSOR = {
    "name": str,
    "unique_id": str,
    "state_topic": str,
    "value_template": str,
    "json_attributes_topic": str,
    "availability_topic": str,
    "payload_available": str,
    "payload_not_available": str,
    "qos": int,
    "device": dict,
    "origin": dict,
    "unit_of_measurement": str,
    "device_class": str,
    "state_class": str,
    "suggested_display_precision": int,
}
"""Keys of Home Assistant's MQTT sensor that we use; it refuses a message with any that it does not know."""
DEVICE = {"identifiers": list, "name": str, "manufacturer": str, "model": str, "sw_version": str}
STATE_CLASSES = {"measurement", "total", "total_increasing"}


def valid(topic: str, payload: bytes) -> dict:
    """A discovery message as Home Assistant's documentation demands it."""
    sensor = msgspec.json.decode(payload)
    assert TOPIC.fullmatch(topic)
    assert all(isinstance(value, SENSOR[key]) and value != "" for key, value in sensor.items())
    assert all(isinstance(value, DEVICE[key]) for key, value in sensor["device"].items())
    assert sensor["state_topic"]
    assert sensor["unique_id"]  # without it, device is ignored
    assert sensor["device"]["identifiers"]  # a device needs these or connections
    assert sensor["origin"]["name"]
    assert 0 <= sensor["qos"] <= 2
    assert sensor.get("state_class", "total") in STATE_CLASSES
    assert not re.search(r"[#+]", sensor["state_topic"] + sensor["availability_topic"])
    return sensor


def only(number: Number) -> dict:
    ((topic, payload),) = discovery("homeassistant", TOPICS, [number]).items()
    return valid(topic, payload)


def test_a_water_meter_is_all_that_the_energy_dashboard_wants():
    sensor = only(Number(name="water", kind="counter", unit="m³", device_class="water", decimals=3))
    assert sensor["state_class"] == "total_increasing"
    assert sensor["unit_of_measurement"] == "m³"
    assert sensor["device_class"] == "water"
    assert sensor["suggested_display_precision"] == 3
    assert sensor["state_topic"] == sensor["json_attributes_topic"] == "site/edge/cellar/water/state"
    assert sensor["availability_topic"] == "site/edge/cellar/availability"
    assert sensor["value_template"] == "{{ value_json.last_sure }}"


@pytest.mark.parametrize(
    ("device_class", "state_class"), [("energy", "total"), ("temperature", "measurement"), ("", "measurement")]
)
def test_a_counter_that_falls(device_class, state_class):
    assert only(Number(kind="counter", falls=True, device_class=device_class))["state_class"] == state_class


def test_a_plate_has_no_unit_no_class_and_no_statistics():
    sensor = only(Number(name="gate", kind="plate"))
    assert not {"unit_of_measurement", "device_class", "state_class", "suggested_display_precision"} & set(sensor)


def test_a_meter_that_shows_its_point_keeps_its_digits_behind_it():
    assert "suggested_display_precision" not in only(Number(kind="counter"))


def test_numbers_of_a_stream_are_one_device_with_ids_of_their_own():
    found = discovery("ha", TOPICS, [Number(name="a"), Number(name="b")])
    sensors = [msgspec.json.decode(payload) for payload in found.values()]
    assert list(found) == ["ha/sensor/site_edge_cellar/a/config", "ha/sensor/site_edge_cellar/b/config"]
    assert sensors[0]["device"] == sensors[1]["device"]
    assert sensors[0]["unique_id"] != sensors[1]["unique_id"]


def test_streams_are_devices_of_their_own():
    first, second = (
        msgspec.json.decode(*discovery("ha", topics, [Number()]).values())
        for topics in (TOPICS, Topics("site/edge", "roof"))
    )
    assert first["device"]["identifiers"] != second["device"]["identifiers"]
    assert first["unique_id"] != second["unique_id"]


@pytest.mark.parametrize(
    ("number", "numeric"),
    [
        (Number(kind="counter"), True),
        (Number(unit="l"), True),
        (Number(device_class="volume"), True),
        (Number(), False),
        (Number(kind="plate"), False),
    ],
)
def test_what_has_a_unit_or_class_is_told_by_its_value(number, numeric):
    assert is_numeric(number) is numeric


def test_home_assistants_own_topic():
    assert status_topic("homeassistant") == "homeassistant/status"
