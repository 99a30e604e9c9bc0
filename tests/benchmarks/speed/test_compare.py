import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from edgereader.benchmarks.record import write_json
from edgereader.benchmarks.speed import compare as module
from edgereader.benchmarks.speed.compare import Ratio, compare, comparison, ratio
from edgereader.runtime.errors import DatasetError

SPEC = importlib.util.spec_from_file_location("made_up", Path(__file__).parents[1] / "report/conftest.py")
MADE_UP = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(MADE_UP)
BENCH, GROWTH, SOAK, STREAM = MADE_UP.BENCH, MADE_UP.GROWTH, MADE_UP.SOAK, MADE_UP.STREAM


@pytest.fixture
def compared(tmp_path):
    """Compares two measurements; gives the comparison and the files."""

    def run(old, new):
        paths = tmp_path / "old.json", tmp_path / "new.json"
        for path, figures in zip(paths, (old, new), strict=True):
            write_json(path, figures)
        return comparison(*paths), [str(path) for path in paths]

    return run


def slower(report, times):
    """The same report with latencies and starts that are so many times as long."""
    ran = []
    for contender in report.contenders:
        scenarios = [
            replace(
                one, times_ms=[[time * times for time in turn] for turn in one.times_ms], p50_ms=one.p50_ms * times,
                p90_ms=one.p90_ms * times, samples_per_s=one.samples_per_s / times,
                turns_samples_per_s=[rate / times for rate in one.turns_samples_per_s],
            )
            for one in contender.scenarios
        ]  # fmt: skip
        cold = contender.cold_start
        cold = cold and replace(cold, times_s=[time * times for time in cold.times_s])
        ran.append(replace(contender, scenarios=scenarios, cold_start=cold))
    return replace(report, contenders=ran)


SMALL = replace(BENCH, contenders=BENCH.contenders[1:4])


def test_equal_data_shows_no_difference(compared):
    for figures in (SMALL, GROWTH, SOAK, STREAM):
        found, _ = compared(figures, figures)
        assert found.changes
        assert {change.verdict for change in found.changes} <= {"no difference shown", "not judged: one value"}
        assert found.differences == []


@pytest.mark.parametrize(("times", "word"), [(2.0, "slower"), (0.5, "faster")])
def test_what_takes_twice_as_long_is_slower(compared, times, word):
    found, _ = compared(SMALL, slower(SMALL, times))
    timed = [change for change in found.changes if "MiB" not in change.figure]
    assert {change.figure for change in timed} >= {"SingleStream p50 ms", "Offline photos/s", "cold start s"}
    assert {change.verdict for change in timed} == {word}
    for change in timed:
        assert change.ratio == pytest.approx(1 / times if change.more_is_better else times, rel=1e-6)
        assert change.low < change.ratio < change.high


def test_a_server_that_was_asked_for_more_is_not_compared(compared):
    first = SMALL.contenders[0]
    asked = [replace(one, target_qps=one.target_qps and 2 * one.target_qps) for one in first.scenarios[:3]]
    found, _ = compared(SMALL, replace(SMALL, contenders=[replace(first, scenarios=asked, threads=1)]))
    assert not [change for change in found.changes if change.figure.startswith("Server")]
    assert "edgereader cpu int8, Server: other photos a query or queries a second, not compared" in found.missing
    assert "edgereader cpu int8, Offline: only before" in found.missing
    assert found.differences == ["other threads of edgereader cpu int8: 2 before, 1 now"]


def test_memory_of_one_value_is_told_and_not_judged(compared):
    held = replace(SMALL.contenders[0].memory, peak_mib=2 * SMALL.contenders[0].memory.peak_mib)
    found, _ = compared(SMALL, replace(SMALL, contenders=[replace(SMALL.contenders[0], memory=held)]))
    (peak,) = [change for change in found.changes if change.figure == "peak MiB"]
    assert (peak.ratio, peak.verdict) == (2, "not judged: one value")
    assert found.missing == ["edgereader cpu fp32: only before", "rapidocr: only before"]


def test_growth_and_soaks_that_take_longer_are_slower(compared):
    curves = [
        replace(curve, points=[replace(point, p50_ms=1.5 * point.p50_ms) for point in curve.points])
        for curve in GROWTH.curves
    ]
    found, _ = compared(GROWTH, replace(GROWTH, curves=curves))
    assert {change.verdict for change in found.changes} == {"slower"}
    samples = [replace(sample, p50_ms=2 * sample.p50_ms, rss_mib=1.5 * sample.rss_mib) for sample in SOAK.samples]
    found, _ = compared(SOAK, replace(SOAK, samples=samples))
    assert {change.figure: change.verdict for change in found.changes} == {
        "p50 ms": "slower", "cpu ms": "no difference shown", "rss mib": "more", "handles": "no difference shown",
    }  # fmt: skip


def test_a_camera_that_is_watched_slower_is_slower(compared):
    late = [replace(sample, p50_ms=3 * sample.p50_ms) for sample in STREAM.live.samples]
    rate = replace(STREAM.static, frames=550, turns_frames_per_s=[10.0, 10.2, 10.4])
    found, _ = compared(STREAM, replace(STREAM, static=rate, live=replace(STREAM.live, samples=late)))
    assert {(change.contender, change.figure) for change in found.changes if change.verdict == "slower"} == {
        ("static region", "frames/s"), ("live", "p50 ms"),
    }  # fmt: skip
    assert len(found.changes) == 6


def test_other_machines_and_photos_are_said_loudly(compared):
    machine = replace(SMALL.machine, processor="Another", cores=64)
    other = replace(SMALL, machine=machine, photos=replace(SMALL.photos, sha256="cd" * 32))
    found, paths = compared(SMALL, other)
    assert [line.split(":")[0] for line in found.differences] == ["other processor", "other cores", "other photos"]
    done = CliRunner().invoke(compare, paths)
    assert done.exit_code == 0
    assert done.output.startswith("NOT THE SAME CONDITIONS: other processor: Example & Sons CPU @ 2.5 GHz before")


@pytest.mark.parametrize(("times", "allowed", "code"), [(2.0, "1.1", 1), (2.0, "3", 0), (0.5, "1.1", 0)])
def test_only_what_is_surely_slower_fails(compared, times, allowed, code):
    _, paths = compared(SMALL, slower(SMALL, times))
    assert json.loads(CliRunner().invoke(compare, [*paths, "--json"]).stdout)["changes"]
    done = CliRunner().invoke(compare, [*paths, "--fail-slower", allowed])
    assert done.exit_code == code
    assert ("surely slower" in done.output) == bool(code)


def test_wrong_files_are_one_clear_line(compared, tmp_path):
    _, (old, _) = compared(SMALL, SMALL)
    soak = tmp_path / "soak.json"
    write_json(soak, SOAK)
    lost = tmp_path / "lost.json"
    write_json(lost, replace(SMALL, contenders=[]))
    future = tmp_path / "future.json"
    write_json(future, replace(SMALL, schema=99))
    other = tmp_path / "other.json"
    other.write_text("{}")
    wrong = {
        str(soak): "got a report and soak", str(lost): "got none in common", str(future): "schema 1, got 99",
        str(other): "got another one", str(tmp_path / "none.json"): "No such file",
    }  # fmt: skip
    for path, said in wrong.items():
        with pytest.raises(DatasetError, match=said) as caught:
            comparison(Path(old), Path(path))
        assert "\n" not in str(caught.value)


def turns(rng, middle, *, between, within=0.2, count=4, latencies=50):
    """Log-normal latencies of turns that differ from one another."""
    return [rng.lognormal(np.log(middle) + rng.normal(0, between), within, latencies) for _ in range(count)]


@pytest.mark.parametrize("between", [0.0, 0.1])
def test_the_interval_covers_the_true_ratio_and_tells_a_difference(monkeypatch, between):
    """Of 60 runs, 95 % are 57; fewer than 52 would come by chance once in 300."""
    monkeypatch.setattr(module, "DRAWS", 100)
    rng = np.random.default_rng(3)
    found = [ratio(turns(rng, 100, between=between), turns(rng, 200, between=between), 50) for _ in range(60)]
    assert sum(interval.low <= 2 <= interval.high for interval in found) >= 52
    assert sum(interval.low > 1 for interval in found) >= 52


def test_noise_between_turns_widens_the_interval():
    """One slow turn of three is no slower program, however many latencies a turn has."""
    rng = np.random.default_rng(1)
    old = turns(rng, 100, between=0.0, within=0.05, count=3, latencies=500)
    found = ratio(old, [old[0], old[1], old[2] * 1.3], 50)
    assert found.low < 1 < found.high
    assert ratio(old, old, 50).value == 1


def test_one_turn_has_no_interval_and_nothing_no_ratio():
    assert ratio([[1.0, 2.0]], [[2.0, 4.0], [2.0, 4.0]], 50) == Ratio(2.0)
    for old in ([], [[], []], [[0.0], [0.0]]):
        assert ratio(old, [[1.0], [1.0]], 50) is None


@pytest.mark.parametrize("share", [50, 90])
def test_turns_without_spread_give_the_ratio_itself_whatever_their_lengths(share):
    found = ratio([[4.0] * 7, [4.0] * 2], [[6.0] * 3, [6.0] * 5], share)
    assert found == pytest.approx((1.5, 1.5, 1.5))
