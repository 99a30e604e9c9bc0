import pytest

from edgereader.benchmarks.gpu.figures import Agreement, Missing
from edgereader.benchmarks.gpu.turns import Answer, FramesTurn, SpeedTurn, together


def answer(found):
    return Answer(size="1x1", found=found)


def speed(times_ms, apart):
    agreement = Agreement(apart=apart, allowed=0.02, rows_equal=None)
    return answer(SpeedTurn(times_ms=times_ms, warm_up=5, per_run=1, agreement=agreement, clocks=None))


def test_turns_of_speed_are_pooled_and_the_worst_agreement_counts():
    found = together([speed([1.0, 2.0, 3.0], 0.001), speed([7.0, 8.0, 9.0], 0.5)])
    assert found.p50_ms == 5.0
    assert found.turns_p50_ms == [2.0, 8.0]
    assert found.runs == 6
    assert not found.agreement.passed


def test_what_is_not_a_number_is_not_right():
    assert not Agreement(apart=float("nan"), allowed=0.02, rows_equal=None).passed
    assert Agreement(apart=0.02, allowed=0.02, rows_equal=None).passed


def test_turns_of_frames_are_rates():
    turns = [
        FramesTurn(seconds=s, frames=100, times_ms=[], warm_up=9, readings=9, same=same, missed=0, clocks=None)
        for s, same in ((1.0, 9), (2.0, 8), (0.5, 9))
    ]
    found = together([answer(turn) for turn in turns])
    assert found.turns_frames_per_s == [100, 50, 200]
    assert found.frames_per_s == pytest.approx(100)
    assert (found.same, found.p50_ms) == (8, None)


def test_one_turn_that_failed_makes_the_others_worthless():
    missing = Missing(outcome="failed", reason="crashed")
    assert together([speed([1.0], 0.001), answer(missing)]) == missing
