"""The clock that never goes back, and a text's value."""

from types import SimpleNamespace

import pytest

from edgereader.runtime.stream.numbers.drafts import SteadyClock, draft_of
from edgereader.runtime.stream.settings import Number
from edgereader.runtime.stream.sources.frames import Shot

from .seen import FRAME


def seconds(steady, *times):
    """What a clock says at (monotonic, time of day)."""
    return [steady(Shot(FRAME, 0, at_s, taken_s)) for at_s, taken_s in times]


@pytest.mark.parametrize(
    ("began", "times", "expected"),
    [
        ((), [(5.0, 1000.0), (5.1, 1010.0), (5.2, 1030.0)], [0.0, 10.0, 30.0]),
        ((50.0, 1000.0), [(0.5, 10.0), (1.5, 11.0)], [50.0, 51.0]),
        ((7.0, 1007.0), [(0.5, 1107.0), (1.5, 1108.0)], [107.0, 108.0]),
        (
            (),
            [(5.0, 1000.0), (6.0, 1001.0), (7.0, 1.0), (8.0, 2.0), (9.0, 1.7e9), (10.0, 1.7e9 + 1)],
            [0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
        ),
    ],
    ids=["of the frames", "of a restart with a clock that is behind", "of a restart", "of a clock that is set"],
)
def test_seconds_never_go_back(began, times, expected):
    assert seconds(SteadyClock(*began), *times) == expected


def test_a_numbers_own_notation_gives_its_value():
    track = SimpleNamespace(fused=SimpleNamespace(text="1.234", confidence=0.9))
    values = [
        draft_of(track, number, sure=True).value for number in (Number(), Number(decimal="."), Number(decimal=","))
    ]
    assert values == [None, 1.234, 1234]
    assert draft_of(track, Number(), sure=True).text == "1.234"
