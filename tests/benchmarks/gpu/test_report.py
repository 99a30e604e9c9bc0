import pytest
from msgspec.structs import replace

from edgereader.benchmarks.gpu.report import (
    DRY_RUN,
    Agreement,
    Answer,
    Entry,
    Frames,
    Growth,
    Memory,
    Prepared,
    Report,
    Speed,
    Verified,
    Work,
    floor_ms,
    line,
    page,
    peak_tflops,
    targets,
    together,
)
from edgereader.benchmarks.record import this_machine
from edgereader.benchmarks.speed.child import Missing
from edgereader.benchmarks.speed.device import Clocks, Gpu

CLOCKS = Clocks(sm_mhz=1980, power_w=None, temperature_c=51)


def entry(section, contender, size, result):
    return Entry(section=section, contender=contender, size=size, result=result, versions={"torch": "2.11.0"})


def speed(p50_ms, apart=1e-4, allowed=0.02):
    agreement = Agreement(apart=apart, allowed=allowed, rows_equal=None)
    return Speed(
        p50_ms=p50_ms, p90_ms=2 * p50_ms, p99_ms=3 * p50_ms, turns_p50_ms=[p50_ms], runs=30, warm_up=5,
        agreement=agreement, clocks=CLOCKS,
    )  # fmt: skip


def frames(rate, *, readings=9, same=9, missed=0):
    return Frames(
        frames_per_s=rate, turns_frames_per_s=[rate], p50_ms=None, p90_ms=None, p99_ms=None, frames=300, warm_up=30,
        readings=readings, same=same, missed=missed,
    )  # fmt: skip


def grown(slope):
    return Growth(
        first_mib=900, last_mib=900 + slope, most_mib=901, slope_mib=slope, low_mib=slope - 0.5, high_mib=slope + 0.5,
        allowed_mib=2.0,
    )  # fmt: skip


def memory(slope):
    return Memory(frames=10_000, warm_up=1000, device=grown(slope), host=grown(0.1))


GPU = Gpu(name="Card", compute_capability="sm86", memory_gib=24, driver="580.1", cuda="13.0")
ENTRIES = [
    entry("ceiling", "PyTorch eager fp16", "1000x1000x1000", speed(0.02)),
    entry(
        "prepare", "cpu fp32", "random",
        Prepared(seconds=90, detail="made", works=[Work(section="detector", size="736x1280", gflop=670.0)]),
    ),
    entry("detector", "cuda fp16", "736x1280", speed(10.0)),
    entry("detector", "tensorrt fp16", "736x1280", speed(1.0, apart=0.5)),
    entry("detector", "cuda fp32", "736x1280", speed(9.0)),
    entry("detector", "PyTorch eager fp32", "736x1280", speed(45.0)),
    entry("detector", "PyTorch compiled fp16", "736x1280", speed(11.0)),
    entry("frames", "cpu fp32", "one at a time", frames(900.0)),
    entry("frames", "cuda fp16", "in a pipeline", frames(250.0)),
    entry("frames", "tensorrt fp16", "in a pipeline", frames(999.0, readings=0, same=0, missed=9)),
    entry("memory", "cuda fp16", "1280x720 frames", memory(0.2)),
    entry("verify", "cuda fp16", "detector", Verified(checks={"canary": "a | b", "H-mean": "low"}, failed=["H-mean"])),
    entry("memory", "tensorrt-rtx fp16", "1280x720 frames", Missing(outcome="skipped", reason="no engine")),
]  # fmt: skip


@pytest.fixture
def report():
    """A check in which CRAFT is fast enough beside eager PyTorch only, and the recognizer was not measured."""
    return Report(
        commands=["python -m edgereader.benchmarks.gpu_check"], date="2026-11-22T08:00:00+00:00", dry_run=False,
        bundle="digits-edge", files={"detector.onnx": "0" * 64}, machine=this_machine(), gpu=GPU, entries=ENTRIES,
    )  # fmt: skip


def without(report, *contenders):
    return replace(report, entries=[kept for kept in report.entries if kept.contender not in contenders])


def reached(report):
    return [*targets(report).values()]


def test_the_fastest_backend_that_is_right_counts(report):
    eager, compiled, recognizer, frames, steady = reached(report)
    assert (eager.met, eager.by, eager.reached) == (True, "cuda fp16", "4.50 times (10.00 ms, not 45.00)")
    assert (compiled.met, compiled.reached) == (False, "1.10 times (10.00 ms, not 11.00)")
    assert (recognizer.met, recognizer.reached) == (None, "")
    assert "PyTorch eager fp32 was not measured" in recognizer.by
    assert (frames.met, frames.by, frames.reached) == (True, "cuda fp16, in a pipeline", "250 frames/s")
    assert (steady.met, steady.by) == (True, "cuda fp16")


def test_the_limit_is_arithmetic_at_the_peak(report):
    assert peak_tflops(report) == 100.0
    assert floor_ms(report, "detector") == 6.7
    assert reached(report)[0].limit == "6.7 times (6.70 ms)"
    assert floor_ms(without(report, "PyTorch eager fp16"), "detector") is None
    assert reached(without(report, "PyTorch eager fp16"))[0].limit == ""


@pytest.mark.parametrize(
    ("gone", "place", "by"),
    [
        ("cuda fp16", 0, "no backend of ours was measured and right"),
        ("PyTorch eager fp32", 0, "PyTorch eager fp32 was not measured"),
        ("cuda fp16", 3, "no backend of ours was measured and reads the same"),
    ],
)
def test_a_backend_that_is_wrong_or_has_nothing_beside_it_reaches_nothing(report, gone, place, by):
    found = reached(without(report, gone))[place]
    assert (found.met, found.reached, found.by) == (None, "", by)


def test_memory_that_grows_on_one_backend_is_enough_and_the_recognizer_may_be_fast_in_fp32(report):
    entries = [
        entry("memory", "tensorrt fp16", "1280x720 frames", memory(5.0)),
        entry("recognizer", "PyTorch eager fp32", "32 crops", speed(60.0)),
        entry("recognizer", "cuda fp32", "32 crops", speed(11.0)),
    ]
    *_, recognizer, _, steady = reached(replace(report, entries=[*ENTRIES, *entries]))
    assert recognizer.met is True
    assert (steady.met, steady.by) == (False, "tensorrt fp16, the worst of 2")
    assert steady.reached == "+5.00 MiB (+4.50 to +5.50)"


def test_the_page_says_what_was_asked_reached_and_not_measured(report):
    text = page(report)
    assert text.startswith("# EdgeReader on a GPU\n")
    assert "Card (sm86, 24 GiB), driver 580.1, CUDA 13.0." in text
    assert "torch 2.11.0" in text
    assert "| ≥ 4 times | 4.50 times (10.00 ms, not 45.00) | cuda fp16 | yes | 6.7 times (6.70 ms) |" in text
    assert "| ≥ 1.2 times | 1.10 times (10.00 ms, not 11.00) | cuda fp16 | **no** |" in text
    assert "| ≥ 5 times | not measured |" in text
    assert "100.0 TFLOP/s" in text
    assert "detector 670.0 GFLOP" in text
    assert "| memory | tensorrt-rtx fp16 | 1280x720 frames | skipped | no engine |" in text
    assert DRY_RUN not in text


def test_figures_stand_with_percentiles_turns_clocks_and_agreement(report):
    text = page(report)
    assert (
        "| cuda fp16 | 736x1280 | 10.00 / 20.00 / 30.00 | 10.00 | 30 (+5) | 1.0e-04 of 0.02 | 1980 MHz, 51 °C |" in text
    )
    assert "| **wrong**, 5.0e-01 of 0.02 |" in text
    assert "| 0 as fp32 on the CPU, 0 others, 9 missed |" in text
    assert "| cuda fp16 | GPU | 900.0, 900.2, 901.0 | +0.20 (-0.30 to +0.70) | yes (≤ 2) |" in text
    assert "| cuda fp16 | detector | H-mean | **no** | low |" in text
    assert "a / b" in text
    for lines in (block.splitlines() for block in text.split("\n\n") if block.startswith("| ")):
        assert len({row.count(" | ") for row in lines}) == 1, lines
    text = page(replace(report, dry_run=True, gpu=None))
    assert text.startswith("# EdgeReader, a dry run of the GPU check\n\n" + DRY_RUN)
    assert "No GPU." in text


def answer(times_ms, apart):
    agreement = Agreement(apart=apart, allowed=0.02, rows_equal=None)
    return Answer(found=Speed(warm_up=5, agreement=agreement), times_ms=times_ms)


def test_turns_of_speed_are_pooled_and_the_worst_agreement_counts():
    found = together([answer([1.0, 2.0, 3.0], 0.001), answer([7.0, 8.0, 9.0], 0.5)])
    assert (found.p50_ms, found.turns_p50_ms, found.runs) == (5.0, [2.0, 8.0], 6)
    assert not found.agreement.passed


def test_turns_of_frames_are_rates():
    turns = [
        Answer(found=Frames(frames_per_s=rate, frames=100, warm_up=9, readings=9, same=same, missed=9 - same))
        for rate, same in ((100.0, 9), (50.0, 8), (200.0, 9))
    ]
    found = together(turns)
    assert (found.turns_frames_per_s, found.frames_per_s) == ([100, 50, 200], 100)
    assert (found.same, found.missed, found.p50_ms) == (8, 1, None)
    assert together([replace(turns[0], times_ms=[1.0, 2.0, 3.0])]).p50_ms == 2


def test_one_turn_that_failed_makes_the_others_worthless():
    missing = Missing(outcome="failed", reason="crashed")
    assert together([answer([1.0], 0.001), Answer(found=missing)]) == missing


def test_every_kind_of_entry_has_its_line():
    said = [line(made) for made in ENTRIES]
    assert "detector, cuda fp16, 736x1280: 10.00 ms" in said
    assert "frames, cuda fp16, in a pipeline: 250.0 frames/s" in said
    assert "memory, cuda fp16, 1280x720 frames: 10000 frames" in said
    assert "prepare, cpu fp32, random: 90.0 s" in said
    assert "verify, cuda fp16, detector: failed: H-mean" in said
    assert "memory, tensorrt-rtx fp16, 1280x720 frames: skipped: no engine" in said
