import math

import pytest

from edgereader.benchmarks.pages.axes import log_axis, near_axis, short, signed, steady, zero_axis


@pytest.mark.parametrize("values", [[0.02, 9000], [95, 98], [1e-3], [3, 3], [0, 5], [0, 0], []])
@pytest.mark.parametrize("make", [log_axis, zero_axis])
def test_ticks_are_few_round_and_inside(make, values):
    axis = make(values, 10.0, 310.0)
    ticks = axis.ticks(56)
    assert 1 <= len(ticks) <= 8
    places = [axis.at(tick) for tick in ticks]
    assert places == sorted(places)
    assert all(10 <= place <= 310 for place in places)
    assert len({short(tick) for tick in ticks}) == len(ticks)


def test_decades_are_equally_far_apart_and_what_lies_beyond_is_at_the_end():
    axis = log_axis([1, 100], 0.0, 200.0, margin=1.0)
    assert [axis.at(value) for value in (1, 10, 100, 1e6, 0, -1)] == pytest.approx([0, 100, 200, 200, 0, 0])


def test_small_noise_does_not_fill_an_axis():
    axis = near_axis([171.0, 171.4], 100.0, 0.0, 0.1)
    assert abs(axis.at(171.0) - axis.at(171.4)) < 5
    wide = near_axis([100.0, 300.0], 100.0, 0.0, 0.1)
    assert abs(wide.at(100.0) - wide.at(300.0)) > 80


def test_an_axis_of_equal_values_has_a_length():
    axis = near_axis([0.0, 0.0], 100.0, 0.0, 0.1)
    assert math.isfinite(axis.at(0.0))
    assert axis.ticks(38)


def test_numbers_have_three_digits_and_no_exponent():
    values = (0, 0.5, 1.2, 45, 123.4, 12345)
    assert [short(value) for value in values] == ["0", "0.5", "1.2", "45", "123", "12,345"]
    assert [steady(value) for value in values] == ["0", "0.500", "1.20", "45.0", "123", "12,345"]
    assert short(0.0123) == "0.0123"
    assert [signed(value) for value in (5250.0, -0.5, 0.0)] == ["+5,250", "−0.500", "+0"]
