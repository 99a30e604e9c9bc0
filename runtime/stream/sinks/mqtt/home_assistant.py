"""Home Assistant's MQTT discovery: one retained message makes a device of a stream, with entities for each number.

https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload (Home Assistant 2024.11 or newer),
https://www.home-assistant.io/integrations/sensor.mqtt/, .../binary_sensor.mqtt/, .../image.mqtt/
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ....extras import installed_version
from ...settings import Number
from .device_classes import CLASSES, NO_CLASS, RISING, STEADY
from .topics import OFFLINE, ONLINE, Topics

RATES = {
    "m³": ("m³/h", "volume_flow_rate"),
    "L": ("L/h", "volume_flow_rate"),
    "Wh": ("W", "power"),
    "kWh": ("kW", "power"),
    "MWh": ("MW", "power"),
}
"""Unit of a counter → that of its rate an hour, and its device class."""


def is_numeric(number: Number) -> bool:
    """Return whether a number is sent as its value: with a unit or class Home Assistant takes nothing else."""
    return number.kind == "counter" or bool(number.unit or number.device_class)


def status_topic(prefix: str) -> str:
    """Return where Home Assistant says "online" when it starts."""
    return f"{prefix}/status"


def discovery(
    prefix: str,
    topics: Topics,
    numbers: Sequence[Number],
    before: Mapping[str, bytes] | None = None,
    *,
    pictures: bool = False,
) -> dict[str, bytes]:
    """Return what makes a device and its entities: topic → payload, to be retained and sent in this order.

    A number's own sensor says the last sure reading; the last one of all, sure or not, is in its attributes. Beside it
    are the reading as it was, its confidence, whether there is a problem, of a counter its rate, and a picture.
    Messages of one sensor each, as an earlier EdgeReader sent them, come first and are empty: Home Assistant takes no
    sensor twice.

    Args:
        prefix: of the topics, as Home Assistant's settings have it.
        before: what retained topics said until now; entities of the last message that are none any more are removed.
        pictures: whether pictures of the numbers are sent.
    """
    node = _node(topics)
    topic = f"{prefix}/device/{node}/config"
    names = {number.name for number in numbers}
    found = {number.name: _sensor(node, topics, number) for number in numbers}
    for number in numbers:
        for what, entity in _beside(topics, number, pictures=pictures).items():
            key = f"{number.name}_{what}"
            while key in names:
                key += "_"
            more = {"name": f"{number.name} {what}", "unique_id": f"{node}_{key}", "entity_category": "diagnostic"}
            found[key] = {**more, **entity}
    before_now = _entities_of((before or {}).get(topic, b""))
    gone = {name: {"p": kind} for name, kind in sorted(before_now.items()) if name not in found}
    device = {
        "dev": {
            "identifiers": [node],
            "name": topics.stream,
            "manufacturer": "EdgeReader",
            "model": "camera stream",
            "sw_version": installed_version(),
        },
        "o": {"name": "EdgeReader", "sw_version": installed_version()},
        "cmps": {**gone, **found},
        "availability_topic": topics.availability,
        "payload_available": ONLINE.decode(),
        "payload_not_available": OFFLINE.decode(),
        "qos": 1,
    }
    single = {f"{prefix}/sensor/{node}/{name}/config": b"" for name in sorted(names)}
    return {**single, topic: msgspec.json.encode(device)}


def _node(topics: Topics) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", f"{topics.root}_{topics.stream}")


def _entities_of(payload: bytes) -> dict[str, str]:
    """Return entities that an earlier message made, each with its platform; not those that it removed."""
    with contextlib.suppress(msgspec.DecodeError, AttributeError, TypeError, KeyError):
        entities = msgspec.json.decode(payload)["cmps"].items()
        return {name: str(entity["p"]) for name, entity in entities if "unique_id" in entity}
    return {}


def _beside(topics: Topics, number: Number, *, pictures: bool) -> dict[str, dict[str, Any]]:
    """Return what Home Assistant shows of a number beside its value: what it is → the entity."""
    state, live = topics.state(number.name), topics.live(number.name)
    found: dict[str, dict[str, Any]] = {
        "reading": {"p": "sensor", "state_topic": state, "value_template": "{{ value_json.text }}"},
        "confidence": {
            "p": "sensor",
            "state_topic": state,
            "value_template": "{{ (value_json.confidence * 100) | round(1) }}",
            "unit_of_measurement": "%",
            "state_class": "measurement",
        },
        "problem": {
            "p": "binary_sensor",
            "state_topic": live,
            "value_template": "{{ 'ON' if value_json.problem else 'OFF' }}",
            "json_attributes_topic": live,
            "device_class": "problem",
        },
    }
    if number.kind == "counter":
        unit, device_class = RATES.get(number.unit, (f"{number.unit}/h" if number.unit else "", ""))
        rate = {"unit_of_measurement": unit, "device_class": device_class, "state_class": "measurement"}
        says = {"p": "sensor", "state_topic": live, "value_template": "{{ value_json.rate }}"}
        found["rate"] = {**says, **{key: value for key, value in rate.items() if value}}
    if pictures:
        picture = {"image_topic": topics.picture(number.name), "content_type": "image/jpeg"}
        found["picture"] = {"p": "image", **picture}
    return found


def _sensor(node: str, topics: Topics, number: Number) -> dict[str, Any]:
    state = topics.state(number.name)
    sensor = {
        "p": "sensor",
        "name": number.name,
        "unique_id": f"{node}_{number.name}",
        "state_topic": state,
        "value_template": "{{ value_json.last_sure }}",
        "json_attributes_topic": state,
        "unit_of_measurement": number.unit,
        "device_class": number.device_class,
        "state_class": _state_class(number),
        "suggested_display_precision": number.decimals or "",
    }
    return {key: value for key, value in sensor.items() if value != ""}


def _state_class(number: Number) -> str:
    """Return what Home Assistant's statistics make of a number: the first that its device class may be."""
    if not is_numeric(number):
        return ""
    allowed = CLASSES.get(number.device_class, NO_CLASS).states
    wanted = RISING if number.kind == "counter" and not number.falls else STEADY
    return next((name for name in wanted if name in allowed), "")
