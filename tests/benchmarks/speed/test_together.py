from pathlib import Path

import pytest
from msgspec.structs import replace

from edgereader.benchmarks.speed.jobs import Turn
from edgereader.benchmarks.speed.photos import Photo
from edgereader.benchmarks.speed.power import Energy
from edgereader.benchmarks.speed.together import MOST_TIMES, accuracy_of, power_of, scenario_of, times_as_long

TURN = Turn(
    scenario="SingleStream", valid=True, reasons=[], queries=4, samples_per_query=1, samples_per_s=10.0, seconds=0.4,
    times_ms=[1.0, 2.0, 3.0, 4.0], loadgen_p50_ms=2.5,
)  # fmt: skip


def test_percentiles_are_of_all_turns_and_the_rate_is_the_turns_median():
    turns = [TURN, replace(TURN, times_ms=[101.0] * 4, samples_per_s=1.0), replace(TURN, samples_per_s=12.0)]
    found = scenario_of(turns)
    assert (found.p50_ms, found.p90_ms) == (pytest.approx(3.5), pytest.approx(101))
    assert found.samples_per_s == 10.0
    assert found.turns_samples_per_s == [10.0, 1.0, 12.0]
    assert found.times_ms == [[1, 2, 3, 4], [101] * 4, [1, 2, 3, 4]]


def test_one_invalid_turn_makes_all_invalid_and_a_reason_is_given_once():
    bad = replace(TURN, valid=False, reasons=["too few"])
    found = scenario_of([TURN, bad, bad])
    assert not found.valid
    assert found.reasons == ["too few"]


def test_offline_keeps_no_latencies():
    found = scenario_of([replace(TURN, scenario="Offline", times_ms=[400.0])])
    assert (found.p50_ms, found.times_ms) == (400.0, [])


def test_very_many_latencies_are_thinned_and_rounded():
    found = scenario_of([replace(TURN, times_ms=[1.23456] * 5 * MOST_TIMES)])
    assert found.times_ms == [[1.23] * MOST_TIMES]


def photo(*labels):
    return Photo(Path("a.png"), labels)


def test_accuracy_is_scored_as_the_data_readme_says():
    read = [["12", "7"], ["34,5", "99"], []]
    found = accuracy_of([photo("12"), photo("345", "8"), photo()], read)
    assert (found.photos, found.labels) == (3, 3)
    assert found.recall == pytest.approx(2 / 3)
    assert found.precision == pytest.approx(2 / 3)  # 12 and 345 of 12, 345 and 99: lone digits do not count
    assert found.false_numbers_per_image == pytest.approx(2 / 3)


def test_without_the_time_for_all_photos_there_is_no_accuracy():
    assert accuracy_of([photo("12"), photo("34")], [["12"]]) is None


def test_without_labels_there_is_no_accuracy():
    assert accuracy_of([Photo(Path("a.png"))], [["12"]]) is None


def test_energy_is_shared_among_the_frames():
    found = power_of([Energy("rapl", 30.0, 2.0), Energy("rapl", 10.0, 2.0)], frames=20)
    assert (found.source, found.watts, found.joules_per_frame) == ("rapl", 10.0, 2.0)


def test_a_machine_that_does_not_tell_has_no_power():
    assert power_of([Energy(), Energy()], frames=20) is None


def test_contenders_are_compared_over_the_queries_that_both_answered():
    """A slow one has answered fewer, of other photos."""
    quick = scenario_of([replace(TURN, times_ms=[10.0, 20.0, 500.0, 500.0, 500.0])])
    slow = scenario_of([replace(TURN, times_ms=[30.0, 60.0])])
    assert times_as_long(slow, quick) == pytest.approx(3)
    assert times_as_long(quick, slow) == pytest.approx(1 / 3)
    thin = scenario_of([replace(TURN, times_ms=[1.0] * (MOST_TIMES + 1))])
    assert times_as_long(slow, thin) == pytest.approx(45)
