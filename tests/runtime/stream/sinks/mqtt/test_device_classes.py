import re

import pytest

from edgereader.runtime.stream.sinks.mqtt import device_classes
from edgereader.runtime.stream.sinks.mqtt.device_classes import CLASSES, NO_NUMBERS, nearest

STATES = {"measurement", "measurement_angle", "total", "total_increasing"}


def test_the_table_is_whole():
    """The numbers are those of Home Assistant's own enumeration, less what is no number."""
    assert re.fullmatch(r"\d{4}\.\d+\.\d+", device_classes.VERSION)
    assert len(CLASSES) == 58
    assert not NO_NUMBERS & set(CLASSES)
    for found in CLASSES.values():
        assert found.states
        assert found.states <= STATES
        assert found.units is None or len(set(found.units)) == len(found.units) > 0


@pytest.mark.parametrize(
    ("name", "unit", "takes"),
    [
        ("water", "m³", True),
        ("water", "m3", False),
        ("water", "", False),
        ("gas", "ft³", True),
        ("energy", "kWh", True),
        ("energy", "kwh", False),
        ("power_factor", "", True),
        ("ph", "", True),
        ("ph", "pH", False),
        ("monetary", "EUR", True),
        ("pm25", "\u00b5g/m³", True),
        ("pm25", "\u03bcg/m³", True),
        ("volume", "fl. oz.", True),
    ],
)
def test_which_unit_a_class_takes(name, unit, takes):
    assert CLASSES[name].takes(unit) == takes


@pytest.mark.parametrize(
    ("word", "name", "near"),
    [
        ("m3", "water", "m³"),
        ("m^3", "water", "m³"),
        ("l", "water", "L"),
        ("C", "temperature", "°C"),
        ("° C", "temperature", "°C"),
        ("kwh", "energy", "kWh"),
        ("ug/m3", "pm10", "μg/m³"),
        ("kW/h", "energy", "kWh"),
        ("°C", "water", ""),
    ],
)
def test_the_nearest_unit(word, name, near):
    assert nearest(word, CLASSES[name].units) == near


@pytest.mark.parametrize(
    ("word", "near"), [("enregy", "energy"), ("Water", "water"), ("temprature", "temperature"), ("xyz", "")]
)
def test_the_nearest_class(word, near):
    assert nearest(word, tuple(CLASSES)) == near
