from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from edgereader.benchmarks.record import read_json
from edgereader.benchmarks.speed import growth as module
from edgereader.benchmarks.speed import results
from edgereader.benchmarks.speed.growth import (
    CELL_PX,
    LEAST_ROUNDS,
    MEGAPIXELS,
    NUMBERS,
    PAGE_HW,
    WHATS,
    Case,
    curve,
    curves,
    describe,
    page,
    sized,
    without_text,
)
from edgereader.benchmarks.speed.photos import sample
from edgereader.benchmarks.speed.results import STAGES, Growth, Point
from edgereader.runtime import Bundle, Reader
from edgereader.runtime.cli import main

from ..results import failed

PAPER = 230
SESSION = SimpleNamespace(backend="cpu", precision="int8")


class StandIn:
    """A reader of a known cost, on a clock of its own; the numbers that it finds are the cells with ink."""

    exponent = 1.0
    sees = True
    now = 0.0

    def __init__(self, *_arguments, **_named):
        self.sessions = {"detector": SESSION, "recognizer": SESSION}

    def look(self, frame):
        if frame.max() != PAPER:
            return []
        middles = frame[CELL_PX // 2 :: CELL_PX, :, 0]
        inked = [row[at : at + CELL_PX].min() < 50 for row in middles for at in range(0, len(row), CELL_PX)]
        return [None] * sum(inked) if self.sees else []

    def read(self, frame):
        StandIn.now += 0.01 + frame.size / 1e9 + 0.001 * len(self.look(frame)) ** self.exponent

    def recognize(self, crops):
        StandIn.now += 0.002 * len(crops)


@pytest.fixture(autouse=True)
def reader(monkeypatch):
    clock = SimpleNamespace(perf_counter=lambda: StandIn.now, monotonic=lambda: StandIn.now)
    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(results, "Reader", StandIn)
    monkeypatch.setattr(module, "MEGAPIXELS", (0.1, 0.2, 0.3, 0.4, 0.5))
    monkeypatch.setattr(module, "NUMBERS", (0, 20, 40, 80, 160, 300))
    return StandIn


def run(*arguments):
    return CliRunner().invoke(main, ["bench", "growth", "--seconds", "0", *map(str, arguments)])


def test_a_reader_of_linear_cost_passes_and_one_of_quadratic_cost_in_regions_fails(reader, monkeypatch, tmp_path):
    result = run("digits-edge", "--json", tmp_path / "growth.json")
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith("PASS\n")
    assert "3 photos without text: 0 calls of the recognizer, 0.0 ms" in result.stdout
    assert "a crop: 2.00 ms alone, 2.00 ms of 64 at once" in result.stdout
    report = read_json(tmp_path / "growth.json", Growth, "")
    assert report.passed
    assert (report.bundle, report.backend, report.precision, report.rounds) == ("digits-edge", "cpu", "int8", 3)
    batch = next(drawn for drawn in report.curves if drawn.what == "batch" and drawn.part == "whole")
    assert batch.exponent == pytest.approx(1)
    assert batch.points[-1].each_ms == pytest.approx(2)
    assert {found.what for found in report.curves} == set(WHATS)
    monkeypatch.setattr(reader, "exponent", 2.0)
    result = run()
    assert result.exit_code == 1
    assert result.stdout.endswith("FAIL\n")
    (faster,) = (line for line in result.stdout.splitlines() if line.endswith("FASTER"))
    assert faster.startswith("regions     whole")


def test_a_bundle_that_sees_nothing_or_text_everywhere_is_refused(reader, monkeypatch, tmp_path):
    monkeypatch.setattr(reader, "sees", False)
    assert "expected text to be found on pages" in failed(run("--json", tmp_path / "growth.json"))
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(reader, "look", lambda _self, frame: [None] * (1 + int((frame < 50).sum() // 1000)))
    assert "expected no text on empty pages" in failed(run())


def test_the_real_clocks_see_the_recognizer():
    real = Reader("digits-edge", backend="cpu")
    case = Case("batch", 1, lambda: real.recognize([sample()[275:445, 390:870]]))
    nothing = Case(None, 0, lambda: real.read(without_text()[0][:64, :64]))
    for tried in (case, nothing):
        tried.run()
    assert case.calls > nothing.calls == 0
    assert not describe(
        Bundle.open("digits-edge"), real, 1, [*(one for what in WHATS for one in some(what)), replace(case, what=None)]
    ).passed


def points(cost, sizes=(1, 2, 4, 8, 16, 24, 32, 40, 48, 64)):
    return [Point(size=size, p50_ms=cost(size), p90_ms=cost(size), runs=3) for size in sizes]


@pytest.mark.parametrize(("cost", "exponent", "linear"), [
    (lambda _: 3.0, 0, True),
    (lambda n: 0.5 * n, 1, True),
    (lambda n: 0.01 * n**2, 2, False),
    (lambda n: 0.1 * n**1.5, 1.5, False),
    (lambda n: 5 + 0.5 * n, 0.79, True),
    (lambda n: float(n**3 if n < 24 else 24**3), 0, True),  # only the upper half counts
])  # fmt: skip
def test_exponents_of_known_costs(cost, exponent, linear):
    found = curve("batch", "whole", points(cost))
    assert found.exponent == pytest.approx(exponent, abs=0.01)
    assert found.low <= found.exponent <= found.high
    assert found.linear == linear


@pytest.mark.parametrize(("power", "noise", "share"), [(1, 0.2, (0.95, 1)), (2, 0.1, (0, 0.05))])
def test_noise_neither_makes_a_linear_cost_faster_nor_hides_a_quadratic_one(power, noise, share):
    random = np.random.default_rng(0)
    linear = [
        curve("batch", "whole", points(lambda n: n**power * random.uniform(1 - noise, 1 + noise))).linear
        for _ in range(200)
    ]
    assert share[0] <= np.mean(linear) <= share[1]


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
    parts = [(what, [drawn.part for drawn in found if drawn.what == what]) for what in module.WHATS]
    assert parts == [("megapixels", ["whole", "decode"]), ("regions", ["whole", "text"]), ("batch", ["whole"])]


def test_points_are_medians_by_rising_size_and_equal_sizes_are_one():
    doubled = [timed("regions", 10, 90.0), timed("regions", 10, 30.0), *reversed(some("regions"))]
    found = curves([*some("megapixels"), *doubled, *some("batch")])
    regions = next(drawn for drawn in found if drawn.what == "regions")
    assert [point.size for point in regions.points] == list(range(10, 60, 5))
    assert (regions.points[0].p50_ms, regions.points[0].runs, regions.points[0].each_ms) == (30, 3, 3)
    assert Point(size=0, p50_ms=1, p90_ms=1, runs=1).each_ms is None


def test_every_round_reads_everything_in_another_order_until_the_time_is_over(monkeypatch):
    read, said = [], []
    cases = [Case("batch", size, lambda size=size: read.append(size)) for size in range(10)]
    rounds = module.run(cases, 0, lambda number, _seconds: said.append(number))
    assert rounds == LEAST_ROUNDS
    assert said == list(range(1, rounds + 1))
    turns = [read[at : at + 10] for at in range(0, len(read), 10)]
    assert len(turns) == rounds + 1  # the warm-up, which is not timed
    assert all(sorted(turn) == list(range(10)) for turn in turns)
    assert len({tuple(turn) for turn in turns}) > 1
    assert all(len(times) == rounds for case in cases for times in case.times_ms.values())
    seconds = iter(range(0, 1000, 10))
    monkeypatch.setattr(module.time, "monotonic", lambda: next(seconds))
    assert module.run(cases, 100, lambda *_: None) == 6  # 3 looks in 3 rounds, then 2 in each


@pytest.mark.parametrize("megapixels", [MEGAPIXELS[0], MEGAPIXELS[-1]])
def test_a_photo_has_the_size_that_was_asked_for(megapixels):
    frame = sized(megapixels)
    assert frame.dtype == np.uint8
    assert frame.shape[0] * frame.shape[1] / 1e6 == pytest.approx(megapixels, rel=0.01)
    assert frame.shape[1] / frame.shape[0] == pytest.approx(16 / 9, rel=0.01)


def test_a_page_keeps_what_is_on_it_when_more_comes():
    pages = [page(numbers) for numbers in (0, 10, 20, NUMBERS[-1])]
    inks = [(picture < 128).all(axis=2) for picture in pages]
    assert [picture.shape for picture in pages] == [(*PAGE_HW, 3)] * 4
    assert not inks[0].any()
    for fewer, more in pairwise(inks):
        assert (more >= fewer).all()
    assert inks[2].sum() == pytest.approx(2 * inks[1].sum(), rel=0.3)
    assert inks[3].sum() == pytest.approx(15 * inks[2].sum(), rel=0.1)
