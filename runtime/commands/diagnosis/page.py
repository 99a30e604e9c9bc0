"""The examination on one page, for people."""

import textwrap
from collections.abc import Iterator
from itertools import groupby

from .machine import Cpu, Jetson, Memory, Nvidia
from .report import BundleFacts, Report
from .trials import Trial

WIDTH, LABEL = 100, 15
COLUMNS = "{:15}{:11}{:11}{:>9}{:>12}{:>10}  {}"
Rows = Iterator[tuple[str, str]]
"""A label, and the text beside it, which is wrapped."""


def page(report: Report) -> str:
    """Return the examination as text, in lines of at most ``WIDTH`` characters."""
    sections = (
        (f"EdgeReader {report.edgereader}", _machine(report)),
        ("NVIDIA", _nvidia(report.nvidia, report.jetson)),
        (f"Bundle {report.bundle.name}", _bundle(report.bundle)),
        (COLUMNS.format("Backends", "model", "precision", "opens", "runs", "input", "canary"), _backends(report)),
        ("To do", (("-", advice) for advice in report.advice)),
        ("Could not be found out", (("-", trouble) for trouble in report.unknown)),
    )
    blocks = [_block(title, rows) for title, rows in sections]
    return "\n\n".join([*filter(None, blocks), _wrapped("Verdict", report.verdict)])


def _block(title: str, rows: Rows) -> str:
    lines = [_wrapped(f"  {label}", text) for label, text in rows]
    return "\n".join([_printable(title)[:WIDTH], *lines]) if lines else ""


def _wrapped(label: str, text: str) -> str:
    indent = 4 if label == "  -" else LABEL
    return textwrap.fill(
        _printable(text),
        WIDTH,
        initial_indent=f"{label:{indent}}",
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
    )


def _printable(text: str) -> str:
    """Return a text without control characters, which a terminal obeys, and which names in files may hold."""
    return "".join(character if character.isprintable() else " " for character in text)


def _machine(report: Report) -> Rows:
    system, opencv = report.system, report.opencv
    yield "Python", f"{system.python}, edgereader needs {system.python_needed}; {system.executable}"
    where = ", in a container" if system.container else ""
    yield "System", f"{system.name}, kernel {system.kernel}, {system.architecture}{where}"
    if report.cpu is not None:
        yield from _cpu(report.cpu)
    if report.memory is not None:
        yield "Memory", _memory(report.memory)
    yield "Packages", ", ".join(f"{name} {version}" for name, version in report.packages.items())
    if opencv is not None:
        built = ((opencv.ffmpeg, "FFmpeg"), (opencv.gstreamer, "GStreamer"))
        parts = " and ".join(f"{'with' if has else 'without'} {name}" for has, name in built)
        yield "OpenCV", f"{opencv.version}, {parts}; {opencv.path}"


def _cpu(cpu: Cpu) -> Rows:
    yield "CPU", f"{cpu.model or 'of unknown name'}, {cpu.usable:g} of {cpu.cores} cores usable"
    has, lacks = ([name for name, there in cpu.features.items() if there is want] for want in (True, False))
    lists = ((words, names) for words, names in (("has", has), ("lacks", lacks)) if names)
    if cpu.features:
        yield "", "; ".join(f"{words} {', '.join(names)}" for words, names in lists)
    yield "int8", cpu.int8


def _memory(memory: Memory) -> str:
    total, available, limit = map(_gib, (memory.total_bytes, memory.available_bytes, memory.limit_bytes))
    limited = f"; this group of processes may use {limit}" if memory.limit_bytes is not None else ""
    return f"{total}, of which {available} available{limited}"


def _gib(size: int | None) -> str:
    return "an unknown amount" if size is None else f"{size / (1 << 30):.1f} GiB"


def _nvidia(nvidia: Nvidia, jetson: Jetson | None) -> Rows:
    for gpu in nvidia.gpus:
        shared = ", shared with the CPU" if gpu.integrated else ""
        yield "GPU", f"{gpu.name}, {gpu.compute_capability}, {_gib(gpu.memory_bytes)}{shared}"
    if not nvidia.gpus:
        found = ", ".join(nvidia.hardware)
        yield "GPU", f"{found}, but no driver offers it" if found else "none"
    if nvidia.driver or nvidia.gpus:
        newest = f", runs CUDA up to {nvidia.cuda_version}" if nvidia.cuda_version else ""
        yield "Driver", f"{nvidia.driver or 'of unknown version'}{newest}"
    if nvidia.toolkit is not None:
        yield "CUDA toolkit", nvidia.toolkit
    if jetson is not None:
        yield from _jetson(jetson)


def _jetson(jetson: Jetson) -> Rows:
    named = (("JetPack", jetson.jetpack), ("L4T", jetson.l4t), ("TensorRT", jetson.tensorrt))
    versions = "".join(f", {name} {version}" for name, version in named if version)
    yield "Jetson", f"{jetson.model or 'of unknown model'}{versions}"
    yield "Power mode", jetson.power_mode or "not known"
    if jetson.gpu_mhz is not None:
        low, high = jetson.gpu_mhz
        yield "GPU clock", f"held at {high} MHz" if low == high else f"varies from {low} to {high} MHz"


def _bundle(bundle: BundleFacts) -> Rows:
    yield "Folder", bundle.folder
    for kind, model in bundle.models.items():
        prefers = "".join(f"; {backend} prefers {name}" for backend, name in model.preferred.items())
        yield kind, f"{model.architecture}: {', '.join(model.precisions)}{prefers}"
    for engine in bundle.engines:
        yield "Engine", f"{engine.file}: {engine.flavour} {engine.version} for {', '.join(engine.targets)}"
    if not bundle.engines:
        yield "Engines", "none"
    bad = len(bundle.problems)
    yield "Checksums", f"{bad} wrong, see below" if bad else "right"
    yield "Canary", "yes" if bundle.canary else "none"


def _backends(report: Report) -> Rows:
    before = None
    for backend, group in groupby(report.trials, lambda trial: trial.asked):
        trials = list(group)
        outcomes = {(trial.state, trial.reason) for trial in trials}
        if any(trial.works for trial in trials) or len(outcomes) > 1:
            labels = (backend, *[""] * len(trials))
            yield from ((label, _row(trial)) for label, trial in zip(labels, trials, strict=False))
        else:
            yield backend, "the same" if outcomes == before else _failure(trials[0])
        before = outcomes
    for (taken, failure), group in groupby(report.auto, lambda trial: (trial.backend, _failure(trial))):
        kinds = " and ".join(trial.kind for trial in group)
        yield "auto", f"{taken} for {kinds}; {failure}" if taken else f"{kinds}: {failure}"


def _row(trial: Trial) -> str:
    if not trial.works:
        return f"{trial.kind:11}{_failure(trial)}"
    size = "x".join(map(str, (trial.input_shape or ())[1:3]))
    times = f"{trial.open_ms:.0f} ms", f"{trial.run_ms:.2f} ms"
    return COLUMNS.format("", trial.kind, trial.precision, *times, size, trial.seen or "none: unchecked")[LABEL:]


def _failure(trial: Trial) -> str:
    reason = trial.reason or ""
    return reason if trial.works or trial.state == "unavailable" else f"{trial.state}: {reason}"
