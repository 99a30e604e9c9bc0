import numpy as np
import pytest

from edgereader.benchmarks.speed import bootstrap
from edgereader.benchmarks.speed.bootstrap import ratio, student


def turns(rng, middle, *, between, within=0.2, count=4, each=50):
    """Log-normal latencies of turns that differ from one another."""
    return [rng.lognormal(np.log(middle) + rng.normal(0, between), within, each) for _ in range(count)]


@pytest.mark.parametrize("between", [0.0, 0.1])
def test_the_interval_covers_the_true_ratio_and_tells_a_difference(monkeypatch, between):
    """Of 60 runs, 95 % are 57; fewer than 52 would come by chance once in 300."""
    monkeypatch.setattr(bootstrap, "DRAWS", 100)
    rng = np.random.default_rng(3)
    covered, told = 0, 0
    for _ in range(60):
        found = ratio(turns(rng, 100, between=between), turns(rng, 200, between=between), 50)
        covered += found.low <= 2 <= found.high
        told += found.low > 1
    assert covered >= 52
    assert told >= 52


def test_noise_between_turns_widens_the_interval():
    """One slow turn of three is no slower program, however many latencies a turn has."""
    rng = np.random.default_rng(1)
    old = turns(rng, 100, between=0.0, within=0.05, count=3, each=500)
    new = [old[0], old[1], old[2] * 1.3]
    found = ratio(old, new, 50)
    assert found.low < 1 < found.high


def test_equal_measurements_are_a_ratio_of_one():
    same = turns(np.random.default_rng(2), 100, between=0.05)
    found = ratio(same, same, 50)
    assert found.value == 1
    assert found.low < 1 < found.high


def test_one_turn_has_no_interval_and_nothing_no_ratio():
    assert ratio([[1.0, 2.0]], [[2.0, 4.0], [2.0, 4.0]], 50) == bootstrap.Ratio(2.0, None, None)
    assert ratio([], [[1.0]], 50) is None
    assert ratio([[], []], [[1.0]], 50) is None
    assert ratio([[0.0], [0.0]], [[1.0], [1.0]], 50) is None


def test_equal_turns_give_no_interval_that_is_not_a_number():
    found = ratio([[5.0], [5.0]], [[10.0], [10.0]], 50)
    assert (found.value, found.low, found.high) == pytest.approx((2, 2, 2))


def test_students_t_falls():
    values = [student(free) for free in range(1, 40)]
    assert values == sorted(values, reverse=True)
    assert values[0] == 12.71


def test_percentiles_of_turns_of_unequal_lengths_are_numpys(monkeypatch):
    """A turn without spread, drawn again and again, gives its own percentiles, however many values it has."""
    monkeypatch.setattr(bootstrap, "MOST", 30)  # several parts
    old, new = [[4.0] * 7, [4.0] * 2], [[6.0] * 3, [6.0] * 5]
    for share in (0, 50, 90, 100):
        assert ratio(old, new, share).high == pytest.approx(1.5)
    rng = np.random.default_rng(4)
    turns = [np.sort(rng.random(9)), np.sort(rng.random(5))]
    drawn = bootstrap._draws(turns, 90, rng)
    assert len(drawn) == bootstrap.DRAWS
    assert np.isfinite(drawn).all()
    assert abs(drawn.mean() - np.percentile(np.concatenate(turns), 90)) < 0.1
