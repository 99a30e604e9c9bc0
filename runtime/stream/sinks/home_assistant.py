"""Home Assistant's MQTT discovery: one retained message a number makes it a sensor.

https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery, https://www.home-assistant.io/integrations/sensor.mqtt/
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec

from ..settings import Number
from .topics import OFFLINE, ONLINE, Topics

TOTALS = frozenset({"energy", "gas", "volume", "water"})
"""Device classes whose amount may also fall, which Home Assistant calls "total", and which are no measurement."""


def is_numeric(number: Number) -> bool:
    """Whether a number is told by its value; Home Assistant takes only numbers where there is a unit or class."""
    return number.kind == "counter" or bool(number.unit or number.device_class)


def status_topic(prefix: str) -> str:
    """Where Home Assistant says "online" when it starts."""
    return f"{prefix}/status"


def discovery(prefix: str, topics: Topics, numbers: Sequence[Number]) -> dict[str, bytes]:
    """What makes sensors of numbers: topic → payload, to be retained.

    The sensor's state is the last sure reading; the last one of all, sure or not, is in its attributes.
    """
    node = re.sub(r"[^A-Za-z0-9_-]", "_", f"{topics.root}_{topics.stream}")
    return {
        f"{prefix}/sensor/{node}/{number.name}/config": msgspec.json.encode(_sensor(node, topics, number))
        for number in numbers
    }


def _sensor(node: str, topics: Topics, number: Number) -> dict[str, Any]:
    state = topics.state(number.name)
    sensor = {
        "name": number.name,
        "unique_id": f"{node}_{number.name}",
        "state_topic": state,
        "value_template": "{{ value_json.last_sure }}",
        "json_attributes_topic": state,
        "availability_topic": topics.availability,
        "payload_available": ONLINE.decode(),
        "payload_not_available": OFFLINE.decode(),
        "qos": 1,
        "device": {
            "identifiers": [node],
            "name": topics.stream,
            "manufacturer": "EdgeReader",
            "model": "camera stream",
            "sw_version": _version(),
        },
        "origin": {"name": "EdgeReader", "sw_version": _version()},
        "unit_of_measurement": number.unit,
        "device_class": number.device_class,
        "state_class": _state_class(number),
        "suggested_display_precision": number.decimals or "",
    }
    return {key: value for key, value in sensor.items() if value != ""}


def _state_class(number: Number) -> str:
    if number.kind != "counter":
        return ""
    if not number.falls:
        return "total_increasing"
    return "total" if number.device_class in TOTALS else "measurement"


def _version() -> str:
    try:
        return version("edgereader")
    except PackageNotFoundError:
        return ""
