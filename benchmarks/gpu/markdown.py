"""The report as Markdown, for people."""

from __future__ import annotations

from collections.abc import Sequence

from ..tables import NONE, markdown
from .figures import Clocks, Entry, Frames, Growth, Memory, Missing, Prepared, Report, Speed, Verified
from .jobs import DRY, FULL
from .sections import sections
from .targets import of, peak_tflops, targets, works

DRY_RUN = "**A dry run: small networks on the CPU. Nothing here was measured on a GPU, or says anything of one.**"
NOT_MEASURED = "Not measured"


def page(report: Report) -> str:
    """The whole report."""
    parts = ["# EdgeReader on a GPU"] if not report.dry_run else ["# EdgeReader, a dry run of the GPU check", DRY_RUN]
    parts += [where(report), "## What was asked for", target_table(report)]
    for section in sections(DRY if report.dry_run else FULL):
        if entries := of(report, section.name):
            parts += [f"## {section.title}", *section_tables(entries)]
    parts += [missing_table(report), prepared_table(report), how(report)]
    return "\n\n".join(part for part in parts if part) + "\n"


def where(report: Report) -> str:
    """On what it was measured."""
    machine, gpu = report.machine, report.gpu
    on = "No GPU." if gpu is None else (
        f"{gpu.name} ({gpu.compute_capability}, {gpu.memory_gib:g} GiB), driver {gpu.driver or 'of unknown version'}, "
        f"CUDA {gpu.cuda}."
    )  # fmt: skip
    used = {f"{name} {version}" for each in report.entries for name, version in each.versions.items()}
    versions = ", ".join([f"{name} {version}" for name, version in machine.versions.items()] + sorted(used))
    return (
        f"{on} {machine.processor}, {machine.cores} cores, {machine.memory_gib:g} GiB, {machine.system}; {versions}. "
        f"{report.date[:10]}, bundle {report.bundle}."
    )


def target_table(report: Report) -> str:
    """What was asked for, reached, and possible."""
    verdicts = {True: "yes", False: "**no**", None: NONE}
    rows = [
        [each.what, each.asked, each.reached or NOT_MEASURED.lower(), each.by, verdicts[each.met], each.limit or NONE]
        for each in targets(report)
    ]
    table = markdown(["", "asked", "reached", "by", "met", "at the GPU's peak"], rows)
    peak = peak_tflops(report)
    if peak is None:
        return f"{table}\n\nThe peak is unknown: no product of matrices was measured."
    behind = {
        work.section: work for work in reversed(works(report)) if work.section in {"detector", "recognizer", "frames"}
    }
    counted = "; ".join(f"{each.section} {each.gflop:,.1f} GFLOP" for each in behind.values())
    return (
        f"{table}\n\nThe peak is what PyTorch reaches here with products of large fp16 matrices, {peak:,.1f} TFLOP/s. "
        f"Counted are the multiplications and additions of convolutions, matrix products and LSTMs in the graphs "
        f"({counted}); copies, other layers and steps that wait for one another are not."
    )


def section_tables(entries: Sequence[Entry]) -> list[str]:
    """A section's figures, one table for each kind."""
    found = []
    if rows := [speed_row(each, each.result) for each in entries if isinstance(each.result, Speed)]:
        header = ["", "input", "p50 / p90 / p99 ms", "medians of the turns", "runs", "beside fp32 on the CPU", "clocks"]
        found.append(markdown(header, rows))
    if rows := [frames_row(each, each.result) for each in entries if isinstance(each.result, Frames)]:
        header = ["", "", "frames/s", "of the turns", "p50 / p90 / p99 ms", "readings", "clocks"]
        found.append(markdown(header, rows))
    if rows := [
        [each.contender, what, *growth_cells(growth)]
        for each in entries
        if isinstance(each.result, Memory)
        for what, growth in (("GPU", each.result.device), ("process", each.result.host))
        if growth is not None
    ]:
        header = ["", "memory", "first, last, most MiB", "MiB in 10,000 frames (95 %)", "constant"]
        found.append(markdown(header, rows))
    if rows := [
        [each.contender, each.size, name, "**no**" if name in each.result.failed else "yes", detail.replace("|", "/")]
        for each in entries
        if isinstance(each.result, Verified)
        for name, detail in each.result.checks.items()
    ]:
        found.append(markdown(["", "model", "check", "passed", ""], rows))
    return found or [f"{NOT_MEASURED}; see below."]


def speed_row(entry: Entry, speed: Speed) -> list[str]:
    """One contender's times."""
    agreement, rows = speed.agreement, ""
    if agreement is not None:
        verdict = "" if agreement.passed else "**wrong**, "
        rows = "" if agreement.rows_equal is None else f", {agreement.rows_equal:.0%} of the texts equal"
        beside = f"{verdict}{agreement.apart:.1e} of {agreement.allowed:g}{rows}"
    turns = ", ".join(f"{each:.2f}" for each in speed.turns_p50_ms)
    times = f"{speed.p50_ms:.2f} / {speed.p90_ms:.2f} / {speed.p99_ms:.2f}"
    runs = f"{speed.runs} (+{speed.warm_up})"
    return [entry.contender, entry.size, times, turns, runs, beside if agreement else NONE, clocks_cell(speed.clocks)]


def frames_row(entry: Entry, frames: Frames) -> list[str]:
    """One contender's frames a second."""
    turns = ", ".join(f"{each:.1f}" for each in frames.turns_frames_per_s)
    times = NONE
    if frames.p50_ms is not None:
        times = f"{frames.p50_ms:.2f} / {frames.p90_ms:.2f} / {frames.p99_ms:.2f}"
    readings = f"{frames.same} as fp32 on the CPU, {frames.readings - frames.same} others, {frames.missed} missed"
    return [
        entry.contender,
        entry.size,
        f"{frames.frames_per_s:.1f}",
        turns,
        times,
        readings,
        clocks_cell(frames.clocks),
    ]


def growth_cells(growth: Growth) -> list[str]:
    """How memory went on."""
    used = f"{growth.first_mib:.1f}, {growth.last_mib:.1f}, {growth.most_mib:.1f}"
    slope = f"{growth.slope_mib:+.2f} ({growth.low_mib:+.2f} to {growth.high_mib:+.2f})"
    return [used, slope, f"yes (≤ {growth.allowed_mib:g})" if growth.constant else "**not shown**"]


def clocks_cell(clocks: Clocks | None) -> str:
    """Right after a measurement."""
    if clocks is None:
        return NONE
    figures = ((clocks.sm_mhz, "MHz"), (clocks.power_w, "W"), (clocks.temperature_c, "°C"))
    return ", ".join(f"{value:g} {unit}" for value, unit in figures if value is not None) or NONE


def missing_table(report: Report) -> str:
    """What has no figure, and why."""
    rows = [
        [each.section, each.contender, each.size, each.result.outcome, each.result.reason.replace("|", "/")]
        for each in report.entries
        if isinstance(each.result, Missing)
    ]
    return f"## Not measured\n\n{markdown(['', '', '', '', 'why'], rows)}" if rows else ""


def prepared_table(report: Report) -> str:
    """What was made to be measured."""
    rows = [
        [each.size, each.contender, f"{each.result.seconds:.1f} s", each.result.detail.replace("|", "/")]
        for each in report.entries
        if isinstance(each.result, Prepared)
    ]
    return f"## What was made for it\n\n{markdown(['', 'for', '', ''], rows)}" if rows else ""


def how(report: Report) -> str:
    """How figures were taken, and how to take them again."""
    commands = "\n".join(report.commands)
    return (
        "## How\n\nEach contender runs in a process of its own, one after the other, and then all again: turns. Times "
        "are of whole calls, from bytes in the host's memory to results there, copies to and from the GPU included, "
        "after a warm-up of a second or more; PyTorch has page-locked buffers, cuDNN's search for the fastest "
        "algorithms, and for fp16 the channels-last layout (`half()` for CRAFT, autocast for the recogniser). "
        "PyTorch's fp32 convolutions may round to TF32, which is its default, unless a contender says otherwise. "
        f"Networks of full width have random weights.\n\n```sh\n{commands}\n```"
    )
