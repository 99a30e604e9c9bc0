import pytest

from edgereader.runtime.stream.settings import Number
from edgereader.runtime.stream.sinks.lines import line, lines

from ..made import make_event


@pytest.mark.parametrize(
    ("changes", "number", "expected"),
    [
        ({}, Number(), "water  00123.4  99%"),
        ({}, Number(unit="m³"), "water  00123.4 m³  99%"),
        ({"sure": False, "note": "falls"}, Number(), "water  00123.4  99%  (unsure, falls)"),
        ({"text": "00123460", "value": 123.46}, Number(unit="m³", decimals=3), "water  123.460 m³  99%"),
    ],
)
def test_a_line_says_when_what_and_how_sure(changes, number, expected):
    event = make_event(**{"text": "00123.4", "value": 123.4, **changes})
    assert line(event, number) == f"{event.at}  {expected}"


def test_each_number_has_its_unit_also_one_that_changes(capsysbinary):
    numbers = [Number(name="water", unit="m³"), Number(name="gas")]
    sink = lines(lambda: numbers)
    for name, value in (("water", 1), ("gas", 2)):
        sink.send(make_event(name=name, text=str(value), value=value), None)
    numbers = [Number(name="gas", unit="kWh")]
    sink.send(make_event(name="gas", text="3", value=3), None)
    printed = capsysbinary.readouterr().out.decode().splitlines()
    assert [row.split("  ")[1:3] for row in printed] == [["water", "1 m³"], ["gas", "2"], ["gas", "3 kWh"]]
