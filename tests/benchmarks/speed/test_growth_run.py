import numpy as np
import pytest

from edgereader.benchmarks.speed import growth_run
from edgereader.benchmarks.speed.figures import STAGES
from edgereader.benchmarks.speed.growth_figures import Point
from edgereader.benchmarks.speed.growth_run import LEAST_ROUNDS, Case, curve, curves, run

SIZES = (1, 2, 4, 8, 16, 24, 32, 40, 48, 64)


def points(cost, sizes=SIZES):
    return [Point(size=size, p50_ms=cost(size), p90_ms=cost(size), runs=3) for size in sizes]


@pytest.mark.parametrize(("cost", "exponent", "linear"), [
    (lambda _: 3.0, 0, True),
    (lambda n: 0.5 * n, 1, True),
    (lambda n: 0.01 * n**2, 2, False),
    (lambda n: 0.1 * n**1.5, 1.5, False),
    (lambda n: 5 + 0.5 * n, 0.79, True),
])  # fmt: skip
def test_exponents_of_known_costs(cost, exponent, linear):
    found = curve("batch", "whole", points(cost))
    assert found.exponent == pytest.approx(exponent, abs=0.01)
    assert found.low <= found.exponent <= found.high
    assert found.linear == linear


def test_only_the_upper_half_counts():
    found = curve("batch", "whole", points(lambda n: float(n**3 if n < 24 else 24**3)))
    assert found.exponent == pytest.approx(0)


def test_noise_around_a_linear_cost_is_not_called_faster():
    random = np.random.default_rng(0)
    found = [curve("batch", "whole", points(lambda n: n * random.uniform(0.8, 1.2))).linear for _ in range(200)]
    assert np.mean(found) > 0.95


def test_noise_around_a_quadratic_cost_does_not_hide_it():
    random = np.random.default_rng(0)
    found = [curve("batch", "whole", points(lambda n: n * n * random.uniform(0.9, 1.1))).linear for _ in range(200)]
    assert np.mean(found) < 0.05


def timed(what, size, whole, **parts):
    times = dict.fromkeys(STAGES, 0.0) | {"whole": whole} | parts
    return Case(what, size, lambda: None, {part: [ms] for part, ms in times.items()})


def some(what, **parts):
    return [
        timed(what, size, 2.0 * size, **{part: cost * size for part, cost in parts.items()})
        for size in range(10, 60, 5)
    ]


def test_there_is_a_curve_for_each_part_that_took_time():
    found = curves([*some("megapixels", decode=1.0), *some("regions", text=0.1), *some("batch")])
    parts = [(what, [each.part for each in found if each.what == what]) for what in growth_run.WHATS]
    assert parts == [("megapixels", ["whole", "decode"]), ("regions", ["whole", "text"]), ("batch", ["whole"])]


def test_points_are_medians_by_rising_size_and_equal_sizes_are_one():
    cases = some("regions")
    doubled = [timed("regions", 10, 90.0), timed("regions", 10, 30.0), *reversed(cases)]
    found = curves([*some("megapixels"), *doubled, *some("batch")])
    regions = next(each for each in found if each.what == "regions")
    assert [each.size for each in regions.points] == list(range(10, 60, 5))
    assert (regions.points[0].p50_ms, regions.points[0].runs) == (30, 3)
    assert regions.points[0].each_ms == 3
    assert Point(size=0, p50_ms=1, p90_ms=1, runs=1).each_ms is None


def test_every_round_reads_everything_in_another_order():
    read = []
    cases = [Case("batch", size, lambda size=size: read.append(size)) for size in range(10)]
    said = []
    rounds = run(cases, 0, lambda number, _seconds: said.append(number))
    assert rounds == LEAST_ROUNDS
    assert said == list(range(1, rounds + 1))
    turns = [read[at : at + 10] for at in range(0, len(read), 10)]
    assert len(turns) == rounds + 1  # the warm-up, which is not timed
    assert all(sorted(turn) == list(range(10)) for turn in turns)
    assert len({tuple(turn) for turn in turns}) > 1
    assert all(len(times) == rounds for case in cases for times in case.times_ms.values())


def test_rounds_go_on_until_the_time_is_over(monkeypatch):
    seconds = iter(range(0, 1000, 10))
    monkeypatch.setattr(growth_run.time, "monotonic", lambda: next(seconds))
    assert run([Case("batch", 1, lambda: None)], 100, lambda *_: None) == 6  # 3 looks in 3 rounds, then 2 in each
