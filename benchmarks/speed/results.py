"""What the commands of `edgereader bench` measure: the structs that their JSON files consist of."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any, Literal

import msgspec

from ...runtime import Bundle, Reader
from ...runtime.errors import BundleError, DatasetError
from ..record import Machine, files_of, now, read_json, this_machine, where

SCHEMA = 1
ScenarioName = Literal["SingleStream", "MultiStream", "Server", "Offline"]
SCENARIOS: tuple[ScenarioName, ...] = ("SingleStream", "MultiStream", "Server", "Offline")
BUSY = 0.5
"""So many processes of others that want a processor, on average over a minute, make figures larger."""
STAGES = ("decode", "fit", "detect", "boxes", "cut", "recognize", "text")
"""What a photo goes through, in this order."""
MOST_TIMES = 2000
"""Latencies of a turn that are kept, evenly taken; the percentiles are of all."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What every file begins with."""

    schema: int = SCHEMA
    date: str
    """When it ended, ISO 8601, UTC."""
    machine: Machine


class OfBundle(Measured, frozen=True, kw_only=True):
    """What every file on one bundle begins with."""

    bundle: str
    files: dict[str, str] = {}
    """SHA-256 of the model files that ran, by kind; empty in files that are older than this."""
    backend: str
    precision: str


def open_reader(name: str, backend: str, precision: str | None, *, upright: bool = False) -> tuple[Bundle, Reader]:
    """Open a bundle that finds its own texts.

    Raises:
        BundleError: no such bundle, or it has no detector.
        BackendUnavailable: it cannot run there.
    """
    bundle = Bundle.open(name)
    reader = Reader(bundle, backend=backend, precision=precision, upright=upright)
    if "detector" not in reader.sessions:
        raise BundleError(f"{name}: expected a bundle with a detector, got one without; choose another")
    return bundle, reader


def of_bundle(bundle: Bundle, reader: Reader) -> dict[str, Any]:
    """Return the fields of `OfBundle` for a reader of a bundle, here and now."""
    backend, precision = where(reader)
    return {
        "date": now(),
        "machine": this_machine(),
        "bundle": bundle.manifest.name,
        "files": files_of(bundle, reader),
        "backend": backend,
        "precision": precision,
    }


# edgereader bench


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one of MLPerf LoadGen's scenarios, all turns together."""

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
    """One of `STAGES`."""

    stage: str
    mean_ms: float
    p50_ms: float


class Stages(msgspec.Struct, frozen=True, kw_only=True):
    """Where a photo's time goes, from its file to its readings."""

    photos: int
    stages: list[Stage]
    sum_ms: float
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
    """No frame can be faster."""


class Contender(msgspec.Struct, frozen=True, kw_only=True):
    """One contender's figures, or why there are none."""

    name: str
    """Unique in the report: "edgereader cpu int8", "rapidocr", …"""
    kind: Literal["edgereader", "peer", "nothing"]
    outcome: Literal["ran", "skipped", "failed"]
    reason: str = ""
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


class Photos(msgspec.Struct, frozen=True, kw_only=True):
    """The photos that were read."""

    folders: list[str]
    count: int
    megapixels: float
    """On average."""
    sha256: str
    """Of all files, in their order."""


class Report(Measured, frozen=True, kw_only=True):
    """One run of `edgereader bench`, with all that is needed to repeat it."""

    command: str
    photos: Photos
    turns: int
    load: float | None = None
    """Processes of others that wanted a processor in the minute before; None in reports that are older than this."""
    contenders: list[Contender]


def times_as_long(mine: Scenario, other: Scenario) -> float:
    """Return how many times another contender's p50 a contender's p50 is, over the queries that both answered.

    In a turn LoadGen asks all for the same photos in the same order, and a slow one answers only the first of them;
    photos differ, so that the plain medians would be of different photos.
    """
    turns = [*zip(mine.times_ms, other.times_ms, strict=False)]
    whole = all(len(times) < MOST_TIMES for turn in turns for times in turn)
    pairs = [pair for turn in turns for pair in zip(*turn, strict=False)] if whole else []
    if not pairs:
        return mine.p50_ms / other.p50_ms
    return median(one for one, _ in pairs) / median(another for _, another in pairs)


# edgereader bench growth


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """The cost at one size."""

    size: float
    """Megapixels, regions that were found, or crops."""
    p50_ms: float
    """Of one frame, or of all crops of a batch together."""
    p90_ms: float
    runs: int

    @property
    def each_ms(self) -> float | None:
        """Return the median time for one megapixel, region or crop; None for none of them."""
        return self.p50_ms / self.size if self.size else None


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """How the cost of one part grows with a size."""

    what: Literal["megapixels", "regions", "batch"]
    """The size: of the photo, at the same content; text regions in a photo of one size; crops that are read at once.
    A bundle with a second, coarser look finds a text up to twice, and reads each."""
    part: str
    """What is timed: "whole", or one of `STAGES`. Of photos by their megapixels the whole begins with the file, of
    others with the picture."""
    points: list[Point]
    """By rising size."""
    exponent: float
    """Least squares of log time over log size in the upper half of the sizes: 1 = linear, 2 = quadratic. `low` and
    `high` are the ends of its 95 % confidence interval."""
    low: float
    high: float
    linear: bool
    """Whether it grows no faster than linearly: `low` is at most 1 and the report's margin."""


class Growth(OfBundle, frozen=True, kw_only=True):
    """One run of `edgereader bench growth`."""

    command: str
    rounds: int
    """How often every size was measured, in another order each time."""
    margin: float
    """By how much an exponent may be above 1: what caches do to times."""
    curves: list[Curve]
    photos_without_text: int
    recognizer_calls_without_text: int
    """How often the recognizer's network was started or waited for there, all rounds together."""
    recognizer_ms_without_text: float
    passed: bool
    """Whether every curve is linear and the recognizer's network never ran for a photo without text."""


# edgereader bench soak


class Slope(msgspec.Struct, frozen=True, kw_only=True):
    """How a quantity of a soak's samples went on after the warm-up."""

    what: Literal["rss_mib", "handles", "cpu_ms", "latency_ms"]
    """The field of `Sample` that it is of; "latency_ms" is of `p50_ms`."""
    first: float
    """After the warm-up."""
    last: float
    most: float
    per_hour: float
    """By the method that the report names; `low` and `high` are the ends of its 95 % confidence interval."""
    low: float
    high: float
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
    """Processor time of all threads, for one of these frames on average: other programs change it less."""
    segment: int = 0
    """Which of the soak's processes, from 0: a soak that went on after an interruption has more than one."""


class Soak(OfBundle, frozen=True, kw_only=True):
    """One run of `edgereader bench soak`, finished or as far as it came; `date` is that of the last sample."""

    commands: list[str]
    """More than one when it was resumed, one for each segment."""
    seed: int
    every_s: float
    """A sample is taken at the first end of a cycle after so many seconds."""
    hours: float
    """That were asked for; the last sample says how many it ran."""
    warm_up_s: float
    """Of each segment, left out of the slopes."""
    frames: int = 0
    """Read, broken ones included."""
    broken: int = 0
    """Frames that are no pictures, which must be refused with an ImageError."""
    wrong: int = 0
    """Frames with which something else happened than must: a broken one was read, a good one was refused, or a sample
    photo was no longer read as at first."""
    first_wrong: str = ""
    samples: list[Sample] = []
    slopes: list[Slope] = []
    """None while there are too few samples after the warm-up."""
    method: str
    """How the slopes and their intervals are found."""
    finished: bool = False
    passed: bool = False
    """Whether it is finished, every judged slope passed and nothing went wrong."""


# edgereader bench stream


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """Frames that are decoded and read as fast as that goes, in turns."""

    frames: int
    seconds: float
    turns_frames_per_s: list[float]
    readings: int
    """Texts that were read in them."""
    detections: int
    """Frames that the detector saw."""

    @property
    def frames_per_s(self) -> float:
        """Return the frames that were read in a second."""
        return self.frames / self.seconds

    @property
    def readings_per_s(self) -> float:
        """Return the texts that were read in a second."""
        return self.readings / self.seconds


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """How long something took, after the warm-up."""

    count: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    most_ms: float


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """A camera watched in real time."""

    minutes: float
    fps: float
    warm_up_s: float
    """Left out of latencies and slopes."""
    frames: int
    """That the camera gave."""
    dropped: int
    """Frames that newer ones replaced before they were read."""
    read: int
    detections: int
    """Frames that the detector saw."""
    crops: int
    """Texts that the recognizer read."""
    events: int
    missed: int
    """Numbers that were shown, for a second each, without an event: on a busy machine nobody may have looked."""
    wrong: int
    """Events that are no number that was shown, came twice, or are unsure."""
    first_wrong: str = ""
    reading: Latency | None
    """From the capture of a frame until what it says is known; None where nothing was read."""
    event: Latency | None
    """From the capture of the frame that decided until the event has been handed over; None where there was none."""
    cpu_share: float
    """Of the time of all cores, 0..1."""
    samples: list[Sample]
    """`frames` are those that were read; latencies are from capture to reading."""
    slopes: list[Slope]
    method: str


class Stream(OfBundle, frozen=True, kw_only=True):
    """One run of `edgereader bench stream`."""

    command: str
    frame_hw: tuple[int, int]
    static: Rate
    """A place that does not move, in a region: read again in every frame, rarely looked for."""
    detecting: Rate
    """The detector looks at every frame, the whole of it."""
    live: Live
    passed: bool
    """Whether nothing grew and no event was wrong; what the rates and latencies should be is no part of it."""


# make troubles


class Troubles(OfBundle, frozen=True, kw_only=True):
    """One run of tests/hostile/troubles.py: a stream with all its sinks among hostile clients, a broker that flaps, a
    full disk and a clock that jumps.
    """

    command: str
    minutes: float
    warm_up_s: float
    """Left out of the slopes."""
    troubles: dict[str, int]
    """How often each came."""
    events: int
    missed: int
    """Numbers that were shown without an event: on a busy machine nobody may have looked."""
    sinks: dict[str, int]
    """Events in each of them at the end."""
    wrong: int
    """Events that are lost, there twice, out of order or not what was shown, in any sink; answers that did not come;
    tracebacks in the log.
    """
    first_wrong: str = ""
    samples: list[Sample]
    """Of the stream's process: the frames that it asked for, the latencies of /healthz, and the least memory of its own
    since the sample before, as pictures that clients send come and go.
    """
    slopes: list[Slope]
    method: str
    passed: bool
    """Whether nothing grew and nothing was wrong."""


# edgereader bench agree

Cause = Literal["second look", "place", "crop", "network"]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A text that both found, and read differently."""

    photo: str
    """Name of its file."""
    easyocr: str
    ours: str
    confidence: float
    """EasyOCR's, 0..1."""
    our_confidence: float
    cause: Cause
    """"second look": EasyOCR's first, before it stretched the contrast of what it was unsure of, is ours. "place": we
    read the same where EasyOCR found it. "crop": we read the same in EasyOCR's own crop. "network": neither, so that it
    is rounding, or what lies to the right of the crop."""


class BoxTimes(msgspec.Struct, frozen=True, kw_only=True):
    """How long both take for the boxes in a photo's maps, in one process, in turns: medians over the photos,
    of the time of one thread.
    """

    easyocr_ms: float
    ours_ms: float
    times: float
    """Median of the photos' ratios."""
    boxes: int
    """That EasyOCR found in the same maps, all photos together."""
    same_boxes: int
    """Of them, those that overlap with ours by `agreement.SAME_MAPS` or more."""


class Agreement(OfBundle, frozen=True, kw_only=True):
    """A bundle of EasyOCR's networks beside EasyOCR, on the same photos and canvases."""

    command: str
    photos: Photos
    versions: dict[str, str]
    """EasyOCR's, its weights', and torch's."""
    canvas_px: int
    threads: int
    easyocr: int
    """Texts that EasyOCR found."""
    ours: int
    both: int
    """Texts at the same place; of these `equal` have the same characters."""
    equal: int
    sure: int
    """Texts at the same place of which EasyOCR is sure: the others are hardly legible, and change with any pixel."""
    sure_equal: int
    differences: list[Difference]
    box_times: BoxTimes


Figures = Report | Growth | Soak | Stream | Troubles | Agreement
KINDS: dict[str, type[Figures]] = {
    "contenders": Report,
    "box_times": Agreement,
    "curves": Growth,
    "troubles": Troubles,
    "samples": Soak,
    "live": Stream,
}
"""Field → its kind: the first that is there tells."""


def read_figures(path: Path) -> Figures:
    """Read what `edgereader bench`, its `growth`, `soak`, `stream` and `agree`, or `make troubles` wrote.

    Raises:
        DatasetError: no such file, another schema, or something else than one of these.
    """
    source = "edgereader bench --json"
    found = read_json(path, dict[str, Any], source)
    kind = next((kind for name, kind in KINDS.items() if name in found), None)
    if kind is None:
        kinds = "edgereader bench, growth, soak, stream or agree"
        raise DatasetError(f"{path}: expected the JSON of {kinds}, got another one; choose it")
    if found.get("schema") != SCHEMA:
        got = found.get("schema")
        raise DatasetError(f"{path}: expected figures of schema {SCHEMA}, got {got!r}; measure again")
    return read_json(path, kind, source)
