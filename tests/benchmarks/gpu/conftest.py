"""Small entries and reports, and jobs that need no GPU."""

import pytest

from edgereader.benchmarks.gpu.figures import (
    Agreement,
    Clocks,
    Entry,
    Frames,
    Gpu,
    Growth,
    Memory,
    Missing,
    Prepared,
    Report,
    Speed,
    Verified,
    Work,
)
from edgereader.benchmarks.record import this_machine

CLOCKS = Clocks(sm_mhz=1980, memory_mhz=3201, power_w=None, temperature_c=51)


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
    """A check in which CRAFT is fast enough beside eager PyTorch only, and the recogniser was not measured."""
    return Report(
        commands=["python -m edgereader.benchmarks.gpu_check"], date="2026-11-22T08:00:00+00:00", dry_run=False,
        bundle="digits-edge", files={"detector.onnx": "0" * 64}, machine=this_machine(), gpu=GPU, entries=ENTRIES,
    )  # fmt: skip
