"""What a check of a GPU finds: the structs of its JSON, what they say of what was asked for, and its Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import Any, NamedTuple, TypeVar

import msgspec
import numpy as np
from msgspec.structs import replace

from ...export.card import NONE, markdown
from ..record import Machine
from ..speed.child import Missing
from ..speed.device import Clocks, Gpu
from ..tables import version_words
from .plan import COMPILED, DRY, EAGER, FULL, OURS, Contender, sections

SCHEMA = 1
DRY_RUN = "**A dry run: small networks on the CPU. Nothing here was measured on a GPU, or says anything of one.**"
NOT_MEASURED = "not measured"
FRAMES_PER_S = 200.0
ALIKE = 0.8
"""Share of the readings that must be those of fp32 on the CPU: one that is nearly left out may go either way."""


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """How closely a contender gives what ONNX Runtime gives on the CPU in fp32."""

    apart: float
    """Largest difference over the largest magnitude, of the maps, or of the logarithms of the first symbol."""
    allowed: float
    """What that may be in this precision."""
    rows_equal: float | None
    """Share of the crops of which every symbol is the same; None for a detector."""

    @property
    def passed(self) -> bool:
        """Return whether it is close enough; what is not a number is not."""
        return self.apart <= self.allowed


class Speed(msgspec.Struct, frozen=True, kw_only=True, tag="speed", tag_field="kind"):
    """Milliseconds from bytes in the computer's memory to results there, copies included."""

    p50_ms: float = 0.0
    p90_ms: float = 0.0
    p99_ms: float = 0.0
    turns_p50_ms: list[float] = []
    runs: int = 0
    warm_up: int
    """Runs before, untimed, in every turn."""
    agreement: Agreement | None = None
    clocks: Clocks | None = None
    """Right after the last turn."""


class Frames(msgspec.Struct, frozen=True, kw_only=True, tag="frames", tag_field="kind"):
    """How many frames become readings in a second."""

    frames_per_s: float
    """Median of the turns."""
    turns_frames_per_s: list[float] = []
    p50_ms: float | None = None
    """Of one frame at a time; None for frames in a pipeline, which have no time of their own."""
    p90_ms: float | None = None
    p99_ms: float | None = None
    frames: int
    """Timed in every turn."""
    warm_up: int
    readings: int
    """In all different frames together."""
    same: int
    """Those of them that fp32 reads on the CPU too, in the same frame."""
    missed: int
    """Those that only fp32 reads on the CPU."""
    clocks: Clocks | None = None


class Growth(msgspec.Struct, frozen=True, kw_only=True):
    """How the memory in use went on after the warm-up."""

    first_mib: float
    last_mib: float
    most_mib: float
    slope_mib: float
    """MiB in 10,000 frames, by least squares; `low_mib` and `high_mib` are the ends of its 95 % confidence interval."""
    low_mib: float
    high_mib: float
    allowed_mib: float
    """Growth that does not count: the granularity of what was measured."""

    @property
    def constant(self) -> bool:
        """Return whether the memory surely does not grow by more than is allowed."""
        return self.high_mib <= self.allowed_mib


class Memory(msgspec.Struct, frozen=True, kw_only=True, tag="memory", tag_field="kind"):
    """Memory while one frame after another is read."""

    frames: int
    """After the warm-up."""
    warm_up: int
    device: Growth | None
    """The GPU's, of all that runs on it; None without a GPU."""
    host: Growth
    """Resident memory of the process."""


class Verified(msgspec.Struct, frozen=True, kw_only=True, tag="verified", tag_field="kind"):
    """What `edgereader verify --backend` found on the bundle."""

    checks: dict[str, str]
    """Check → figure, or what is wrong."""
    failed: list[str]
    """Checks that failed."""


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What a network asks of a GPU."""

    section: str
    size: str
    gflop: float
    """Multiplications and additions of its convolutions, matrix products and LSTMs, billions."""


class Prepared(msgspec.Struct, frozen=True, kw_only=True, tag="prepared", tag_field="kind"):
    """Something was made that others need."""

    seconds: float
    detail: str
    works: list[Work] = []


Result = Speed | Frames | Memory | Verified | Prepared | Missing
Rows = Iterator[list[str]]
Kind = TypeVar("Kind", Speed, Frames, Memory, Verified, Prepared, Missing)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One figure, or why there is none."""

    section: str
    contender: str
    """`cuda fp16`, `PyTorch eager fp32`, …"""
    size: str
    """Of its input: `736x1280`, `32 crops`, …"""
    result: Result
    versions: dict[str, str] = {}

    @property
    def key(self) -> tuple[str, str, str]:
        """Return what there is one entry of."""
        return self.section, self.contender, self.size


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A check of a GPU, with all that is needed to repeat it."""

    schema: int = SCHEMA
    commands: list[str]
    """The command lines that gave it, first to last."""
    date: str
    """When the last one ended, ISO 8601, UTC."""
    dry_run: bool
    bundle: str
    files: dict[str, str]
    """Model file → its SHA-256."""
    machine: Machine
    gpu: Gpu | None
    """None in a dry run."""
    entries: list[Entry]

    def found(self, kind: type[Kind], section: str | None = None) -> Iterator[tuple[Entry, Kind]]:
        """Yield the entries of a section, or of all, whose results are of one kind."""
        for entry in self.entries:
            if section in {None, entry.section} and isinstance(entry.result, kind):
                yield entry, entry.result

    @property
    def works(self) -> list[Work]:
        """Return what the networks ask of a GPU."""
        return [work for _, prepared in self.found(Prepared) for work in prepared.works]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a process says of one size in one turn."""

    found: Result
    times_ms: list[float] = []
    """Of each run or frame; none for frames in a pipeline."""
    versions: dict[str, str] = {}


def together(turns: Sequence[Answer]) -> Result:
    """Make one figure of all turns; one turn that went wrong makes the rest worthless."""
    found, times = [turn.found for turn in turns], [ms for turn in turns for ms in turn.times_ms]
    p50, p90, p99 = np.percentile(times or [0.0], (50, 90, 99)).tolist()
    last = next((result for result in found if isinstance(result, Missing)), found[-1])
    if isinstance(last, Speed):
        agreements = [result.agreement for result in found if isinstance(result, Speed) and result.agreement]
        worst = max(agreements, key=lambda agreement: agreement.apart, default=None)
        medians = [median(turn.times_ms) for turn in turns]
        return replace(last, p50_ms=p50, p90_ms=p90, p99_ms=p99, turns_p50_ms=medians, runs=len(times), agreement=worst)
    if isinstance(last, Frames):
        frames = [result for result in found if isinstance(result, Frames)]
        rates = [result.frames_per_s for result in frames]
        last = replace(
            last,
            frames_per_s=median(rates),
            turns_frames_per_s=rates,
            same=min(result.same for result in frames),
            missed=max(result.missed for result in frames),
        )
        return replace(last, p50_ms=p50, p90_ms=p90, p99_ms=p99) if times else last
    return last


def line(entry: Entry) -> str:
    """Describe an entry in a line for a terminal."""
    match entry.result:
        case Speed(p50_ms=p50_ms):
            said = f"{p50_ms:.2f} ms"
        case Frames(frames_per_s=rate):
            said = f"{rate:.1f} frames/s"
        case Memory(frames=frames):
            said = f"{frames} frames"
        case Verified(failed=failed):
            said = f"failed: {', '.join(failed)}" if failed else "verified"
        case Prepared(seconds=seconds):
            said = f"{seconds:.1f} s"
        case Missing(outcome=outcome, reason=reason):
            said = f"{outcome}: {reason}"
    return f"{', '.join(entry.key)}: {said}"


class Reached(NamedTuple):
    """How far one thing that was asked for is reached."""

    reached: str
    """In words; "" = not measured."""
    by: str
    """What reached it, or why it is not measured."""
    met: bool | None = None
    """None = not measured."""
    limit: str = ""
    """How far it could go: the networks' arithmetic at the peak that the GPU showed."""


def targets(report: Report) -> dict[tuple[str, str], Reached]:
    """Return all that was asked for, and how much of it: what is reached; in a dry run it means nothing."""
    frames = min((memory.frames for _, memory in _device_memory(report)), default=10_000)
    return {
        ("CRAFT in fp16, over PyTorch eager fp32", "≥ 4 times"): faster(report, "detector", 4.0, EAGER),
        ("CRAFT in fp16, over torch.compile fp16", "≥ 1.2 times"): faster(report, "detector", 1.2, COMPILED),
        ("the recognizer, over PyTorch eager fp32", "≥ 5 times"): faster(report, "recognizer", 5.0, EAGER),
        ("1280×720 frames to readings, with the bundle", f"≥ {FRAMES_PER_S:g} frames/s"): frames_per_second(report),
        (f"memory of the GPU over {frames:,} frames", "constant"): steady_memory(report),
    }


def faster(report: Report, section: str, least: float, than: Contender) -> Reached:
    """Return how many times as fast as PyTorch our fastest backend is, of those that give the right numbers.

    The detector counts in fp16 only.
    """
    speeds = {entry.contender: speed for entry, speed in report.found(Speed, section)}
    precisions = ("fp16",) if section == "detector" else ("fp16", "fp32")
    if than.name not in speeds:
        return Reached("", f"{than.name} was {NOT_MEASURED}")
    theirs_ms, least_ms = speeds[than.name].p50_ms, floor_ms(report, section)
    limit = "" if least_ms is None else f"{theirs_ms / least_ms:.1f} times ({least_ms:.2f} ms)"
    ours = [
        (speed.p50_ms, name)
        for name, speed in speeds.items()
        if is_ours(name) and name.endswith(precisions) and (speed.agreement is None or speed.agreement.passed)
    ]
    if not ours:
        return Reached("", "no backend of ours was measured and right", limit=limit)
    ms, name = min(ours)
    times = theirs_ms / ms
    return Reached(f"{times:.2f} times ({ms:.2f} ms, not {theirs_ms:.2f})", name, times >= least, limit)


def frames_per_second(report: Report) -> Reached:
    """Return how fast our fastest backend is, of those that read what fp32 reads on the CPU."""
    ours = [
        (found.frames_per_s, f"{entry.contender}, {entry.size}")
        for entry, found in report.found(Frames, "frames")
        if is_ours(entry.contender) and found.same >= ALIKE * max(1, found.readings, found.same + found.missed)
    ]
    least_ms = floor_ms(report, "frames")
    limit = "" if least_ms is None else f"{1000 / least_ms:,.0f} frames/s"
    if not ours:
        return Reached("", "no backend of ours was measured and reads the same", limit=limit)
    rate, name = max(ours)
    return Reached(f"{rate:.0f} frames/s", name, rate >= FRAMES_PER_S, limit)


def steady_memory(report: Report) -> Reached:
    """Return whether the GPU's memory is constant on every backend of ours that was measured."""
    found = [(memory.device, name) for name, memory in _device_memory(report) if memory.device]
    if not found:
        return Reached("", "no backend of ours was measured")
    grown, worst = max(found, key=lambda pair: pair[0].high_mib)
    by = f"{worst}, the worst of {len(found)}" if len(found) > 1 else worst
    return Reached(_slope(grown, " MiB"), by, all(growth.constant for growth, _ in found))


def _device_memory(report: Report) -> list[tuple[str, Memory]]:
    found = report.found(Memory, "memory")
    return [(entry.contender, memory) for entry, memory in found if is_ours(entry.contender) and memory.device]


def is_ours(contender: str) -> bool:
    """Return whether it is one of our backends for GPUs."""
    return contender.rpartition(" ")[0] in OURS


def peak_tflops(report: Report) -> float | None:
    """Return the fastest product of fp16 matrices, in trillions of operations a second; None if not measured."""
    found = report.found(Speed, "ceiling")
    half = [(int(entry.size.split("x")[0]), speed.p50_ms) for entry, speed in found if entry.contender.endswith("fp16")]
    return max((2 * side**3 / ms / 1e9 for side, ms in half), default=None)


def floor_ms(report: Report, section: str) -> float | None:
    """Return the milliseconds that a section's (first) size takes at the GPU's fp16 peak."""
    gflop = next((work.gflop for work in report.works if work.section == section), None)
    peak = peak_tflops(report)
    return None if gflop is None or peak is None else gflop / peak


def page(report: Report) -> str:
    """Return the whole report as Markdown."""
    parts = ["# EdgeReader, a dry run of the GPU check", DRY_RUN] if report.dry_run else ["# EdgeReader on a GPU"]
    parts += [where(report), "## What was asked for", target_table(report)]
    for section in sections(DRY if report.dry_run else FULL):
        if any(entry.section == section.name for entry in report.entries):
            parts += [f"## {section.title}", *([*tables(report, section.name)] or ["Not measured; see below."])]
    missing = [[*entry.key, found.outcome, _cell(found.reason)] for entry, found in report.found(Missing)]
    made = [
        [entry.size, entry.contender, f"{found.seconds:.1f} s", _cell(found.detail)]
        for entry, found in report.found(Prepared)
    ]
    if missing:
        parts += ["## Not measured", markdown(["", "", "", "", "why"], missing)]
    if made:
        parts += ["## What was made for it", markdown(["", "for", "", ""], made)]
    return "\n\n".join([*parts, how(report)]) + "\n"


def where(report: Report) -> str:
    """Return a paragraph on the machine, the GPU and the versions."""
    on = "No GPU."
    if gpu := report.gpu:
        card = f"{gpu.name} ({gpu.compute_capability}, {gpu.memory_gib:g} GiB)"
        on = f"{card}, driver {gpu.driver or 'of unknown version'}, CUDA {gpu.cuda}."
    used = {f"{name} {version}" for entry in report.entries for name, version in entry.versions.items()}
    versions = ", ".join([version_words(report.machine.versions), *sorted(used)])
    return f"{on} {report.machine}; {versions}. {report.date[:10]}, bundle {report.bundle}."


def target_table(report: Report) -> str:
    """Lay out what was asked for, reached, and possible."""
    verdicts = {True: "yes", False: "**no**", None: NONE}
    rows = [
        [*asked, found.reached or NOT_MEASURED, found.by, verdicts[found.met], found.limit or NONE]
        for asked, found in targets(report).items()
    ]
    table = markdown(["", "asked", "reached", "by", "met", "at the GPU's peak"], rows)
    peak = peak_tflops(report)
    if peak is None:
        return f"{table}\n\nThe peak is unknown: no product of matrices was measured."
    firsts = {
        work.section: work.gflop for work in reversed(report.works) if work.section not in {"canvases", "batches"}
    }
    counted = "; ".join(f"{section} {gflop:,.1f} GFLOP" for section, gflop in firsts.items())
    return (
        f"{table}\n\nThe peak is what PyTorch reaches here with products of large fp16 matrices, {peak:,.1f} TFLOP/s. "
        f"Counted are the multiplications and additions of convolutions, matrix products and LSTMs in the graphs "
        f"({counted}); copies, other layers and steps that wait for one another are not."
    )


def speed_row(entry: Entry, speed: Speed) -> Rows:
    """Return the times of a network, beside what fp32 gives on the CPU."""
    beside = NONE
    if agreement := speed.agreement:
        verdict = "" if agreement.passed else "**wrong**, "
        texts = "" if agreement.rows_equal is None else f", {agreement.rows_equal:.0%} of the texts equal"
        beside = f"{verdict}{agreement.apart:.1e} of {agreement.allowed:g}{texts}"
    turns, runs = ", ".join(f"{ms:.2f}" for ms in speed.turns_p50_ms), f"{speed.runs} (+{speed.warm_up})"
    yield [entry.contender, entry.size, _times(speed), turns, runs, beside, _clocks(speed.clocks)]


def frames_row(entry: Entry, found: Frames) -> Rows:
    """Return frames a second, and how many readings are right."""
    turns = ", ".join(f"{rate:.1f}" for rate in found.turns_frames_per_s)
    readings = f"{found.same} as fp32 on the CPU, {found.readings - found.same} others, {found.missed} missed"
    rate = f"{found.frames_per_s:.1f}"
    yield [entry.contender, entry.size, rate, turns, _times(found), readings, _clocks(found.clocks)]


def memory_rows(entry: Entry, found: Memory) -> Rows:
    """Return how the memory of the GPU and of the process went on."""
    for what, growth in (("GPU", found.device), ("process", found.host)):
        if growth is not None:
            used = f"{growth.first_mib:.1f}, {growth.last_mib:.1f}, {growth.most_mib:.1f}"
            verdict = f"yes (≤ {growth.allowed_mib:g})" if growth.constant else "**not shown**"
            yield [entry.contender, what, used, _slope(growth), verdict]


def verified_rows(entry: Entry, found: Verified) -> Rows:
    """Return the checks of the bundle."""
    for name, detail in found.checks.items():
        yield [entry.contender, entry.size, name, "**no**" if name in found.failed else "yes", _cell(detail)]


TABLES: tuple[tuple[Any, str, Callable[[Entry, Any], Rows]], ...] = (
    (Speed, "|input|p50 / p90 / p99 ms|medians of the turns|runs|beside fp32 on the CPU|clocks", speed_row),
    (Frames, "||frames/s|of the turns|p50 / p90 / p99 ms|readings|clocks", frames_row),
    (Memory, "|memory|first, last, most MiB|MiB in 10,000 frames (95 %)|constant", memory_rows),
    (Verified, "|model|check|passed|", verified_rows),
)
"""Kind of result → the header of its table, and the rows of an entry."""


def tables(report: Report, section: str) -> Iterator[str]:
    """Yield the tables of a section: one for each kind of result in it."""
    for kind, header, rows_of in TABLES:
        rows = [row for entry, found in report.found(kind, section) for row in rows_of(entry, found)]
        if rows:
            yield markdown(header.split("|"), rows)


def _times(found: Speed | Frames) -> str:
    return NONE if found.p50_ms is None else f"{found.p50_ms:.2f} / {found.p90_ms:.2f} / {found.p99_ms:.2f}"


def _slope(growth: Growth, unit: str = "") -> str:
    return f"{growth.slope_mib:+.2f}{unit} ({growth.low_mib:+.2f} to {growth.high_mib:+.2f})"


def _clocks(clocks: Clocks | None) -> str:
    if clocks is None:
        return NONE
    figures = ((clocks.sm_mhz, "MHz"), (clocks.power_w, "W"), (clocks.temperature_c, "°C"))
    return ", ".join(f"{value:g} {unit}" for value, unit in figures if value is not None) or NONE


def _cell(text: str) -> str:
    return text.replace("|", "/")


def how(report: Report) -> str:
    """Return the paragraph on how figures were taken, with the commands that take them again."""
    commands = "\n".join(report.commands)
    return (
        "## How\n\nEach contender runs in a process of its own, one after the other, and then all again: turns. Times "
        "are of whole calls, from bytes in the host's memory to results there, copies to and from the GPU included, "
        "after a warm-up of a second or more; PyTorch has page-locked buffers, cuDNN's search for the fastest "
        "algorithms, and for fp16 the channels-last layout (`half()` for CRAFT, autocast for the recognizer). "
        "PyTorch's fp32 convolutions may round to TF32, which is its default, unless a contender says otherwise. "
        f"Networks of full width have random weights.\n\n```sh\n{commands}\n```"
    )
