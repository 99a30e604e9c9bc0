"""One turn in a scenario of MLPerf LoadGen: it asks for photos, and says whether the turn is VALID.

Reddi et al., "MLPerf Inference Benchmark", ISCA 2020, section 4. Nothing of LoadGen's rules is relaxed: it asks for
64 queries to be sure of SingleStream's 90 % latency and for 662 for MultiStream's 99 %, and a turn with fewer is
INVALID, with LoadGen's reason beside it.
"""

from __future__ import annotations

import json
import queue
import re
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from ...runtime.geometry.images import Frame
from ..contenders import Contender
from .results import ScenarioName

LEAST_QUERIES = 3
"""A contender that is so slow goes on after the turn's time until it has answered so many."""
MOST_QUERIES = 50_000
"""One that is so fast has a shorter turn."""
SLACK = 1.3
"""Offline's query has so many more photos than the turn should need: LoadGen calls one that ends early INVALID."""
MOST_QPS = 1000.0
"""Server: beyond, LoadGen's own trace would take the time."""
MARKER = ":::MLLOG "
SAMPLE = re.compile(r'"sample_seq":\d+,.*"complete_ns":(\d+)')
"""LoadGen's trace of one sample: nanoseconds from when it was due to when it was answered."""


class Measure(msgspec.Struct, frozen=True, kw_only=True, tag="measure"):
    """What is asked for: a turn in one of LoadGen's scenarios."""

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


class Turn(msgspec.Struct, frozen=True, kw_only=True):
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


class Streams:
    """Readers, each used by one thread at a time; with one, all is done in the thread that asks."""

    def __init__(self, readers: Sequence[Contender]) -> None:
        self.readers = readers
        self.threads = ThreadPoolExecutor(len(readers))
        self._free: queue.SimpleQueue[Contender] = queue.SimpleQueue()
        for reader in readers:
            self._free.put(reader)

    def read(self, frame: Frame) -> None:
        """Read a photo with a free reader."""
        reader = self._free.get()
        try:
            reader.read(frame)
        finally:
            self._free.put(reader)

    def read_all(self, frames: Iterable[Frame]) -> None:
        """Read photos, every reader the next one when it has time."""
        if len(self.readers) == 1:
            deque(self.readers[0].read_many(frames), maxlen=0)
            return
        waiting: queue.SimpleQueue[list[Frame]] = queue.SimpleQueue()
        for frame in frames:
            waiting.put([frame])
        for _ in self.readers:
            waiting.put([])

        def read(reader: Contender) -> None:
            deque(reader.read_many(frame for (frame,) in iter(waiting.get, [])), maxlen=0)

        deque(self.threads.map(read, self.readers), maxlen=0)


class Driven:
    """The readers that LoadGen drives, and the photos that they read."""

    def __init__(self, streams: Streams, frames: Sequence[Frame]) -> None:
        self.streams, self.frames = streams, frames
        self.spans: list[tuple[float, float]] = []
        """Start and end of each query, by our own clock."""
        self.broken: BaseException | None = None

    def answer(self, samples: Sequence[Any]) -> None:
        """Read the photos of a query and say so; what goes wrong is kept, as it cannot pass through LoadGen."""
        start = time.perf_counter()
        if self.broken is None:
            try:
                frames = [self.frames[sample.index] for sample in samples]
                if len(frames) == 1:
                    self.streams.read(frames[0])
                else:
                    self.streams.read_all(frames)
            except Exception as exc:  # noqa: BLE001, it is raised again in run_turn
                self.broken = exc
        self.spans.append((start, time.perf_counter()))
        import mlperf_loadgen

        answers = [mlperf_loadgen.QuerySampleResponse(sample.id, 0, 0) for sample in samples]
        mlperf_loadgen.QuerySamplesComplete(answers)

    def put(self, samples: Sequence[Any]) -> None:
        """Queue the photos of a query for the readers that are free next."""
        for sample in samples:
            self.streams.threads.submit(self.answer, [sample])


def run_turn(ask: Measure, streams: Streams, frames: Sequence[Frame], folder: Path) -> Turn:
    """Return what LoadGen finds when it drives the readers once; its logs are made in the folder and removed.

    Raises:
        Exception: what a reader raised.
    """
    driven = Driven(streams, frames)
    with tempfile.TemporaryDirectory(dir=folder) as logs:
        drive(ask, driven.put if ask.scenario == "Server" else driven.answer, len(frames), logs)
        if driven.broken is not None:
            raise driven.broken
        return turn_of(ask, driven.spans, Path(logs))


def drive(ask: Measure, issue: Callable[[Sequence[Any]], None], photos: int, logs: str) -> None:
    """Run one of LoadGen's tests."""
    import mlperf_loadgen as loadgen

    output, logging = loadgen.LogOutputSettings(), loadgen.LogSettings()
    output.outdir = logs
    output.copy_summary_to_stdout = False
    logging.log_output = output
    logging.enable_trace = ask.scenario == "Server"
    system = loadgen.ConstructSUT(issue, lambda: None)
    library = loadgen.ConstructQSL(photos, photos, lambda _: None, lambda _: None)
    try:
        loadgen.StartTestWithLogSettings(system, library, settings(ask), logging)
    finally:
        loadgen.DestroyQSL(library)
        loadgen.DestroySUT(system)


def settings(ask: Measure) -> Any:
    """Return LoadGen's settings for a turn; what is not set here is its own default."""
    import mlperf_loadgen as loadgen

    made = loadgen.TestSettings()
    made.scenario = getattr(loadgen.TestScenario, ask.scenario)
    made.mode = loadgen.TestMode.PerformanceOnly
    made.min_duration_ms = max(1, round(1000 * min(ask.seconds, MOST_QUERIES * ask.expected_ms / 1000)))
    made.min_query_count = 1 if ask.scenario == "Offline" else LEAST_QUERIES
    made.sample_index_rng_seed = made.schedule_rng_seed = made.qsl_rng_seed = ask.seed
    half_ns = max(1, int(1e6 * ask.expected_ms / 2))
    made.single_stream_expected_latency_ns = made.multi_stream_expected_latency_ns = half_ns
    made.multi_stream_samples_per_query = ask.batch
    made.server_target_qps = ask.target_qps
    made.server_target_latency_ns = int(1e6 * ask.target_ms)
    made.offline_expected_qps = SLACK * 1000 / ask.expected_ms
    return made


def turn_of(ask: Measure, spans: Sequence[tuple[float, float]], logs: Path) -> Turn:
    """Return what LoadGen logged, and the latencies by our own clock; Server's begin when they are due."""
    lines = (logs / "mlperf_log_detail.txt").read_text(encoding="utf-8").splitlines()
    entries = (json.loads(line.removeprefix(MARKER)) for line in lines if line.startswith(MARKER))
    details = {entry["key"]: entry["value"] for entry in entries}
    server = ask.scenario == "Server"
    if server:
        trace = (logs / "mlperf_log_trace.json").read_text(encoding="utf-8")
        times_ms = [int(nanoseconds) / 1e6 for nanoseconds in SAMPLE.findall(trace)]
        seconds = len(times_ms) / details["result_completed_samples_per_sec"]
    else:
        times_ms = [1000 * (end - start) for start, end in spans]
        seconds = spans[-1][1] - spans[0][0]
    queries, samples = details["result_query_count"], details["generated_samples_per_query"]
    of_a_query = "per_query_" if ask.scenario == "MultiStream" else ""
    return Turn(
        scenario=ask.scenario,
        valid=details["result_validity"] == "VALID",
        reasons=reasons(details),
        queries=queries,
        samples_per_query=samples,
        samples_per_s=queries * samples / seconds,
        seconds=seconds,
        times_ms=times_ms,
        loadgen_p50_ms=details[f"result_50.00_percentile_{of_a_query}latency_ns"] / 1e6,
        target_qps=ask.target_qps if server else None,
        target_ms=ask.target_ms if server else None,
    )


def reasons(details: dict[str, Any]) -> list[str]:
    """Return why LoadGen calls a turn INVALID, in its own words."""
    if details["result_validity"] == "VALID":
        return []
    words = [details.get("result_invalid_reason", "")]
    if not details["early_stopping_met"]:
        words.append(details["early_stopping_result"].replace("*", ""))
    errors = [f"{details['num_errors']} errors in LoadGen's log"] if details["num_errors"] else []
    return [" ".join(reason.split()) for reason in words if reason.strip()] + errors
