import pytest

from edgereader.runtime.stream.settings import Number
from edgereader.runtime.stream.sinks.lines import line, lines

from ..made import make_event


@pytest.mark.parametrize(
    ("changes", "unit", "expected"),
    [
        ({}, "", "water  00123.4  99%"),
        ({}, "m³", "water  00123.4 m³  99%"),
        ({"sure": False, "note": "falls"}, "", "water  00123.4  99%  (unsure, falls)"),
    ],
)
def test_a_line_says_when_what_and_how_sure(changes, unit, expected):
    event = make_event(text="00123.4", **changes)
    assert line(event, unit) == f"{event.at}  {expected}"


def test_each_number_has_its_unit(capsysbinary):
    sink = lines([Number(name="water", unit="m³"), Number(name="gas")])
    for name, text in (("water", "1"), ("gas", "2")):
        sink.send(make_event(name=name, text=text), None)
    printed = capsysbinary.readouterr().out.decode().splitlines()
    assert [row.split("  ")[1:3] for row in printed] == [["water", "1 m³"], ["gas", "2"]]
