import numpy as np
import pytest

from edgereader.benchmarks.trend import BLOCKS, line, trend


def test_a_straight_line_has_its_own_slope_and_no_interval():
    found = trend(range(50), [3 + 2.0 * x for x in range(50)])
    assert found == pytest.approx((2, 2, 2))
    assert trend(range(50), [7.0] * 50) == (0, 0, 0)


def test_intervals_hold_the_slope_as_often_as_they_say():
    random = np.random.default_rng(0)
    found = [line(range(8), random.normal(0, 1, 8) + 0.3 * np.arange(8)) for _ in range(2000)]
    assert np.mean([interval.low <= 0.3 <= interval.high for interval in found]) == pytest.approx(0.95, abs=0.015)


def neighbours_alike(random, count, keep=0.9):
    values = [random.normal()]
    for step in random.normal(0, 1, count - 1):
        values.append(keep * values[-1] + step)
    return values


def test_samples_that_are_like_their_neighbours_do_not_narrow_the_interval():
    random = np.random.default_rng(0)
    series = [neighbours_alike(random, 300) for _ in range(300)]
    wrong = np.mean([not found.low <= 0 <= found.high for found in (trend(range(300), values) for values in series)])
    naive = np.mean([not found.low <= 0 <= found.high for found in (line(range(300), values) for values in series)])
    assert wrong < 0.12
    assert naive > 0.4


def test_each_segment_has_a_level_of_its_own():
    x, segments = list(range(60)), [0] * 30 + [1] * 30
    y = [0.5 * step + 100 * segment for step, segment in zip(x, segments, strict=True)]
    assert trend(x, y, segments) == pytest.approx((0.5, 0.5, 0.5))
    assert trend(x, y).slope > 2


def test_a_segment_too_short_for_a_block_changes_nothing():
    x, y = list(range(60)), [0.5 * step for step in range(60)]
    found = trend([*x, 60, 61], [*y, 900, 0], [*[0] * 60, 1, 1])
    assert found == pytest.approx((0.5, 0.5, 0.5))


@pytest.mark.parametrize("segments", [2, 12, 20])
def test_few_samples_in_many_segments_are_no_error(segments):
    owners = sorted(place % segments for place in range(20))
    found = trend(range(20), [0.5 * step for step in range(20)], owners)
    assert found is None if segments > 12 else found == pytest.approx((0.5, 0.5, 0.5))


def test_too_few_samples_give_no_slope():
    assert trend(range(BLOCKS - 1), range(BLOCKS - 1)) is None
    assert trend([1.0] * 20, range(20)) is None
    assert line(range(4), range(4)) is None
