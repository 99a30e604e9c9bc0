from msgspec.structs import replace

from edgereader.benchmarks.gpu.targets import floor_ms, peak_tflops, targets

from .conftest import ENTRIES, entry, memory, speed


def without(report, *contenders):
    return replace(report, entries=[each for each in report.entries if each.contender not in contenders])


def test_the_fastest_backend_that_is_right_counts(report):
    eager, compiled, recognizer, frames, steady = targets(report)
    assert (eager.met, eager.by, eager.reached) == (True, "cuda fp16", "4.50 times (10.00 ms, not 45.00)")
    assert (compiled.met, compiled.reached) == (False, "1.10 times (10.00 ms, not 11.00)")
    assert (recognizer.met, recognizer.reached) == (None, "")
    assert "PyTorch eager fp32 was not measured" in recognizer.by
    assert (frames.met, frames.by, frames.reached) == (True, "cuda fp16, in a pipeline", "250 frames/s")
    assert (steady.met, steady.by) == (True, "cuda fp16")


def test_the_limit_is_arithmetic_at_the_peak(report):
    assert peak_tflops(report) == 100.0
    assert floor_ms(report, "detector") == 6.7
    assert targets(report)[0].limit == "6.7 times (6.70 ms)"
    assert floor_ms(without(report, "PyTorch eager fp16"), "detector") is None
    assert targets(without(report, "PyTorch eager fp16"))[0].limit == ""


def test_a_backend_that_is_wrong_reaches_nothing(report):
    eager = targets(without(report, "cuda fp16"))[0]
    assert (eager.met, eager.by) == (None, "no backend of ours was measured and right")


def test_without_pytorch_there_is_nothing_to_be_faster_than(report):
    eager = targets(without(report, "PyTorch eager fp32"))[0]
    assert (eager.met, eager.by) == (None, "PyTorch eager fp32 was not measured")


def test_a_reader_that_reads_nothing_is_not_fast(report):
    frames = targets(without(report, "cuda fp16"))[3]
    assert (frames.met, frames.reached) == (None, "")


def test_memory_that_grows_on_one_backend_is_enough(report):
    grown = entry("memory", "tensorrt fp16", "1280x720 frames", memory(5.0))
    steady = targets(replace(report, entries=[*ENTRIES, grown]))[4]
    assert (steady.met, steady.by) == (False, "tensorrt fp16, the worst of 2")
    assert steady.reached == "+5.00 MiB (+4.50 to +5.50)"


def test_the_recogniser_may_be_fast_in_any_precision(report):
    measured = [
        entry("recognizer", "PyTorch eager fp32", "32 crops", speed(60.0)),
        entry("recognizer", "cuda fp32", "32 crops", speed(11.0)),
    ]
    assert targets(replace(report, entries=measured))[2].met is True
