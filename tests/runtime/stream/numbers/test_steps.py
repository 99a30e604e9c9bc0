"""How a reading follows on a counter's last value."""

import pytest

from edgereader.runtime.stream.numbers.steps import Last, figure, step
from edgereader.runtime.stream.settings import Number

METER = Number(name="m", kind="counter", digits=6)


def last(text, seen_s=0.0, emitted=None):
    read = figure(text, METER)
    return Last(
        text, read.units, read.digits, read.decimals, read.decimals or 0, seen_s, emitted or [(read.units, 0.0)]
    )


@pytest.mark.parametrize(
    ("before", "text", "found"),
    [
        ("027416", "027416", "same"),
        ("027416", "027417", "next"),
        ("027416", "027419", "skips"),
        ("027416", "027426", "jumps"),
        ("027416", "027415", "slips"),
        ("027416", "027406", "falls"),
        ("027499", "027590", "slips"),
        ("027498", "027500", "skips"),
        ("027498", "027590", "slips"),
        ("999999", "000000", "next"),
        ("999998", "000001", "skips"),
        ("999950", "000020", "jumps"),
        ("000000", "999999", "slips"),
        ("000050", "999999", "jumps"),
        ("999950", "500000", "falls"),
        ("027416", "27417", "wrong digits"),
        ("027416", "0274170", "wrong digits"),
        ("027416", "02741.7", "another form"),
        ("027416", "-27417", "wrong digits"),
        ("027416", "km", "wrong digits"),
    ],
)
def test_steps(before, text, found):
    assert step(text, last(before), METER, 1.0, 0.0) == found


def test_at_the_pace_of_late_more_is_plausible():
    running = last("027416", 10.0, [(27406, 0.0), (27416, 10.0)])
    assert step("027420", running, METER, 14.0, 0.0) == "rises"
    assert step("027420", running, METER, 11.0, 0.0) == "skips"
    assert step("027420", running, METER, 11.0, 4.0) == "rises"


def test_too_fast_for_the_rate():
    slow = Number(name="m", kind="counter", digits=6, max_rate=60)
    assert step("027420", last("027416"), slow, 10.0, 0.0) == "too fast"
    assert step("027420", last("027416"), slow, 3600.0, 0.0) == "skips"


def test_the_rate_is_in_units_of_the_meter():
    slow = Number(name="m", kind="counter", digits=6, decimals=3, max_rate=3.6)
    before = Last("000100", 100, 6, None, 3, 0.0, [(100, 0.0)])
    assert step("000102", before, slow, 1.0, 0.0) == "skips"
    assert step("000109", before, slow, 1.0, 0.0) == "too fast"


@pytest.mark.parametrize(
    ("text", "units", "form"),
    [
        ("027416", 27416, (6, None)),
        ("18.4", 184, (3, 1)),
        ("18,40", 1840, (4, 2)),
        ("-0.5", -5, (2, 1)),
        (".75", 75, (2, 2)),
    ]
    + [("12 345", 12345, (5, None)), ("12.345", 12345, (5, 3)), ("1'234.5", 12345, (5, 1)), ("45 %", 45, (2, None))],
)
def test_figures(text, units, form):
    read = figure(text, METER)
    assert (read.units, read.form) == (units, form)
