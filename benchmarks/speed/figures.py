"""What `edgereader bench` finds: the structs that its JSON consists of."""

from typing import Literal

import msgspec

from ..record import Machine

SCHEMA = 1
ScenarioName = Literal["SingleStream", "MultiStream", "Server", "Offline"]
SCENARIOS: tuple[ScenarioName, ...] = ("SingleStream", "MultiStream", "Server", "Offline")
BUSY = 0.5
"""So many processes of others that want a processor, on average over a minute, make figures larger."""
STAGES = ("decode", "fit", "detect", "boxes", "cut", "recognise", "text")
"""What a photo goes through, in this order."""


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """What MLPerf LoadGen found in one of its scenarios, all turns together."""

    scenario: ScenarioName
    valid: bool
    """Whether LoadGen called every turn VALID."""
    reasons: list[str] = []
    """LoadGen's own words where it did not."""
    samples_per_query: int = 1
    """Photos that are asked for at once."""
    samples_per_s: float
    """Photos a second: median of the turns."""
    turns_samples_per_s: list[float]
    """Each turn's: how far they differ is how far to trust the figures."""
    target_qps: float | None = None
    """Server: queries a second that were asked for."""
    target_ms: float | None = None
    """Server: the latency that LoadGen wants 99 % of the queries to keep."""
    p50_ms: float
    """Latency of a query, of all turns together."""
    p90_ms: float
    p99_ms: float
    p999_ms: float
    times_ms: list[list[float]]
    """Each turn's latencies, ms to two places, in the order in which queries ended; empty for Offline, one query."""


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a photo's way to its readings."""

    stage: str
    """One of `STAGES`."""
    mean_ms: float
    p50_ms: float


class Stages(msgspec.Struct, frozen=True, kw_only=True):
    """Where a photo's time goes, from its file to its readings."""

    photos: int
    stages: list[Stage]
    sum_ms: float
    """Means of the stages, added."""
    whole_ms: float
    """Mean of the whole, measured without the clocks of the stages."""
    outside_networks: float
    """Share of fit, boxes, cut and text in the time from a decoded photo to its readings, 0..1."""


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """Memory of the contender's process, MiB."""

    loaded_mib: float
    """Resident when the reader was loaded."""
    steady_mib: float
    """Resident when the last turn was over."""
    peak_mib: float
    device_mib: float | None = None
    """Of the GPU, where there is one."""
    allocations_per_frame: float | None = None
    """Blocks that Python's allocator holds more after a frame than before it, on average after the warm-up."""


class ColdStart(msgspec.Struct, frozen=True, kw_only=True):
    """From the start of a fresh process to its first readings."""

    p50_s: float
    times_s: list[float]


class Power(msgspec.Struct, frozen=True, kw_only=True):
    """What the machine says it used while a scenario ran."""

    source: Literal["rapl", "nvml", "jtop"]
    watts: float
    joules_per_frame: float


class Accuracy(msgspec.Struct, frozen=True, kw_only=True):
    """What the contender read of the labelled photos it was timed on."""

    photos: int = 0
    """Labelled photos, all that there are."""
    labels: int
    recall: float | None
    precision: float | None
    false_numbers_per_image: float


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What the networks ask of the processor, beside what it can give."""

    gop_per_frame: float
    """Multiplications and additions, billions, for the photos' mean canvas and number of crops."""
    peak_gops: float
    """Billions of operations a second that this machine reaches in this precision, in the largest kernel it knows."""
    limit_ms: float
    """`gop_per_frame / peak_gops`: no frame can be faster."""


class Contender(msgspec.Struct, frozen=True, kw_only=True):
    """One contender's figures, or why there are none."""

    name: str
    """Unique in the report: "edgereader cpu int8", "rapidocr", …"""
    kind: Literal["edgereader", "peer", "nothing"]
    outcome: Literal["ran", "skipped", "failed"]
    reason: str = ""
    """Why skipped or failed."""
    backend: str | None = None
    precision: str | None = None
    bundle: str | None = None
    """Name of the bundle that it read with; None = it has none of ours."""
    files: dict[str, str] = {}
    """SHA-256 of the bundle's model files that ran, by kind of model."""
    threads: int
    streams: int = 1
    """Photos that are read at the same time."""
    versions: dict[str, str] = {}
    scenarios: list[Scenario] = []
    stages: Stages | None = None
    memory: Memory | None = None
    cold_start: ColdStart | None = None
    power: Power | None = None
    clocks_mhz: list[float] = []
    """Of each core, or of the GPU, right after the last turn; empty where the machine does not tell."""
    accuracy: Accuracy | None = None
    work: Work | None = None


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What every report begins with."""

    schema: int = SCHEMA
    command: str
    date: str
    """When it ended, ISO 8601, UTC."""
    machine: Machine


class OfBundle(Measured, frozen=True, kw_only=True):
    """What every report on one bundle begins with."""

    bundle: str
    files: dict[str, str] = {}
    """SHA-256 of the model files that ran, by kind; empty in reports that are older than this."""
    backend: str
    precision: str


class Photos(msgspec.Struct, frozen=True, kw_only=True):
    """What was read."""

    folders: list[str]
    """Names of the folders."""
    count: int
    megapixels: float
    """On average."""
    sha256: str
    """Of all files, in their order."""


class Report(Measured, frozen=True, kw_only=True):
    """One run of `edgereader bench`, with all that is needed to repeat it."""

    photos: Photos
    turns: int
    """Each contender's turns, in which the contenders alternate."""
    load: float | None = None
    """Processes of others that wanted a processor in the minute before; None in reports that are older than this."""
    contenders: list[Contender]
