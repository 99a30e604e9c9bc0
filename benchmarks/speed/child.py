"""A contender's process: opens it, reads every photo once, and then does what it is told, line by line."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec.structs import replace

from ...runtime import Bundle, Reader
from ...runtime.errors import BackendUnavailable, EdgeReaderError
from ...runtime.geometry.images import Frame
from ..contenders import SHAREABLE, Contender, Found, Unavailable, opener
from ..record import files_of, where
from . import loadgen, process, stages
from .figures import Memory, Work
from .jobs import Answer, Command, Job, Measure, MemoryFound, Missing, Ready, StagesFound, TakeStages
from .photos import map_photos
from .streams import Streams
from .work import work_of

MEMORY_S = 1.0
"""A round of frames that are read to count allocations takes about so long."""


def main() -> None:
    """Answer on standard output, which no library then writes to, nor reads from standard input."""
    answers, commands = os.fdopen(os.dup(1), "wb", buffering=0), os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    job = msgspec.json.decode(commands.readline(), type=Job)
    try:
        for answer in answered(job, commands):
            answers.write(msgspec.json.encode(answer) + b"\n")
    except Unavailable as exc:
        answers.write(msgspec.json.encode(Missing(outcome="skipped", reason=str(exc))) + b"\n")
    except EdgeReaderError as exc:
        answers.write(msgspec.json.encode(Missing(outcome="failed", reason=str(exc))) + b"\n")


def answered(job: Job, commands: BinaryIO) -> Iterator[Answer]:
    """An answer to the job, and to each command."""
    pixels = Path(job.pixels)
    frames, held = map_photos(pixels, job.shapes_hw), pixels.stat().st_size
    streams = Streams(opened(job))
    contender = streams.readers[0]
    loaded_mib = process.resident_mib(held)
    texts, times_ms = first_pass(streams, frames, job.first_pass_s)
    reader = getattr(contender, "reader", None)
    ready = Ready(versions=contender.versions, texts=texts, times_ms=times_ms)
    if isinstance(reader, Reader):
        bundle, (backend, precision) = Bundle.open(job.options.bundle), where(reader)
        files = files_of(bundle, reader)
        ready = replace(ready, backend=backend, precision=precision, bundle=bundle.manifest.name, files=files)
    yield ready
    for line in commands:
        command: Command = msgspec.json.decode(line, type=Command)
        if isinstance(command, Measure):
            yield loadgen.run_turn(command, streams, frames, Path(job.folder))
        elif isinstance(command, TakeStages):
            paths = [Path(each) for each in job.paths]
            yield StagesFound(
                stages=stages.measure(contender, paths, command.seconds), work=work(job, frames, ready.backend)
            )
        else:
            memory = Memory(
                loaded_mib=loaded_mib,
                steady_mib=process.resident_mib(held),
                peak_mib=process.peak_mib(held),
                device_mib=process.device_mib(ready.backend),
                allocations_per_frame=process.allocations_per_frame(
                    contender, frames[: len(times_ms)], max(1, min(100, round(1000 * MEMORY_S / max(times_ms))))
                ),
            )
            yield MemoryFound(memory=memory)


def opened(job: Job) -> list[Contender]:
    """A contender for each thread: the same one where it may be shared."""
    open_one = opener(job.contender)
    if job.contender in SHAREABLE:
        return [open_one(job.contender, job.options)] * job.streams
    return [open_one(job.contender, job.options) for _ in range(job.streams)]


def first_pass(streams: Streams, frames: Sequence[Frame], seconds: float) -> tuple[list[list[str]], list[float]]:
    """What the first reader finds in each photo until the time is over, and milliseconds; the others warm up too."""
    texts, times_ms = [], []
    end = time.perf_counter() + seconds
    for frame in frames:
        start = time.perf_counter()
        texts.append(texts_of(streams.readers[0].read(frame)))
        times_ms.append(1000 * (time.perf_counter() - start))
        if time.perf_counter() > end:
            break
    for reader in streams.readers[1:]:
        for frame in frames[: len(texts)]:
            reader.read(frame)
    return texts, times_ms


def texts_of(found: list[Found]) -> list[str]:
    """The strings."""
    return [each.text for each in found]


def work(job: Job, frames: Sequence[Frame], backend: str | None) -> Work | None:
    """What the networks ask of the processor; None where they do not run there, or it cannot be told."""
    if backend != "cpu":
        return None
    options = job.options
    try:
        return work_of(
            Bundle.open(options.bundle), options.precision, frames, threads=options.threads, canvas_px=options.canvas_px
        )
    except BackendUnavailable:
        return None


if __name__ == "__main__":
    main()
