"""Sections of whole frames: how fast they become readings, and whether memory stays as it is."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from ...runtime.bundles.bundle import Bundle
from ...runtime.geometry.images import Frame
from ...runtime.reader import Reader, Reading
from ..memory import device_bytes, host_bytes
from .figures import Memory
from .jobs import ONE_BY_ONE, Job
from .memory import growth
from .pictures import endless, make_frames, texts_of
from .state import clocks
from .turns import FramesTurn

READINGS = "readings.json"
"""In the bundle's folder: what fp32 reads in each frame on the CPU."""
SAMPLES = 100
"""Samples of the memory in use."""
DEVICE_MIB, HOST_MIB = 2.0, 8.0
"""What does not count as growth: CUDA hands out memory in pieces of 2 MiB, Python's allocator keeps some."""


def open_reader(job: Job) -> Reader:
    """A reader of the shipped bundle on the contender's backend, which has read the canary."""
    bundle = Bundle.open(Path(job.folder).absolute() / "shipped")
    return Reader(bundle, backend=job.contender.runner, precision=job.contender.precision)


def frames(job: Job) -> Iterator[tuple[str, FramesTurn]]:
    """Frames one at a time, and in a pipeline."""
    reader, pictures, count = open_reader(job), make_frames(), job.scale.frames
    right = msgspec.json.decode((Path(job.folder) / "shipped" / READINGS).read_bytes(), type=list[list[str]])
    warm_up = max(len(pictures), count // 10)
    for size in job.sizes:
        read = one_by_one if size == ONE_BY_ONE else in_pipeline
        found, _ = read(reader, pictures, warm_up)
        start = time.perf_counter()
        _, times_ms = read(reader, pictures, count)
        seconds = time.perf_counter() - start
        texts = [texts_of(readings) for readings in found[: len(pictures)]]
        same = sum(shared(one, other) for one, other in zip(texts, right, strict=True))
        yield (
            size,
            FramesTurn(
                seconds=seconds,
                frames=count,
                times_ms=times_ms,
                warm_up=warm_up,
                readings=sum(map(len, texts)),
                same=same,
                missed=sum(map(len, right)) - same,
                clocks=clocks(),
            ),
        )


def one_by_one(reader: Reader, pictures: Sequence[Frame], count: int) -> tuple[list[list[Reading]], list[float]]:
    """The readings of so many frames, and the milliseconds of each."""
    found, times_ms = [], []
    for frame in endless(pictures, count):
        start = time.perf_counter()
        found.append(reader.read(frame))
        times_ms.append(1000 * (time.perf_counter() - start))
    return found, times_ms


def in_pipeline(reader: Reader, pictures: Sequence[Frame], count: int) -> tuple[list[list[Reading]], list[float]]:
    """The readings of so many frames, which overlap and so have no time of their own."""
    return list(reader.read_many(endless(pictures, count))), []


def shared(one: list[str], other: list[str]) -> int:
    """How many strings of one frame are in both lists."""
    return (Counter(one) & Counter(other)).total()


def memory(job: Job) -> Iterator[tuple[str, Memory]]:
    """Memory while frames are read in a pipeline."""
    reader, pictures, count = open_reader(job), make_frames(), job.scale.soak_frames
    warm_up, every = max(len(pictures), count // 10), max(1, count // SAMPLES)
    device: list[int] = []
    host: list[int] = []
    for number, _ in enumerate(reader.read_many(endless(pictures, warm_up + count))):
        if number >= warm_up and (number - warm_up) % every == 0:
            host.append(host_bytes())
            device += [] if job.scale.dry else [device_bytes()]
    yield (
        job.sizes[0],
        Memory(
            frames=count,
            warm_up=warm_up,
            device=growth(device, every, DEVICE_MIB) if device else None,
            host=growth(host, every, HOST_MIB),
        ),
    )
