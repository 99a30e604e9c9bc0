"""One turn in a scenario of MLPerf LoadGen: it asks for photos, and says whether the turn is VALID.

Reddi et al., "MLPerf Inference Benchmark", ISCA 2020, section 4. Nothing of LoadGen's rules is relaxed: it asks for
64 queries to be sure of SingleStream's 90 % latency and for 662 for MultiStream's 99 %, and a turn with fewer is
INVALID, with LoadGen's reason beside it.
"""

from __future__ import annotations

import queue
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ...runtime.geometry.images import Frame
from .jobs import Measure, Turn
from .loadgen_logs import turn_of
from .streams import Streams

LEAST_QUERIES = 3
"""A contender that is so slow goes on after the turn's time until it has answered so many."""
MOST_QUERIES = 50_000
"""One that is so fast has a shorter turn."""
SLACK = 1.3
"""Offline's query has so many more photos than the turn should need: LoadGen calls one that ends early INVALID."""
MOST_QPS = 1000.0
"""Server: beyond, LoadGen's own trace would take the time."""


class Driven:
    """What LoadGen drives: readers, and the photos that they read."""

    def __init__(self, streams: Streams, frames: Sequence[Frame]) -> None:
        self.streams, self.frames = streams, frames
        self.spans: list[tuple[float, float]] = []
        """Start and end of each query, by our own clock; of Server's, none."""
        self.broken: BaseException | None = None
        self._waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def answer(self, samples: Sequence[Any]) -> None:
        """Read the photos of a query and say so; what goes wrong is kept, as it cannot pass through LoadGen."""
        start = time.perf_counter()
        if self.broken is None:
            try:
                self.read([self.frames[sample.index] for sample in samples])
            except Exception as exc:  # noqa: BLE001, it is raised again in run_turn
                self.broken = exc
        self.spans.append((start, time.perf_counter()))
        complete(samples)

    def read(self, frames: Sequence[Frame]) -> None:
        """One photo, or several at once."""
        if len(frames) == 1:
            self.streams.readers[0].read(frames[0])
        else:
            self.streams.read_all(frames)

    def put(self, samples: Sequence[Any]) -> None:
        """Leave a query to whichever reader is free next."""
        for sample in samples:
            self._waiting.put(sample)

    def work(self, reader: int) -> None:
        """Answer what waits, until None does."""
        while (sample := self._waiting.get()) is not None:
            if self.broken is None:
                try:
                    self.streams.readers[reader].read(self.frames[sample.index])
                except Exception as exc:  # noqa: BLE001, as above
                    self.broken = exc
            complete([sample])

    def end_work(self, threads: Sequence[threading.Thread]) -> None:
        """Let the readers end."""
        for _ in threads:
            self._waiting.put(None)
        for thread in threads:
            thread.join()


def complete(samples: Sequence[Any]) -> None:
    """Tell LoadGen that these are answered."""
    import mlperf_loadgen

    mlperf_loadgen.QuerySamplesComplete([mlperf_loadgen.QuerySampleResponse(each.id, 0, 0) for each in samples])


def run_turn(ask: Measure, streams: Streams, frames: Sequence[Frame], folder: Path) -> Turn:
    """Let LoadGen drive the readers once; its logs are made in the folder and gone afterwards.

    Raises:
        Exception: what a reader raised.
    """
    driven = Driven(streams, frames)
    with tempfile.TemporaryDirectory(dir=folder) as logs:
        if ask.scenario == "Server":
            workers = [threading.Thread(target=driven.work, args=(each,)) for each in range(len(streams.readers))]
            for worker in workers:
                worker.start()
            try:
                drive(ask, driven.put, len(frames), logs)
            finally:
                driven.end_work(workers)
        else:
            drive(ask, driven.answer, len(frames), logs)
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
    """LoadGen's settings for a turn; what is not set here is its own default."""
    import mlperf_loadgen as loadgen

    made = loadgen.TestSettings()
    made.scenario = getattr(loadgen.TestScenario, ask.scenario)
    made.mode = loadgen.TestMode.PerformanceOnly
    made.min_duration_ms = max(1, round(1000 * min(ask.seconds, MOST_QUERIES * ask.expected_ms / 1000)))
    made.min_query_count = 1 if ask.scenario == "Offline" else LEAST_QUERIES
    made.sample_index_rng_seed = made.schedule_rng_seed = made.qsl_rng_seed = ask.seed
    made.single_stream_expected_latency_ns = max(1, int(1e6 * ask.expected_ms / 2))
    made.multi_stream_expected_latency_ns = max(1, int(1e6 * ask.expected_ms / 2))
    made.multi_stream_samples_per_query = ask.batch
    made.server_target_qps = ask.target_qps
    made.server_target_latency_ns = int(1e6 * ask.target_ms)
    made.offline_expected_qps = SLACK * 1000 / ask.expected_ms
    return made
