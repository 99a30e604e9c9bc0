import re

import msgspec
import pytest

from edgereader.runtime.stream.settings import Number
from edgereader.runtime.stream.sinks.mqtt.device_classes import CLASSES
from edgereader.runtime.stream.sinks.mqtt.home_assistant import discovery, is_numeric
from edgereader.runtime.stream.sinks.mqtt.topics import Topics

TOPICS = Topics("site/edge", "cellar")
DEVICE_TOPIC = "homeassistant/device/site_edge_cellar/config"
SENSOR = {
    "p": str,
    "entity_category": str,
    "name": str,
    "unique_id": str,
    "state_topic": str,
    "value_template": str,
    "json_attributes_topic": str,
    "unit_of_measurement": str,
    "device_class": str,
    "state_class": str,
    "suggested_display_precision": int,
}
"""Keys of Home Assistant's MQTT sensor that we use; it refuses a message with any that it does not know."""
COMMON = {"p", "name", "unique_id", "entity_category"}
KEYS = {
    "sensor": set(SENSOR),
    "binary_sensor": COMMON | {"state_topic", "value_template", "json_attributes_topic", "device_class"},
    "image": COMMON | {"image_topic", "content_type"},
}
DEVICE = {"identifiers": list, "name": str, "manufacturer": str, "model": str, "sw_version": str}
SHARED = {"availability_topic", "payload_available", "payload_not_available", "qos"}
"""Keys that Home Assistant hands on from the device to its sensors."""
STATE_CLASSES = {"measurement", "measurement_angle", "total", "total_increasing"}


def valid(payload: bytes) -> dict:
    """A message of device discovery as Home Assistant's documentation demands it."""
    device = msgspec.json.decode(payload)
    assert set(device) == {"dev", "o", "cmps"} | SHARED
    assert all(isinstance(value, DEVICE[key]) for key, value in device["dev"].items())
    assert device["dev"]["identifiers"]  # a device needs these or connections
    assert device["o"]["name"]
    assert device["qos"] == 1
    for sensor in device["cmps"].values():
        if set(sensor) == {"p"}:
            continue  # what removes it
        assert set(sensor) <= KEYS[sensor["p"]]
        assert all(isinstance(value, SENSOR.get(key, str)) and value != "" for key, value in sensor.items())
        assert sensor["unique_id"]
        assert sensor.get("state_topic") or sensor["image_topic"]
        if device_class := sensor.get("device_class") if sensor["p"] == "sensor" else None:
            assert sensor.get("unit_of_measurement", "") == "" or CLASSES[device_class].takes(
                sensor["unit_of_measurement"]
            )
        assert sensor.get("state_class", "total") in STATE_CLASSES
        assert not re.search(r"[#+]", sensor.get("state_topic", "") + device["availability_topic"])
    return device


def only(number: Number) -> dict:
    """The sensor of a number alone."""
    *_, payload = discovery("homeassistant", TOPICS, [number]).values()
    return valid(payload)["cmps"][number.name]


def test_a_water_meter_is_all_that_the_energy_dashboard_wants():
    sensor = only(Number(name="water", kind="counter", unit="m³", device_class="water", decimals=3))
    assert sensor["state_class"] == "total_increasing"
    assert sensor["unit_of_measurement"] == "m³"
    assert sensor["device_class"] == "water"
    assert sensor["suggested_display_precision"] == 3
    assert sensor["state_topic"] == sensor["json_attributes_topic"] == "site/edge/cellar/water/state"
    assert sensor["value_template"] == "{{ value_json.last_sure }}"


@pytest.mark.parametrize(
    ("device_class", "rises", "falls", "free"),
    [
        ("energy", "total_increasing", "total", "total"),
        ("water", "total_increasing", "total", "total"),
        ("weight", "total_increasing", "measurement", "measurement"),
        ("temperature", "measurement", "measurement", "measurement"),
        ("volume_storage", "measurement", "measurement", "measurement"),
        ("monetary", "total", "total", "total"),
        ("wind_direction", "measurement_angle", "measurement_angle", "measurement_angle"),
    ],
)
def test_the_state_class_is_one_that_the_device_class_may_be(device_class, rises, falls, free):
    unit = next(iter(CLASSES[device_class].units or ("EUR",)))
    for number, expected in (
        (Number(kind="counter", device_class=device_class, unit=unit), rises),
        (Number(kind="counter", falls=True, device_class=device_class, unit=unit), falls),
        (Number(device_class=device_class, unit=unit), free),
    ):
        assert only(number)["state_class"] == expected


def test_every_device_class_has_a_state_class_of_its_own_whatever_the_number():
    for name, found in CLASSES.items():
        for number in (Number(kind="counter", device_class=name), Number(device_class=name)):
            assert only(number)["state_class"] in found.states


@pytest.mark.parametrize(
    ("number", "state_class"),
    [
        (Number(kind="counter"), "total_increasing"),
        (Number(kind="counter", falls=True), "measurement"),
        (Number(unit="bar"), "measurement"),
        (Number(name="gate", kind="plate"), None),
    ],
)
def test_a_number_without_a_class_counts_up_or_is_measured_and_a_plate_has_no_statistics(number, state_class):
    sensor = only(number)
    assert sensor.get("state_class") == state_class
    assert sensor.get("unit_of_measurement", "") == number.unit
    assert not {"device_class", "suggested_display_precision"} & set(sensor)


def test_numbers_of_a_stream_are_one_device_with_ids_of_their_own():
    *singles, (topic, payload) = discovery("ha", TOPICS, [Number(name="a"), Number(name="b")]).items()
    assert topic == "ha/device/site_edge_cellar/config"
    device = valid(payload)
    assert (device["dev"]["identifiers"], device["availability_topic"]) == (["site_edge_cellar"], TOPICS.availability)
    ids = {name: sensor["unique_id"] for name, sensor in device["cmps"].items()}
    assert ids.items() >= {"a": "site_edge_cellar_a", "b": "site_edge_cellar_b"}.items()
    assert len(set(ids.values())) == len(ids)
    assert singles == [(f"ha/sensor/site_edge_cellar/{name}/config", b"") for name in "ab"]


def test_a_number_that_is_gone_is_removed_once():
    first = discovery("homeassistant", TOPICS, [Number(name="a"), Number(name="b")])
    second = discovery("homeassistant", TOPICS, [Number(name="a")], first)
    assert valid(second[DEVICE_TOPIC])["cmps"]["b"] == {"p": "sensor"}
    third = discovery("homeassistant", TOPICS, [Number(name="a")], second)
    assert set(valid(third[DEVICE_TOPIC])["cmps"]) == {"a", "a_reading", "a_confidence", "a_problem"}


@pytest.mark.parametrize("before", [b"", b"no json", b"[]", b'{"cmps": 3}', b'{"cmps": {"x": 3}}'])
def test_whatever_was_said_before_is_no_trouble(before):
    found = discovery("homeassistant", TOPICS, [Number()], {DEVICE_TOPIC: before})
    assert "number" in valid(found[DEVICE_TOPIC])["cmps"]
    assert not [entity for entity in valid(found[DEVICE_TOPIC])["cmps"].values() if set(entity) == {"p"}]


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
def test_what_has_a_unit_or_class_is_sent_as_its_value(number, numeric):
    assert is_numeric(number) is numeric


def test_beside_its_value_a_number_has_what_there_is_to_know():
    water = Number(name="water", kind="counter", unit="m³", device_class="water")
    found = discovery("ha", TOPICS, [water, Number(name="water_rate")], pictures=True)
    entities = valid(found["ha/device/site_edge_cellar/config"])["cmps"]
    rate = entities["water_rate_"]
    assert (rate["state_topic"], rate["unit_of_measurement"], rate["device_class"]) == (
        "site/edge/cellar/water/live",
        "m³/h",
        "volume_flow_rate",
    )
    assert entities["water_problem"]["p"] == "binary_sensor"
    assert entities["water_picture"]["image_topic"] == "site/edge/cellar/water/picture"
    assert entities["water_confidence"]["unit_of_measurement"] == "%"
    assert "water_rate_rate" not in entities, "only counters have one"


def test_a_picture_that_is_not_sent_any_more_is_removed_as_a_picture():
    first = discovery("homeassistant", TOPICS, [Number(name="a")], pictures=True)
    second = discovery("homeassistant", TOPICS, [Number(name="a")], first)
    assert valid(second[DEVICE_TOPIC])["cmps"]["a_picture"] == {"p": "image"}
