"""`python -m edgereader.benchmarks.ways`: other ways to run ONNX Runtime on a CPU, beside the one that ships.

Each is timed in one process with the shipped way, in turns, by the time of its thread. What it takes at most is that of
a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any
from unittest.mock import patch

import click
import numpy as np
import onnxruntime

from ..runtime import Reader
from ..runtime.errors import DatasetError
from ..runtime.geometry.files import read_photo
from ..runtime.geometry.images import Frame
from .speed import device
from .speed.photos import find

Way = Callable[[Any], None]
SHIPPED, DRAWS = "shipped", 2000


def own_arenas(options: Any) -> None:
    """Give each session an arena of its own."""
    options.add_session_config_entry("session.use_env_allocators", "0")


def patterns(options: Any) -> None:
    """Keep a block of memory for each size of inputs."""
    options.enable_mem_pattern = True


def as_before(options: Any) -> None:
    """Do both, as ONNX Runtime does by itself."""
    own_arenas(options)
    patterns(options)


def no_arena(options: Any) -> None:
    """Take all memory from the system, and give it back, in each run."""
    own_arenas(options)
    options.enable_cpu_mem_arena = False


def not_packed(options: Any) -> None:
    """Leave the weights as they are in the file."""
    options.add_session_config_entry("session.disable_prepacking", "1")


WAYS: dict[str, Way] = {
    SHIPPED: lambda options: None,  # noqa: ARG005
    "own-arenas": own_arenas,
    "patterns": patterns,
    "as-before": as_before,
    "no-arena": no_arena,
    "not-packed": not_packed,
}


@contextmanager
def going(way: str) -> Iterator[None]:
    """Have sessions made in this way inside."""
    real = onnxruntime.InferenceSession

    def session(contents: bytes, options: Any, **named: Any) -> Any:
        WAYS[way](options)
        return real(contents, options, **named)

    with patch.object(onnxruntime, "InferenceSession", session):
        yield


@click.command()
@click.argument("ways", nargs=-1, required=True, type=click.Choice(list(WAYS)))
@click.option("--bundle", default="digits-edge", show_default=True)
@click.option("--precision", help="Left out: what the bundle prefers.")
@click.option("--photos", "folders", multiple=True, help="Folder of photos; repeatable; left out: the samples.")
@click.option("--limit", type=click.IntRange(min=1), default=2, show_default=True, help="Photos of each folder.")
@click.option("--canvas", "canvas_px", type=click.IntRange(64, 8192), help="Longest side of what the detector sees.")
@click.option("--seconds", type=click.FloatRange(min=0), default=20.0, show_default=True, help="For each way.")
@click.option("--alone", is_flag=True, help="Time nothing: read the photos three times, and print the peak in MiB.")
def main(
    ways: tuple[str, ...], folders: tuple[str, ...], limit: int, seconds: float, *, alone: bool, **how: Any
) -> None:
    """Time WAYS beside the one that ships, and measure the memory that a process takes at most."""
    paths = [photo.path for photo in find(folders, limit)]
    if alone:
        reader = opened(ways[0], **how)
        for path in paths * 3:
            reader.read(read_photo(path).frame)
        click.echo(device.mib(device.peak_bytes()))
        return
    frames = [read_photo(path).frame for path in paths]
    for way in ways:
        ratios = beside(opened(SHIPPED, **how), opened(way, **how), frames, seconds)
        rng = np.random.default_rng(0)
        low, high = np.percentile([median(rng.choice(ratios, len(ratios))) for _ in range(DRAWS)], (2.5, 97.5))
        command = [sys.executable, "-m", f"{__package__}.ways", *sys.argv[1:], "--alone"]
        peak = subprocess.run([part for part in command if part not in ways or part == way], stdout=-1, check=True)
        click.echo(
            f"{way}: {median(ratios):.3f} ({low:.3f} to {high:.3f}) of the time, {len(ratios)} pairs; "
            f"at most {peak.stdout.decode().strip()} MiB"
        )


def opened(way: str, *, bundle: str, precision: str | None, canvas_px: int | None) -> Reader:
    """Open a reader of one thread whose sessions are made in this way."""
    with going(way):
        return Reader(bundle, "cpu", precision, long_side_px=canvas_px, threads=1)


def beside(one: Reader, other: Reader, frames: Sequence[Frame], seconds: float) -> list[float]:
    """Return the other's time over the one's, frame by frame, in changing order, three rounds or more.

    Raises:
        DatasetError: they do not read the same.
    """
    for frame in frames:
        texts = [[reading.text for reading in reader.read(frame)] for reader in (one, other)]
        if texts[0] != texts[1]:
            raise DatasetError(
                f"expected both ways to read the same, got {texts[0]} and {texts[1]}; do not compare them"
            )
    ratios: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(ratios) < 3 * len(frames):
        for frame in frames:
            order = (one, other) if len(ratios) % 2 else (other, one)
            took = {reader: seconds_of(reader, frame) for reader in order}
            ratios.append(took[other] / took[one])
    return ratios


def seconds_of(reader: Reader, frame: Frame) -> float:
    """Return how long this thread, and no other process beside it, takes to read a frame."""
    start = time.thread_time()
    reader.read(frame)
    return time.thread_time() - start


if __name__ == "__main__":
    main()
