from pathlib import Path

import pytest
from msgspec.structs import replace

from edgereader.benchmarks.contenders import Options
from edgereader.benchmarks.speed import bench as module
from edgereader.benchmarks.speed.bench import (
    Bench,
    Plan,
    Running,
    accuracy_of,
    described,
    measure_of,
    power_of,
    scenario_of,
)
from edgereader.benchmarks.speed.child import Entry, Finished, Missing, Ready
from edgereader.benchmarks.speed.device import Energy
from edgereader.benchmarks.speed.loadgen import Turn
from edgereader.benchmarks.speed.photos import Photo, Pixels
from edgereader.benchmarks.speed.results import MOST_TIMES, Memory, Stages, times_as_long

READY = Ready(versions={"it": "1"}, texts=[["12"]], times_ms=[9.0, 10.0, 90.0])
TURN = Turn(
    scenario="SingleStream", valid=True, reasons=[], queries=3, samples_per_query=1, samples_per_s=50.0, seconds=0.06,
    times_ms=[19.0, 20.0, 21.0], loadgen_p50_ms=20.1,
)  # fmt: skip
STAGES = Stages(photos=1, stages=[], sum_ms=1, whole_ms=1, outside_networks=0.1)


class Puppet:
    """A process that answers as it is told, and notes what it is asked in a list that all share."""

    def __init__(self, name, asked, fails_at=None):
        self.name, self.asked, self.fails_at, self.closed = name, asked, fails_at, False

    def ask(self, question, *_):
        kind = type(question).__name__
        self.asked.append((self.name, kind))
        if kind == self.fails_at:
            return Missing(outcome="failed", reason="it died")
        memory = Memory(loaded_mib=1, steady_mib=2, peak_mib=3)
        stages = STAGES if self.name == "ours" else None
        return {"Job": READY, "Measure": TURN, "Finish": Finished(memory=memory, stages=stages)}[kind]

    def close(self):
        self.closed = True


@pytest.fixture
def bench(monkeypatch, tmp_path):
    """Measures puppets: name → at what they fail; gives contenders, what was asked, and puppets."""

    def go(puppets, cold=lambda: 0.5, **plan):
        asked, made = [], {}

        def start(command, _):
            made[command[0]] = Puppet(command[0], asked, puppets[command[0]])
            return made[command[0]]

        def cold_start(*given):
            asked.append((given[0].name, "cold"))
            return cold()

        monkeypatch.setattr(module, "Child", start)
        monkeypatch.setattr(module, "cold_start", cold_start)
        plan = {"scenarios": ["SingleStream"], "turns": 3, "seconds": 0.1, "cold_starts": 2, **plan}
        run = Bench(Plan(**plan), [Photo(tmp_path / "a.png", ("12",))], Pixels(tmp_path, [(8, 8)], None), tmp_path)
        kinds = {"ours": "edgereader"}
        entries = [Entry(name, kinds.get(name, "rapidocr"), Options(), python=name) for name in puppets]
        return run.run(entries), asked, made

    return go


def test_contenders_alternate_and_each_turn_begins_with_another(bench):
    contenders, asked, made = bench({"a": None, "b": None, "c": None})
    assert [contender.outcome for contender in contenders] == ["ran"] * 3
    assert [name for name, kind in asked if kind == "Measure"] == ["a", "b", "c", "b", "c", "a", "c", "a", "b"]
    assert [name for name, kind in asked if kind == "cold"] == ["a", "b", "c", "b", "c", "a"]
    assert all(puppet.closed for puppet in made.values())


def test_all_figures_of_a_contender_are_put_together(bench):
    (ours, peer), _, _ = bench({"ours": None, "peer": None}, scenarios=["SingleStream", "Server"])
    assert [scenario.scenario for scenario in ours.scenarios] == ["SingleStream"] * 2  # puppets know one only
    assert (ours.kind, peer.kind, ours.versions, ours.threads, ours.streams) == (
        "edgereader",
        "peer",
        {"it": "1"},
        0,
        1,
    )
    assert (ours.memory.peak_mib, ours.stages, peer.stages) == (3, STAGES, None)
    assert ours.cold_start.times_s == [0.5, 0.5]
    assert (ours.accuracy.recall, ours.accuracy.photos) == (1.0, 1)


@pytest.mark.parametrize("at", ["Job", "Measure", "Finish"])
def test_one_that_fails_is_told_and_left_out_and_the_others_go_on(bench, capsys, at):
    (bad, good), asked, made = bench({"bad": at, "good": None})
    assert (bad.outcome, bad.reason, bad.scenarios) == ("failed", "it died", [])
    assert good.outcome == "ran"
    assert "bad: failed: it died" in capsys.readouterr().err
    assert [kind for name, kind in asked if name == "bad"].count(at) == 1
    assert ("bad", "cold") not in asked
    assert made["bad"].closed


def test_a_cold_start_that_fails_is_a_failure_and_slow_ones_are_not_repeated(bench):
    (found,), _, _ = bench({"a": None}, cold=lambda: Missing(outcome="failed", reason="cold start: none"))
    assert (found.outcome, found.reason) == ("failed", "cold start: none")
    (found,), _, _ = bench({"a": None}, cold=lambda: module.COLD_S + 1, cold_starts=3)
    assert found.cold_start.times_s == [module.COLD_S + 1]


def test_processes_are_ended_when_the_run_is_interrupted(bench, monkeypatch):
    made = []

    def interrupted(self):
        made.extend(run.child for run in self._runs)
        raise KeyboardInterrupt

    monkeypatch.setattr(Bench, "_take_turns", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bench({"a": None, "b": None})
    assert [puppet.closed for puppet in made] == [True, True]


def test_server_is_asked_for_a_share_of_what_a_photo_allows_but_never_for_endless_queries():
    ask = measure_of(Plan(["Server"], 1, 5.0), "Server", 2, 20.0)
    assert (ask.target_qps, ask.target_ms, ask.seed) == (pytest.approx(35), 200, 2)
    given = measure_of(Plan(["Server"], 1, 5.0, target_qps=9.0, target_ms=7.0), "Server", 2, 20.0)
    assert (given.target_qps, given.target_ms) == (9.0, 7.0)
    ask = measure_of(Plan(["Server"], 1, 5.0), "Server", 0, 0.0001)
    assert (ask.target_qps, ask.expected_ms) == (module.MOST_QPS, module.FASTEST_MS)


def test_clocks_that_disagree_are_told():
    assert "LoadGen" not in described(TURN)
    assert "LoadGen's own p50 is 25.00 ms" in described(replace(TURN, loadgen_p50_ms=25.0))
    assert "LoadGen" not in described(replace(TURN, times_ms=[1.0, 2.0, 25.0, 26.0], loadgen_p50_ms=25.1))


def running(**known):
    return Running(Entry("it", "rapidocr", Options(threads=2), streams=3), None, **known)


def test_what_a_photo_takes_is_known_from_the_first_pass_and_then_from_the_first_turn():
    run = running(ready=READY)
    assert (run.photo_ms, run.on_gpu, running(ready=replace(READY, backend="tensorrt")).on_gpu) == (10, False, True)
    run.turns["SingleStream"] = [TURN, TURN]
    assert run.photo_ms == 20


def test_percentiles_are_of_all_turns_and_the_rate_is_the_turns_median():
    first = replace(TURN, times_ms=[1.0, 2.0, 3.0, 4.0], samples_per_s=10.0)
    found = scenario_of(
        [first, replace(TURN, times_ms=[101.0] * 4, samples_per_s=1.0), replace(first, samples_per_s=12)]
    )
    assert (found.p50_ms, found.p90_ms) == (pytest.approx(3.5), pytest.approx(101))
    assert (found.samples_per_s, found.turns_samples_per_s) == (10.0, [10.0, 1.0, 12.0])
    assert found.times_ms == [[1, 2, 3, 4], [101] * 4, [1, 2, 3, 4]]


def test_one_invalid_turn_makes_all_invalid_and_offlines_or_very_many_latencies_are_not_kept():
    bad = replace(TURN, valid=False, reasons=["too few"])
    found = scenario_of([TURN, bad, bad])
    assert (found.valid, found.reasons) == (False, ["too few"])
    found = scenario_of([replace(TURN, scenario="Offline", times_ms=[400.0])])
    assert (found.p50_ms, found.times_ms) == (400.0, [])
    found = scenario_of([replace(TURN, times_ms=[1.23456] * 5 * MOST_TIMES)])
    assert found.times_ms == [[1.23] * MOST_TIMES]


def test_contenders_are_compared_over_the_queries_that_both_answered():
    """A slow one has answered fewer, of other photos."""
    quick = scenario_of([replace(TURN, times_ms=[10.0, 20.0, 500.0, 500.0, 500.0])])
    slow = scenario_of([replace(TURN, times_ms=[30.0, 60.0])])
    assert times_as_long(slow, quick) == pytest.approx(3)
    assert times_as_long(quick, slow) == pytest.approx(1 / 3)
    thin = scenario_of([replace(TURN, times_ms=[1.0] * (MOST_TIMES + 1))])
    assert times_as_long(slow, thin) == pytest.approx(45)


def photo(*labels):
    return Photo(Path("a.png"), labels)


def test_accuracy_is_scored_as_the_data_readme_says():
    read = [["12", "7"], ["34,5", "99"], []]
    found = accuracy_of([photo("12"), photo("345", "8"), photo()], read)
    assert (found.photos, found.labels) == (3, 3)
    assert found.recall == pytest.approx(2 / 3)
    assert found.precision == pytest.approx(2 / 3)  # 12 and 345 of 12, 345 and 99: lone digits do not count
    assert found.false_numbers_per_image == pytest.approx(2 / 3)
    assert accuracy_of([photo("12"), photo("34")], [["12"]]) is None  # no time for all photos
    assert accuracy_of([Photo(Path("a.png"))], [["12"]]) is None  # no labels


def test_energy_is_shared_among_the_frames_where_the_machine_tells():
    found = power_of([Energy("rapl", 30.0, 2.0), Energy("rapl", 10.0, 2.0)], frames=20)
    assert (found.source, found.watts, found.joules_per_frame) == ("rapl", 10.0, 2.0)
    assert power_of([Energy(), Energy()], frames=20) is None
