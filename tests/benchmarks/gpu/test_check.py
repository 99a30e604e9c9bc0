"""Contenders in turns, with a stand-in for the processes."""

import pytest

from edgereader.benchmarks.gpu import check as module
from edgereader.benchmarks.gpu.check import Check
from edgereader.benchmarks.gpu.children import Outcome
from edgereader.benchmarks.gpu.figures import Missing, Prepared, Speed
from edgereader.benchmarks.gpu.jobs import CPU, DRY, EAGER, Contender
from edgereader.benchmarks.gpu.sections import Section
from edgereader.benchmarks.gpu.turns import Answer, SpeedTurn

NATIVE = Contender("tensorrt", "fp16")
SECTION = Section(
    name="detector", title="", bundle="random", contenders=(CPU, EAGER, NATIVE), sizes=("small", "large"), turns=2
)


class StandIn:
    """Answers every job at once; `ends` says by contender or preparation how its process ends instead."""

    def __init__(self, **ends):
        self.jobs, self.limits_s, self.ends = [], [], ends

    def __call__(self, job, timeout_s):
        what = job.sizes[0] if job.section == "prepare" else job.contender.name
        self.jobs.append(what)
        self.limits_s.append(timeout_s)
        if job.section == "prepare":
            answers = [Answer(size=job.sizes[0], found=Prepared(seconds=1, detail="made"))]
        else:
            turn = SpeedTurn(times_ms=[1.0, 2.0, 3.0], warm_up=1, per_run=1, agreement=None, clocks=None)
            answers = [Answer(size=size, found=turn) for size in job.sizes]
        return self.ends.get(what, lambda _said: Outcome(answers=answers, ended="well"))(answers)


def crash(answers):
    return Outcome(answers=[], ended="badly", reason="SIGSEGV")


def crash_late(answers):
    return Outcome(answers=answers[:1], ended="badly", reason="SIGSEGV")


def hang(answers):
    return Outcome(answers=[], ended="late", reason="no answer in 1 s")


def checked(stand_in, section=SECTION, **options):
    check = Check(stand_in, "folder", "digits-edge", DRY, **options)
    check.run(section)
    return check


def result(check, contender, size="small"):
    return check.entries["detector", contender.name, size].result


def test_contenders_take_turns_after_what_they_need_was_made_once():
    stand_in = StandIn()
    check = checked(stand_in)
    names = [each.name for each in SECTION.contenders]
    assert stand_in.jobs == ["random", *names[:2], "engines random", names[2], *names]
    assert result(check, NATIVE, "large").turns_p50_ms == [2.0, 2.0]


def test_a_crash_is_noted_and_the_rest_goes_on():
    stand_in = StandIn(**{EAGER.name: crash_late})
    check = checked(stand_in)
    assert result(check, EAGER, "small").turns_p50_ms == [2.0, 2.0]
    assert result(check, EAGER, "large") == Missing(outcome="failed", reason="SIGSEGV")
    assert isinstance(result(check, NATIVE, "large"), Speed)
    assert stand_in.jobs.count(EAGER.name) == 2


def test_an_engine_that_cannot_be_built_skips_those_that_need_it():
    stand_in = StandIn(**{"engines random": crash})
    check = checked(stand_in)
    assert result(check, NATIVE) == Missing(outcome="skipped", reason="engines random: SIGSEGV")
    assert check.entries["prepare", NATIVE.name, "engines random"].result.outcome == "failed"
    assert isinstance(result(check, CPU), Speed)
    assert stand_in.jobs.count("engines random") == 1
    assert NATIVE.name not in stand_in.jobs


def test_a_process_that_hangs_failed_if_it_had_its_own_time_and_waits_if_time_was_out():
    hanging = StandIn(**{CPU.name: hang})
    assert result(checked(hanging), CPU).outcome == "failed"
    assert set(hanging.limits_s) == {module.LONGEST_S}
    hurried = StandIn(**{CPU.name: hang})
    assert result(checked(hurried, minutes=1), CPU).outcome == "pending"
    assert max(hurried.limits_s) <= 60


def test_without_time_nothing_starts_and_the_next_time_goes_on():
    stand_in = StandIn()
    first = checked(stand_in, minutes=0)
    assert stand_in.jobs == []
    assert result(first, CPU).outcome == "pending"
    again = StandIn()
    second = checked(again, entries=first.entries.values())
    assert isinstance(result(second, NATIVE), Speed)


def test_what_was_measured_is_not_measured_again_but_what_failed_is():
    first = checked(StandIn(**{EAGER.name: crash}))
    stand_in = StandIn()
    second = checked(stand_in, entries=first.entries.values())
    assert stand_in.jobs == ["random", EAGER.name, EAGER.name]
    assert isinstance(result(second, EAGER, "large"), Speed)
    assert len(second.entries) == len(first.entries)


def test_turns_that_time_cut_short_are_figures_too(monkeypatch):
    stand_in = StandIn()
    check = Check(stand_in, "folder", "digits-edge", DRY)
    monkeypatch.setattr(check, "_end", module.time.monotonic() + 1000)
    real = stand_in.__class__.__call__

    def call(self, job, timeout_s):
        if self.jobs.count(CPU.name) == 1 and job.contender == NATIVE and job.section == "detector":
            check._end = 0.0
        return real(self, job, timeout_s)

    monkeypatch.setattr(StandIn, "__call__", call)
    check.run(SECTION)
    assert result(check, CPU).turns_p50_ms == [2.0]


def test_each_new_figure_is_told():
    told = []
    checked(StandIn(), changed=told.append)
    assert [each.section for each in told].count("prepare") == 2
    assert len(told) == 2 + 2 * 3 * 2


@pytest.mark.parametrize("bundle", ["", "random"])
def test_a_section_without_a_bundle_needs_nothing(bundle):
    stand_in = StandIn()
    section = Section(name="detector", title="", bundle=bundle, contenders=(CPU,), sizes=("small",), turns=1)
    checked(stand_in, section)
    assert stand_in.jobs == ([bundle] if bundle else []) + [CPU.name]
