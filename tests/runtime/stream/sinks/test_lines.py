import pytest

from edgereader.runtime.stream.numbers.events import Event
from edgereader.runtime.stream.settings import Number
from edgereader.runtime.stream.sinks.lines import line, lines

PLACE = {"track": 1, "quad": [(0.0, 0.0)] * 4, "frame_hw": (1, 1), "frames": 1, "latency_ms": 1.0}
EVENT = {"id": 1, "at": "2026-11-22T21:00:00.000+00:00", "stream": "s", "name": "water", "kind": "counter"}


@pytest.mark.parametrize(
    ("changes", "unit", "expected"),
    [
        ({}, "", "2026-11-22T21:00:00.000+00:00  water  00123.4  99%"),
        ({}, "m³", "2026-11-22T21:00:00.000+00:00  water  00123.4 m³  99%"),
        ({"sure": False, "note": "falls"}, "", "2026-11-22T21:00:00.000+00:00  water  00123.4  99%  (unsure, falls)"),
    ],
)
def test_a_line_says_when_what_and_how_sure(changes, unit, expected):
    assert (
        line(Event(**{**EVENT, **PLACE, "text": "00123.4", "confidence": 0.99, "sure": True, **changes}), unit)
        == expected
    )


def test_each_number_has_its_unit(capsysbinary):
    sink = lines([Number(name="water", unit="m³"), Number(name="gas")])
    sink.send(Event(**EVENT, **PLACE, text="1", confidence=1.0, sure=True), None)
    sink.send(Event(**{**EVENT, "name": "gas"}, **PLACE, text="2", confidence=1.0, sure=True), None)
    assert [each.split("  ")[1:3] for each in capsysbinary.readouterr().out.decode().splitlines()] == [
        ["water", "1 m³"],
        ["gas", "2"],
    ]
