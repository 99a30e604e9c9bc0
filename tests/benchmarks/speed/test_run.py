import pytest
from msgspec.structs import replace

from edgereader.benchmarks.contenders import Options
from edgereader.benchmarks.speed import run
from edgereader.benchmarks.speed.entries import Entry
from edgereader.benchmarks.speed.figures import Memory, Stages
from edgereader.benchmarks.speed.jobs import MemoryFound, Missing, Ready, StagesFound, Turn
from edgereader.benchmarks.speed.photos import Photo
from edgereader.benchmarks.speed.run import FASTEST_MS, Bench, Plan, measure_of, told

READY = Ready(versions={}, texts=[["12"]], times_ms=[10.0])
TURN = Turn(
    scenario="SingleStream", valid=True, reasons=[], queries=3, samples_per_query=1, samples_per_s=50.0, seconds=0.06,
    times_ms=[19.0, 20.0, 21.0], loadgen_p50_ms=20.1,
)  # fmt: skip


class Puppet:
    """A process that answers as it is told, and notes what it is asked in a list that all share."""

    def __init__(self, name, asked, fails_at=None):
        self.name, self.asked, self.fails_at, self.closed = name, asked, fails_at, False

    def ask(self, message, _):
        kind = type(message).__name__
        self.asked.append((self.name, kind))
        if kind == self.fails_at:
            return Missing(outcome="failed", reason="it died")
        return {
            "Job": READY,
            "Measure": TURN,
            "TakeMemory": MemoryFound(memory=Memory(loaded_mib=1, steady_mib=2, peak_mib=3)),
            "TakeStages": StagesFound(
                stages=Stages(photos=1, stages=[], sum_ms=1, whole_ms=1, outside_networks=0.1), work=None
            ),
        }[kind]

    def close(self):
        self.closed = True


@pytest.fixture
def bench(monkeypatch, tmp_path):
    """Measures puppets: name → at what they fail; gives contenders, what was asked, what was told, and puppets."""

    def go(puppets, cold=lambda _: 0.5, **plan):
        asked, lines, made = [], [], {}

        def start(entry, log):
            made[entry.name] = Puppet(entry.name, asked, puppets[entry.name])
            return made[entry.name]

        def cold_start(entry, photo, timeout_s, log):
            asked.append((entry.name, "cold"))
            return cold(entry)

        monkeypatch.setattr(run, "start", start)
        monkeypatch.setattr(run, "cold_start", cold_start)
        pixels = run.Pixels(tmp_path, [(8, 8)], None)
        plan = {"scenarios": ["SingleStream"], "turns": 3, "seconds": 0.1, "cold_starts": 2, **plan}
        each = Bench(Plan(**plan), [Photo(tmp_path / "a.png", ("12",))], pixels, tmp_path, lines.append)
        kinds = {"ours": "edgereader", "nothing": "nothing"}
        entries = [Entry(name=name, contender=kinds.get(name, "rapidocr"), options=Options()) for name in puppets]
        return each.run(entries), asked, lines, made

    return go


def test_contenders_alternate_and_each_turn_begins_with_another(bench):
    contenders, asked, _, made = bench({"a": None, "b": None, "c": None})
    assert [each.outcome for each in contenders] == ["ran"] * 3
    assert [name for name, kind in asked if kind == "Measure"] == ["a", "b", "c", "b", "c", "a", "c", "a", "b"]
    assert [name for name, kind in asked if kind == "cold"] == ["a", "b", "c", "b", "c", "a"]
    assert all(puppet.closed for puppet in made.values())


def test_all_figures_of_a_contender_are_put_together(bench):
    contenders, asked, _, _ = bench({"ours": None, "peer": None}, scenarios=["SingleStream", "Server"])
    ours, peer = contenders
    assert [each.scenario for each in ours.scenarios] == ["SingleStream", "SingleStream"]  # puppets know one only
    assert ours.memory.peak_mib == 3
    assert ours.stages is not None
    assert peer.stages is None
    assert ours.cold_start.times_s == [0.5, 0.5]
    assert (ours.accuracy.recall, ours.accuracy.photos) == (1.0, 1)
    assert ("peer", "TakeStages") not in asked


@pytest.mark.parametrize("at", ["Job", "Measure", "TakeMemory"])
def test_one_that_fails_is_told_and_left_out_and_the_others_go_on(bench, at):
    contenders, asked, lines, made = bench({"bad": at, "good": None})
    bad, good = contenders
    assert (bad.outcome, bad.reason, bad.scenarios) == ("failed", "it died", [])
    assert good.outcome == "ran"
    assert any("bad: failed: it died" in line for line in lines)
    assert [kind for name, kind in asked if name == "bad"].count(at) == 1
    assert ("bad", "cold") not in asked
    assert made["bad"].closed


def test_a_cold_start_that_fails_is_a_failure(bench):
    (found,), _, lines, _ = bench({"a": None}, cold=lambda _: "no reading")
    assert (found.outcome, found.reason) == ("failed", "cold start: no reading")
    assert "a: failed: cold start: no reading" in lines


def test_slow_cold_starts_are_not_repeated(bench):
    (found,), _, _, _ = bench({"a": None}, cold=lambda _: run.COLD_S + 1, cold_starts=3)
    assert found.cold_start.times_s == [run.COLD_S + 1]


def test_processes_are_ended_when_the_run_is_interrupted(bench, monkeypatch):
    made = []

    def interrupted(self):
        made.extend(each.child for each in self._runs)
        raise KeyboardInterrupt

    monkeypatch.setattr(Bench, "_take_turns", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bench({"a": None, "b": None})
    assert [puppet.closed for puppet in made] == [True, True]


def test_server_is_asked_for_a_share_of_what_a_photo_allows():
    ask = measure_of(Plan(["Server"], 1, 5.0), "Server", 2, 20.0)
    assert (ask.target_qps, ask.target_ms, ask.seed) == (pytest.approx(35), 200, 2)
    given = measure_of(Plan(["Server"], 1, 5.0, target_qps=9.0, target_ms=7.0), "Server", 2, 20.0)
    assert (given.target_qps, given.target_ms) == (9.0, 7.0)


def test_one_that_takes_no_time_is_not_asked_for_endless_queries():
    ask = measure_of(Plan(["Server"], 1, 5.0), "Server", 0, 0.0001)
    assert ask.target_qps == run.MOST_QPS
    assert ask.expected_ms == FASTEST_MS


def test_clocks_that_disagree_are_told():
    assert "LoadGen" not in told(TURN)
    assert "LoadGen's own p50 is 25.00 ms" in told(replace(TURN, loadgen_p50_ms=25.0))
    assert "LoadGen" not in told(replace(TURN, times_ms=[1.0, 2.0, 25.0, 26.0], loadgen_p50_ms=25.1))
