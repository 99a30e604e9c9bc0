"""Home Assistant's MQTT discovery: one retained message makes a device of a stream, with a sensor for each number.

https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload (Home Assistant 2024.11 or newer),
https://www.home-assistant.io/integrations/sensor.mqtt/
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec

from ...settings import Number
from .device_classes import CLASSES, NO_CLASS, RISING, STEADY
from .topics import OFFLINE, ONLINE, Topics


def is_numeric(number: Number) -> bool:
    """Return whether a number is sent as its value: with a unit or class Home Assistant takes nothing else."""
    return number.kind == "counter" or bool(number.unit or number.device_class)


def status_topic(prefix: str) -> str:
    """Return where Home Assistant says "online" when it starts."""
    return f"{prefix}/status"


def discovery(
    prefix: str, topics: Topics, numbers: Sequence[Number], before: Mapping[str, bytes] | None = None
) -> dict[str, bytes]:
    """Return what makes a device and its sensors: topic → payload, to be retained and sent in this order.

    A sensor's state is the last sure reading; the last one of all, sure or not, is in its attributes. Messages of one
    sensor each, as an earlier EdgeReader sent them, come first and are empty: Home Assistant takes no sensor twice.

    Args:
        prefix: of the topics, as Home Assistant's settings have it.
        before: what retained topics said until now; sensors of the last message that are none any more are removed.
    """
    node = _node(topics)
    topic = f"{prefix}/device/{node}/config"
    sensors = {number.name: _sensor(node, topics, number) for number in numbers}
    gone = _sensors_of((before or {}).get(topic, b"")) - sensors.keys()
    device = {
        "dev": {
            "identifiers": [node],
            "name": topics.stream,
            "manufacturer": "EdgeReader",
            "model": "camera stream",
            "sw_version": _version(),
        },
        "o": {"name": "EdgeReader", "sw_version": _version()},
        "cmps": {**{name: {"p": "sensor"} for name in sorted(gone)}, **sensors},
        "availability_topic": topics.availability,
        "payload_available": ONLINE.decode(),
        "payload_not_available": OFFLINE.decode(),
        "qos": 1,
    }
    single = {f"{prefix}/sensor/{node}/{name}/config": b"" for name in sensors}
    return {**single, topic: msgspec.json.encode(device)}


def _node(topics: Topics) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", f"{topics.root}_{topics.stream}")


def _sensors_of(payload: bytes) -> set[str]:
    """Return sensors that an earlier message made, not those that it removed."""
    with contextlib.suppress(msgspec.DecodeError, AttributeError, TypeError):
        return {name for name, sensor in msgspec.json.decode(payload)["cmps"].items() if "unique_id" in sensor}
    return set()


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


def _version() -> str:
    try:
        return version("edgereader")
    except PackageNotFoundError:
        return ""
