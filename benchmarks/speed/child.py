"""Processes that measure, one for each contender.

A question is a message of JSON, and so is its answer. The first question is the job: what is opened. `Child` asks,
`serve` answers, and `contender` is what answers for `edgereader bench`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from ...runtime import Bundle, Reader
from ...runtime.errors import EdgeReaderError
from ...runtime.geometry.images import Frame
from ..contenders import SHAREABLE, Contender, Options, Unavailable, opener
from . import device, stages
from .loadgen import Measure, Streams, Turn, run_turn
from .photos import map_photos
from .results import Memory, Stages, Work, of_bundle

Found = TypeVar("Found")
MEMORY_S = 1.0
"""A round of frames that are read to count allocations takes about so long."""


GOODBYE_S = 10.0
"""A process that a driver holds may not even end when it is killed, and is then left behind."""


class Missing(msgspec.Struct, frozen=True, kw_only=True, tag="missing", tag_field="kind"):
    """No figure."""

    outcome: Literal["skipped", "failed", "pending"]
    """Cannot run here; went wrong; or not tried yet, as time was out."""
    reason: str


class Answer(msgspec.Struct, omit_defaults=True):
    """A message of a process: what was found, or why nothing was."""

    found: msgspec.Raw = msgspec.Raw(b"null")
    missing: Missing | None = None


class Child:
    """A process that answers questions."""

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        """Start it, with the number of its end of the connection as last argument; what else it says is logged."""
        self._log, (self._connection, its_end) = log, Pipe()
        with its_end, log.open("wb") as said:
            self._process = subprocess.Popen(
                [*command, str(its_end.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
                pass_fds=[its_end.fileno()],
                env=environment,
            )
        self.missing: Missing | None = None
        """Why it answers no more."""

    def ask(self, question: object, kind: type[Found], timeout_s: float) -> Found | Missing:
        """Send a question and wait for the answer; a process that has died, or is late, has none any more."""
        if self.missing is None:
            with suppress(OSError):  # of one that has died; what it said before is received below
                self._connection.send_bytes(msgspec.json.encode(question))
            try:
                if self._connection.poll(max(0.0, timeout_s)):
                    said = msgspec.json.decode(self._connection.recv_bytes(), type=Answer)
                    return said.missing or msgspec.json.decode(said.found, type=kind)
                reason = f"no answer in {timeout_s:.0f} s"
            except msgspec.DecodeError as exc:  # of an interpreter that is none of ours
                reason = f"expected an answer in JSON, got another one: {exc}"
            except (EOFError, OSError):
                reason = death(self._process.wait(), self._log.read_text(encoding="utf-8", errors="replace"))
            self.missing = Missing(outcome="failed", reason=reason)
        return self.missing

    def close(self) -> None:
        """Kill it and the processes that it started (torch.compile starts some)."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GOODBYE_S)
        self._connection.close()


def death(code: int, said: str) -> str:
    """Return why a process ended: its last line, and the signal that ended it."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = lines[-1][:500] if lines else "it said nothing"
    return f"{signal.Signals(-code).name}: {last}" if code < 0 else last


def program(answers: Callable[[Iterator[bytes]], Iterator[object]]) -> list[str]:
    """Return the arguments of an interpreter that serves a function of a module."""
    module, name = answers.__module__, answers.__name__
    return ["-c", f"from {__name__} import serve; from {module} import {name}; serve({name})"]


def serve(answers: Callable[[Iterator[bytes]], Iterator[object]]) -> None:
    """Answer the process that started this one.

    What an `EdgeReaderError` says is the last answer; what nobody foresaw is a traceback in the log.
    """
    parent = Connection(int(sys.argv[-1]))

    def questions() -> Iterator[bytes]:
        with suppress(EOFError):
            while True:
                yield parent.recv_bytes()

    def say(found: object) -> None:
        key = "missing" if isinstance(found, Missing) else "found"
        parent.send_bytes(msgspec.json.encode({key: found}))

    try:
        for found in answers(questions()):
            say(found)
    except (Unavailable, EdgeReaderError) as exc:
        say(Missing(outcome="skipped" if isinstance(exc, Unavailable) else "failed", reason=str(exc)))


class Entry(msgspec.Struct, frozen=True):
    """A contender in one variant."""

    name: str
    """Unique."""
    contender: str
    """A name in `contenders.OPENERS`."""
    options: Options
    python: str = sys.executable
    """The interpreter of its process."""
    streams: int = 1
    """Threads, each with a reader of its own, or all with one where the contender may be shared."""

    @property
    def kind(self) -> Literal["edgereader", "peer", "nothing"]:
        """Return what sort of contender it is."""
        return "edgereader" if self.contender == "edgereader" else "nothing" if self.contender == "nothing" else "peer"


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What the process of a contender opens, and what it reads."""

    entry: Entry
    pixels: str
    """File of decoded photos, see `photos.py`."""
    shapes_hw: list[tuple[int, int]]
    """Of each photo in it."""
    paths: list[str]
    """The photos' own files."""
    folder: str
    """For LoadGen's logs."""
    first_pass_s: float
    """The first pass over the photos ends when it has taken so long."""


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """The contender is loaded, and has read the photos once."""

    versions: dict[str, str]
    backend: str | None = None
    precision: str | None = None
    bundle: str | None = None
    files: dict[str, str] = {}
    texts: list[list[str]]
    """What it read in each of the first photos, as many as the time allowed."""
    times_ms: list[float]
    """Of each."""


class Finish(msgspec.Struct, frozen=True, kw_only=True, tag="finish"):
    """Asks for what comes after all turns."""

    seconds: float
    """To measure stages."""


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """Answers `Finish`."""

    memory: Memory
    stages: Stages | None = None
    """None for a contender that is not ours."""
    work: Work | None = None
    """None also for a GPU, or where onnx is not installed."""


def contender(questions: Iterator[bytes]) -> Iterator[Ready | Turn | Finished]:
    """Open a contender, read every photo once, and then do what is asked for."""
    job = msgspec.json.decode(next(questions), type=Job)
    frames, held = map_photos(Path(job.pixels), job.shapes_hw), Path(job.pixels).stat().st_size
    streams = Streams(opened(job.entry))
    first = streams.readers[0]
    loaded_mib = device.mib(device.host_bytes() - held)
    texts, times_ms = first_pass(streams, frames, job.first_pass_s)
    ready = Ready(versions=first.versions, texts=texts, times_ms=times_ms, **facts_of(job.entry, first))
    yield ready
    for question in questions:
        command = msgspec.json.decode(question, type=Measure | Finish)
        if isinstance(command, Measure):
            yield run_turn(command, streams, frames, Path(job.folder))
            continue
        count = max(1, min(100, round(1000 * MEMORY_S / max(times_ms))))
        memory = Memory(
            loaded_mib=loaded_mib,
            steady_mib=device.mib(device.host_bytes() - held),
            peak_mib=device.mib(device.peak_bytes() - held),
            device_mib=device.device_mib(ready.backend),
            allocations_per_frame=device.allocations_per_frame(first, frames[: len(times_ms)], count),
        )
        if job.entry.kind != "edgereader":
            yield Finished(memory=memory)
            continue
        found = stages.measure(first, [Path(path) for path in job.paths], command.seconds)
        work = stages.work_of(job.entry.options, frames) if ready.backend == "cpu" else None
        yield Finished(memory=memory, stages=found, work=work)


def facts_of(entry: Entry, first: Contender) -> dict[str, Any]:
    """Return where a reader of ours runs, and with what; nothing for another contender."""
    reader = getattr(first, "reader", None)
    if not isinstance(reader, Reader):
        return {}
    found = of_bundle(Bundle.open(entry.options.bundle), reader)
    return {name: found[name] for name in ("backend", "precision", "bundle", "files")}


def opened(entry: Entry) -> list[Contender]:
    """Open a contender for each thread: the same one where it may be shared."""
    count = 1 if entry.contender in SHAREABLE else entry.streams
    made = [opener(entry.contender)(entry.contender, entry.options) for _ in range(count)]
    return made * (entry.streams // count)


def first_pass(streams: Streams, frames: Sequence[Frame], seconds: float) -> tuple[list[list[str]], list[float]]:
    """Return what the first reader finds in each photo until the time is over, and ms; the others warm up too."""
    texts, times_ms = [], []
    end_s = time.perf_counter() + seconds
    for frame in frames:
        start = time.perf_counter()
        texts.append([found.text for found in streams.readers[0].read(frame)])
        times_ms.append(1000 * (time.perf_counter() - start))
        if time.perf_counter() > end_s:
            break
    for reader in streams.readers[1:]:
        for frame in frames[: len(texts)]:
            reader.read(frame)
    return texts, times_ms


def cold_start(entry: Entry, photo: Path, timeout_s: float, log: Path) -> float | Missing:
    """Return seconds from the start of a fresh process to a contender's first readings, or why there were none."""
    options = msgspec.json.encode(entry.options).decode()
    command = [entry.python, "-m", f"{__package__}.cold", entry.contender, options, str(photo)]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}  # what is installed is compiled already
    began = time.perf_counter()
    process = Child(command, log, environment)
    try:
        said = process.ask(None, type(None), timeout_s)
        took = time.perf_counter() - began
    finally:
        process.close()
    if isinstance(said, Missing):
        return Missing(outcome="failed", reason=f"cold start: {said.reason}")
    return took
