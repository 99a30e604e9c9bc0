"""Wheels between two digits, on rendered meters; what the recognizer reads of them is made up."""

import numpy as np
import pytest

from edgereader.runtime.stream.tracking.wheels import Wheels
from edgereader.runtime.text.decoding import Text

from ..meters import Meter, Trouble

MILD = Trouble(corrupted=0, glare=0.3)


def around(meter, wheels=(0, 6)):
    """A quad around the digits of some of the wheels, as a detector finds it."""
    x, y, wide, high = meter.box
    step, middle, half = wide / meter.digits, y + high / 2, meter.digit_px * 0.61
    left, right = x + step * wheels[0] + 2, x + step * wheels[1] - 3
    return np.float32([[left, middle - half], [right, middle - half], [right, middle + half], [left, middle + half]])


def reads(value, *, sees_last=True):
    """What a recognizer makes of it: a wheel between two digits passes for a 0, or for none."""
    digits, turned = f"{int(value + 0.5):06d}", value % 1
    between = 0.25 < turned < 0.75
    text = digits[:-1] + ("0" if between else digits[-1]) if sees_last or not between else digits[:-1]
    sure = tuple(0.95 if between and at == 5 else 0.99 for at in range(len(text)))
    return Text(text, 0.9, sure, True, tuple((at + 0.5) / 6 for at in range(len(text))))


def said(meter, values, wheels=None, **options):
    """What wheels say at some values, in one frame each, after they have seen all ten digits."""
    wheels = wheels or Wheels(6)
    known = [123_456, 789_012, 345_678, 901_234]
    everything = [*(meter.value_at(0) * 0 + value for value in known), *values]
    meter = Meter(value_at=lambda second: everything[int(second)], seed=meter.seed, dark=meter.dark, trouble=MILD)
    found = [
        wheels.read(frame, around(meter), reads(value, **options))
        for value, (frame, _) in zip(everything, meter.at(range(len(everything))), strict=True)
    ]
    return found[len(known) :]


@pytest.mark.parametrize(("dark", "sees_last"), [(True, True), (False, True), (True, False)])
def test_the_last_wheel_is_read_wherever_it_stands(dark, sees_last):
    values = [27_410 + digit * 1.1 + 0.05 * digit for digit in range(24)]
    found = said(Meter(dark=dark), values, sees_last=sees_last)
    right = [one for one, value in zip(found, values, strict=True) if one and one.text in Meter().texts(value)]
    assert [(one, value) for one, value in zip(found, values, strict=True) if one and one not in right] == []
    between = [one for one in right if 0.3 < one.turned < 0.7]
    assert len(right) >= 17
    assert len(between) >= 4
    for one, value in zip(found, values, strict=True):
        assert one is None or abs(int(one.text) + one.turned - value) < 0.08


@pytest.mark.parametrize("dark", [True, False])
def test_tenths_are_one_more_digit_also_where_two_wheels_turn(dark):
    values = [27_418 + tenth * 0.13 for tenth in range(24)]
    found = said(Meter(dark=dark), values, Wheels(6, tenths=True))
    told = [(int(one.text) / 10, value) for one, value in zip(found, values, strict=True) if one]
    assert len(told) >= 17
    assert [(tenths, value) for tenths, value in told if abs(tenths - value) > 0.15] == []


def test_a_wheel_that_hardly_moves_says_the_same_tenth():
    values = [27_412.33, 27_412.37, 27_412.34, 27_412.37, 27_412.31, 27_412.5]
    texts = [one.text for one in said(Meter(), values, Wheels(6, tenths=True)) if one]
    assert texts == [texts[0]] * 5 + [texts[-1]]
    assert 1 <= int(texts[-1]) - int(texts[0]) <= 2


def test_a_digit_that_does_not_look_as_it_did_is_not_believed():
    meter, wheels = Meter(trouble=MILD), Wheels(6)
    ((frame, _),) = Meter(value_at=lambda _: 27_413.0, trouble=MILD).at([0])
    said(meter, [27_413.0], wheels)
    assert wheels.read(frame, around(meter), reads(27_413.0)).text == "027413"
    assert wheels.read(frame, around(meter), reads(27_418.0)) is None


@pytest.mark.parametrize(("value", "text"), [(27_419.4, "027419"), (27_419.6, "027419"), (27_499.5, "027499")])
def test_a_higher_wheel_that_turns_follows_the_one_to_its_right(value, text):
    (found,) = said(Meter(), [value])
    assert found is None or found.text == text


def test_what_shows_no_wheels_says_nothing():
    meter, wheels = Meter(trouble=MILD), Wheels(6)
    grey = np.full((720, 1280, 3), 127, np.uint8)
    assert wheels.read(grey, around(meter), reads(27_415)) is None
    assert wheels.read(grey, around(meter), Text("7", 0.9, (0.9,), True, (0.5,))) is None


def test_a_pair_that_was_never_seen_is_not_guessed():
    meter = Meter(value_at=lambda _: 111_115.5, trouble=MILD)
    ((frame, _),) = meter.at([0])
    wheels = Wheels(6)
    wheels.read(frame, around(meter), reads(111_111))
    assert wheels.read(frame, around(meter), reads(111_115.5)) is None
