"""What `edgereader bench` and the process of a contender tell each other, one line of JSON each."""

from typing import Literal

import msgspec

from ..contenders import Options
from .figures import Memory, ScenarioName, Stages, Work


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """The first line that a process is given: what it opens, and what it reads."""

    contender: str
    """A name in `contenders.OPENERS`."""
    options: Options
    streams: int = 1
    """Threads, each with a reader of its own, or all with one where the contender may be shared."""
    pixels: str
    """File of decoded photos, see `photos.py`."""
    shapes_hw: list[tuple[int, int]]
    """Height and width of each photo in it."""
    paths: list[str]
    """The photos' own files."""
    folder: str
    """For LoadGen's logs."""
    first_pass_s: float
    """The first pass over the photos ends when it has taken so long."""


class Measure(msgspec.Struct, frozen=True, kw_only=True, tag="measure"):
    """A turn in one of LoadGen's scenarios."""

    scenario: ScenarioName
    seconds: float
    """LoadGen's least duration."""
    seed: int
    """Of the order of photos, and of Server's arrivals."""
    batch: int
    """Photos of one of MultiStream's queries."""
    expected_ms: float
    """What a photo takes, more or less: LoadGen prepares its queries for that."""
    target_qps: float
    """Server: queries that arrive in a second, on average."""
    target_ms: float
    """Server: the latency that 99 % of the queries must keep."""


class TakeStages(msgspec.Struct, frozen=True, kw_only=True, tag="take stages"):
    """Where the time of a photo goes, and what the networks ask of the processor."""

    seconds: float


class TakeMemory(msgspec.Struct, frozen=True, kw_only=True, tag="take memory"):
    """Memory, now that all turns are over."""


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
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


class Turn(msgspec.Struct, frozen=True, kw_only=True, tag="turn"):
    """What LoadGen found in a turn."""

    scenario: ScenarioName
    valid: bool
    reasons: list[str]
    """LoadGen's own words where it is not."""
    queries: int
    samples_per_query: int
    samples_per_s: float
    seconds: float
    """From the first query to the end of the last."""
    times_ms: list[float]
    """Latency of each query; for Offline, of its one."""
    loadgen_p50_ms: float
    """Their median as LoadGen measured it."""
    target_qps: float | None = None
    target_ms: float | None = None


class StagesFound(msgspec.Struct, frozen=True, kw_only=True, tag="stages"):
    """Answers `TakeStages`."""

    stages: Stages
    work: Work | None
    """None for a GPU, or where onnx is not installed."""


class MemoryFound(msgspec.Struct, frozen=True, kw_only=True, tag="memory"):
    """Answers `TakeMemory`."""

    memory: Memory


class Missing(msgspec.Struct, frozen=True, kw_only=True, tag="missing"):
    """No figures, and why."""

    outcome: Literal["skipped", "failed"]
    reason: str


Command = Measure | TakeStages | TakeMemory
Answer = Ready | Turn | StagesFound | MemoryFound | Missing
