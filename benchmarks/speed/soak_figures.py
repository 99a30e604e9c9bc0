"""What `edgereader bench soak` finds: the structs that its JSON consists of."""

from typing import Literal

import msgspec

from ..record import Machine
from .figures import SCHEMA


class Slope(msgspec.Struct, frozen=True, kw_only=True):
    """How a quantity of a soak's samples went on after the warm-up."""

    what: Literal["rss_mib", "handles", "cpu_ms", "latency_ms"]
    """The field of `Sample` that it is of; "latency_ms" is of `p50_ms`."""
    first: float
    """Of the first sample after the warm-up."""
    last: float
    most: float
    per_hour: float
    """By the method that the report names."""
    low: float
    """Lower end of its 95 % confidence interval."""
    high: float
    """Upper end."""
    allowed: float
    """Growth an hour that does not count: the granularity of what is measured."""
    judged: bool = True
    """Whether the verdict looks at it. On the CPU it looks at `cpu_ms` and leaves `latency_ms`, which other programs
    on the machine change, for information; on a GPU it is the other way round."""
    passed: bool
    """Whether the interval holds zero, or lies below what does not count."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A moment of a soak, at the end of a cycle of frames.

    The frames since the sample before are one or more whole cycles, and every cycle holds the same mix of sizes and
    contents, so that samples can be compared.
    """

    at_s: float
    """Seconds that the soak ran until then, interruptions left out."""
    frames: int
    """Read until then, broken ones included."""
    rss_mib: float
    handles: int
    """Open file descriptors and threads."""
    p50_ms: float
    """Latency of the frames since the sample before, broken ones left out."""
    p99_ms: float
    cpu_ms: float
    """Processor time of this process, all its threads, for one of these frames on average: what other programs do
    changes it less than the latency."""
    segment: int = 0
    """Which of the soak's processes, from 0: a soak that went on after an interruption has more than one."""


class Soak(msgspec.Struct, frozen=True, kw_only=True):
    """One run of `edgereader bench soak`, finished or as far as it came."""

    schema: int = SCHEMA
    commands: list[str]
    """More than one when it was resumed, one for each segment."""
    date: str
    """When the last sample was taken, ISO 8601, UTC."""
    machine: Machine
    bundle: str
    files: dict[str, str]
    """SHA-256 of the model files that ran."""
    backend: str
    precision: str
    seed: int
    every_s: float
    """A sample is taken at the first end of a cycle after so many seconds."""
    hours: float
    """That were asked for; the last sample says how many it ran."""
    warm_up_s: float
    """Of each segment, left out of the slopes."""
    frames: int
    """Read, broken ones included."""
    broken: int
    """Frames among them that are no pictures, which must be refused with an ImageError."""
    wrong: int
    """Frames with which something else happened than must: a broken one was read, a good one was refused, or a sample
    photo was no longer read as at first."""
    first_wrong: str = ""
    """What happened with the first of them."""
    samples: list[Sample]
    slopes: list[Slope]
    """None while there are too few samples after the warm-up."""
    method: str
    """How the slopes and their intervals are found."""
    finished: bool
    """Whether it ran for all its hours; if not, the same command goes on."""
    passed: bool
    """Whether it is finished, every judged slope passed and nothing went wrong."""
