"""Home Assistant's device classes of sensors: which units and state classes each may have.

Home Assistant refuses the discovery message of a sensor whose unit does not fit its device class, says so only in its
own log, and never makes the sensor. The facts are those of its ``homeassistant/components/sensor/const.py``:
``DEVICE_CLASS_UNITS`` and ``DEVICE_CLASS_STATE_CLASSES``; https://www.home-assistant.io/integrations/sensor/
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

VERSION = "2026.11.0"
"""Of Home Assistant, whose table this is (on PyPI: homeassistant)."""
NO_NUMBERS = frozenset({"date", "enum", "timestamp", "uptime"})
"""Device classes of sensors whose state is no number."""
RISING = ("total_increasing", "total", "measurement", "measurement_angle")
"""State classes of what only rises, the best first; of what may fall, see `STEADY`."""
STEADY = ("measurement", "total", "measurement_angle")
_STATES = {
    "now": {"measurement"},
    "sum": {"total", "total_increasing"},
    "total": {"total"},
    "angle": {"measurement_angle"},
    "any": {"measurement", "total", "total_increasing"},
}
_TABLE = """
absolute_humidity | now | g/m³, mg/m³
apparent_power | now | mVA, VA, kVA
aqi | now | none
area | any | m², cm², km², mm², in², ft², yd², mi², ac, ha
atmospheric_pressure | now | mPa, Pa, hPa, kPa, bar, cbar, mbar, mmHg, inHg, inH₂O, psi, atm
battery | now | %
blood_glucose_concentration | now | mg/dL, mmol/L
carbon_dioxide | now | ppm
carbon_monoxide | now | ppb, ppm, mg/m³, μg/m³
conductivity | now | S/cm, μS/cm, mS/cm
current | now | μA, mA, A
data_rate | now | bit/s, kbit/s, Mbit/s, Gbit/s, B/s, kB/s, MB/s, GB/s, KiB/s, MiB/s, GiB/s
data_size | any | bit, kbit, Mbit, Gbit, B, kB, MB, GB, TB, PB, EB, ZB, YB, KiB, MiB, GiB, TiB, PiB, EiB, ZiB, YiB
distance | any | mm, cm, m, km, in, ft, yd, mi, nmi
duration | any | d, h, min, s, ms, μs
energy | sum | J, kJ, MJ, GJ, mWh, Wh, kWh, MWh, GWh, TWh, cal, kcal, Mcal, Gcal, thm
energy_distance | now | kWh/100km, Wh/km, mi/kWh, km/kWh
energy_storage | now | J, kJ, MJ, GJ, mWh, Wh, kWh, MWh, GWh, TWh, cal, kcal, Mcal, Gcal, thm
frequency | now | mHz, Hz, kHz, MHz, GHz
gas | sum | CCF, ft³, m³, L, MCF
humidity | now | %
illuminance | now | lx
irradiance | now | W/m², BTU/(h⋅ft²)
moisture | now | %
monetary | total | any
nitrogen_dioxide | now | ppb, ppm, μg/m³
nitrogen_monoxide | now | ppb, μg/m³
nitrous_oxide | now | μg/m³
ozone | now | ppb, ppm, μg/m³
ph | now | none
pm1 | now | μg/m³
pm10 | now | μg/m³
pm25 | now | μg/m³
pm4 | now | μg/m³
power | now | mW, W, kW, MW, GW, TW
power_factor | now | %, none
precipitation | any | in, mm, cm
precipitation_intensity | now | in/d, in/h, mm/d, mm/h
pressure | now | mPa, Pa, hPa, kPa, bar, cbar, mbar, mmHg, inHg, inH₂O, psi, atm
radon | now | Bq/m³, pCi/L
reactive_energy | sum | varh, kvarh
reactive_power | now | mvar, var, kvar
signal_strength | now | dB, dBm
sound_pressure | now | dB, dBA
speed | now | Beaufort, ft/s, in/s, m/min, m/s, km/h, kn, mph, mm/s, in/d, in/h, mm/d, mm/h
sulphur_dioxide | now | ppb, μg/m³
temperature | now | °C, °F, K
temperature_delta | now | °C, °F, K
volatile_organic_compounds | now | μg/m³, mg/m³
volatile_organic_compounds_parts | now | ppb, ppm
voltage | now | μV, mV, V, kV, MV
volume | sum | ft³, CCF, MCF, m³, L, mL, gal, fl. oz.
volume_flow_rate | now | m³/h, m³/min, m³/s, ft³/min, L/h, L/min, L/s, gal/h, gal/min, gal/d, mL/s
volume_storage | now | ft³, CCF, MCF, m³, L, mL, gal, fl. oz.
water | sum | CCF, ft³, m³, gal, L, MCF
weight | any | g, kg, mg, μg, oz, lb, st
wind_direction | angle | °
wind_speed | now | Beaufort, ft/s, in/s, m/min, m/s, km/h, kn, mph, mm/s
"""
"""Device class | what it may be: now, a sum, an angle, or any of these | units, where "none" means without one."""
_ALIKE = str.maketrans({"³": "3", "²": "2", "µ": "u", "μ": "u", "₂": "2", "⋅": "*", "·": "*", "°": None, " ": None})
"""Signs that are hard to type → what is typed instead."""


@dataclass(frozen=True)
class DeviceClass:
    """What the sensors of a device class may be."""

    states: frozenset[str]
    """State classes."""
    units: tuple[str, ...] | None
    """"" = without a unit; None = any."""

    def takes(self, unit: str) -> bool:
        """Return whether a unit fits; the micro sign is taken in both of its codes."""
        return self.units is None or unit.replace("\u00b5", "\u03bc") in self.units


def _row(line: str) -> tuple[str, DeviceClass]:
    name, states, units = line.split(" | ")
    allowed = None if units == "any" else tuple("" if unit == "none" else unit for unit in units.split(", "))
    return name, DeviceClass(frozenset(_STATES[states]), allowed)


CLASSES = dict(map(_row, _TABLE.strip().splitlines()))
"""By their names."""
NO_CLASS = DeviceClass(frozenset(_STATES["any"]), None)
"""Of a sensor without a device class."""


def nearest(word: str, known: tuple[str, ...]) -> str:
    """Return what was meant by a word, "" if that cannot be told: "m3" is m³, "enregy" is energy."""
    folded = {name.translate(_ALIKE).lower(): name for name in reversed(known)}
    near = difflib.get_close_matches(word.translate(_ALIKE).lower(), folded, n=1, cutoff=0.7)
    return folded[near[0]] if near else ""
