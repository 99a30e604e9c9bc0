"""What was asked of a GPU, what was reached, and what its arithmetic allows."""

import msgspec

from .figures import Entry, Frames, Memory, Prepared, Report, Speed, Work
from .jobs import COMPILED, EAGER, OURS

FRAMES_PER_S = 200.0
ALIKE = 0.8
"""Share of the readings that must be those of fp32 on the CPU: one that is nearly left out may go either way."""


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was asked for."""

    what: str
    asked: str
    reached: str = ""
    """In words; "" = not measured."""
    by: str
    """What reached it, or why it is not measured."""
    met: bool | None = None
    """None = not measured."""
    limit: str = ""
    """How far it could go: the networks' arithmetic at the peak that the GPU showed."""


def targets(report: Report) -> list[Reached]:
    """All that was asked for; in a dry run the words are the same, and mean nothing."""
    half = ("fp16",)
    return [
        faster(report, "detector", "CRAFT in fp16, over PyTorch eager fp32", 4.0, EAGER.name, half),
        faster(report, "detector", "CRAFT in fp16, over torch.compile fp16", 1.2, COMPILED.name, half),
        faster(report, "recognizer", "the recogniser, over PyTorch eager fp32", 5.0, EAGER.name, ("fp16", "fp32")),
        frames_per_second(report),
        steady_memory(report),
    ]


def faster(report: Report, section: str, what: str, least: float, than: str, precisions: tuple[str, ...]) -> Reached:
    """How many times as fast as PyTorch the fastest of our backends is of those that give the right numbers."""
    asked, entries = f"≥ {least:g} times", of(report, section)
    theirs = next((each.result for each in entries if each.contender == than), None)
    ours = [
        (each.result.p50_ms, each.contender)
        for each in entries
        if is_ours(each) and each.contender.endswith(precisions) and isinstance(each.result, Speed) and right(each)
    ]
    if not isinstance(theirs, Speed):
        return Reached(what=what, asked=asked, by=f"{than} was not measured")
    limit = ""
    if (least_ms := floor_ms(report, section)) is not None:
        limit = f"{theirs.p50_ms / least_ms:.1f} times ({least_ms:.2f} ms)"
    if not ours:
        return Reached(what=what, asked=asked, by="no backend of ours was measured and right", limit=limit)
    ms, name = min(ours)
    ratio = theirs.p50_ms / ms
    reached = f"{ratio:.2f} times ({ms:.2f} ms, not {theirs.p50_ms:.2f})"
    return Reached(what=what, asked=asked, reached=reached, by=name, met=ratio >= least, limit=limit)


def frames_per_second(report: Report) -> Reached:
    """The fastest of our backends that reads what fp32 reads on the CPU."""
    what, asked = "1280×720 frames to readings, with the bundle", f"≥ {FRAMES_PER_S:g} frames/s"
    ours = [
        (each.result.frames_per_s, f"{each.contender}, {each.size}")
        for each in of(report, "frames")
        if is_ours(each) and isinstance(each.result, Frames) and reads_alike(each.result)
    ]
    least_ms = floor_ms(report, "frames")
    limit = "" if least_ms is None else f"{1000 / least_ms:,.0f} frames/s"
    if not ours:
        return Reached(what=what, asked=asked, by="no backend of ours was measured and reads the same", limit=limit)
    rate, name = max(ours)
    reached = f"{rate:.0f} frames/s"
    return Reached(what=what, asked=asked, reached=reached, by=name, met=rate >= FRAMES_PER_S, limit=limit)


def steady_memory(report: Report) -> Reached:
    """Whether the GPU's memory is constant on every backend of ours that was measured."""
    found = [
        (each, each.result.device)
        for each in of(report, "memory")
        if is_ours(each) and isinstance(each.result, Memory) and each.result.device is not None
    ]
    frames = min((each.result.frames for each, _ in found if isinstance(each.result, Memory)), default=10_000)
    what, asked = f"memory of the GPU over {frames:,} frames", "constant"
    if not found:
        return Reached(what=what, asked=asked, by="no backend of ours was measured")
    worst, grown = max(found, key=lambda each: each[1].high_mib)
    reached = f"{grown.slope_mib:+.2f} MiB ({grown.low_mib:+.2f} to {grown.high_mib:+.2f})"
    names = ", ".join(each.contender for each, _ in found if each is not worst)
    by = f"{worst.contender}, the worst of {len(found)}" if names else worst.contender
    return Reached(what=what, asked=asked, reached=reached, by=by, met=all(each.constant for _, each in found))


def of(report: Report, section: str) -> list[Entry]:
    """A section's entries."""
    return [each for each in report.entries if each.section == section]


def is_ours(entry: Entry) -> bool:
    """Whether one of our backends for GPUs was measured."""
    return entry.contender.rpartition(" ")[0] in OURS


def right(entry: Entry) -> bool:
    """Whether a network's numbers are those of fp32 on the CPU."""
    result = entry.result
    return isinstance(result, Speed) and (result.agreement is None or result.agreement.passed)


def reads_alike(frames: Frames) -> bool:
    """Whether hardly a reading differs; `verify` is what judges a backend."""
    return frames.same >= ALIKE * max(1, frames.readings, frames.same + frames.missed)


def works(report: Report) -> list[Work]:
    """What the networks ask of a GPU."""
    return [work for each in report.entries if isinstance(each.result, Prepared) for work in each.result.works]


def peak_tflops(report: Report, precision: str = "fp16") -> float | None:
    """The fastest product of matrices, in trillions of operations a second; None if it was not measured."""
    rates = [
        2 * int(each.size.split("x")[0]) ** 3 / each.result.p50_ms / 1e9
        for each in of(report, "ceiling")
        if isinstance(each.result, Speed) and each.contender.endswith(precision)
    ]
    return max(rates, default=None)


def floor_ms(report: Report, section: str) -> float | None:
    """Milliseconds that a section's (first) size takes at the GPU's fp16 peak."""
    gflop = next((each.gflop for each in works(report) if each.section == section), None)
    peak = peak_tflops(report)
    return None if gflop is None or peak is None else gflop / peak
