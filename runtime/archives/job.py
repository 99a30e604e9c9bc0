"""Archives of pictures on Ray Data: load, read, write; what a run left undone, the next one does.

A worker that dies takes along the pictures it had; they are read again in smaller batches, in the end alone, and one
with which the worker dies even then is told in a row of its own. Ray itself would try for ever.
"""

import os
import sys
import time
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from itertools import chain, repeat
from typing import Any

import click

from ..bundles.bundle import MANIFEST_NAME, Bundle, file_sha256
from ..commands.options import only_backend, start_log
from ..commands.terminal import ended_in_order
from ..errors import BackendError, BackendUnavailable, SinkError, one_line
from ..extras import pip_install
from ..reader import Reader
from ..sessions.triton.contract import SCHEME
from .places import Sink, find_paths
from .steps import ReadPictures, add, load, table, write

ROUNDS = 64, 8, 1
"""Pictures a task, first and whenever workers died; one by one they are tried until no more get through."""
BATCH = 8
"""Pictures that a reader takes at once."""
PART = 1000
"""Pictures whose rows make a file."""
COUNTED = "pictures", "readings", "errors", "load", "read", "write"
"""What is summed up; the last three are seconds of work."""
LOST = "expected a reading, but the worker died or failed each time, also when it had this picture alone; see Ray's log"


@dataclass(frozen=True)
class Summary:
    """What a run did."""

    pictures: int
    """Pictures that were asked for."""
    before: int
    """Pictures whose rows were there before."""
    counts: Mapping[str, float]
    """The sums of ``COUNTED``, for what was read now."""
    seconds: float
    """How long the run took, Ray's start included."""


@dataclass(frozen=True)
class Workers:
    """What reads, and on what."""

    open_reader: Callable[[], Reader]
    """Opens a reader, in each of its workers."""
    count: int | None = None
    """Readers; None = one for each GPU, or for each core (or ``threads`` of them)."""
    threads: int = 1
    """Threads of a reader on the CPU."""
    gpus: bool = True
    """Whether a reader gets a GPU, if there is one."""


def read_archive(
    arguments: Iterable[str], to: str, workers: Workers, settings: Mapping[str, Any], address: str = "local"
) -> Summary:
    """Read the numbers in pictures to a folder of Parquet files; those whose rows are there already are left out.

    Args:
        arguments: files, folders, globs, lists or URIs, see `find_paths`.
        to: a folder, or a URI; each file has the rows of up to ``PART`` pictures.
        workers: what reads.
        settings: what decides what is read, as JSON has it: another run into the same folder must have the same.
        address: a cluster's "HOST:PORT", "auto" for the one that runs here, or "local" to start one.

    Raises:
        BackendUnavailable: Ray is not installed, cannot be reached, or is too small.
        BackendError: no reader reads anything.
        ImageError: an argument means no picture.
        SinkError: the folder cannot be written, or is of another run.
        SourceError: a list or a storage cannot be read.
    """
    _import_ray()
    start, counts = time.monotonic(), dict.fromkeys(COUNTED, 0.0)
    resources: tuple[int, int, dict[str, int]] | None = None
    paths = find_paths(arguments)
    todo = left = _without(paths, Sink(to).claim("", settings).done())
    for size in chain(ROUNDS, repeat(1)):
        before = len(left)
        if not before:
            break
        # each round is a job of its own: an actor that restarts when its data set ends keeps its core as long as a job
        with _connected(address):
            resources = resources or _resources(workers)
            sink = Sink(to).claim(uuid.uuid4().hex, settings)
            for written in _written(left, size, workers, resources, sink, settings["bundle"]):
                if written["failure"]:
                    raise SinkError(written["failure"])
                _count(counts, written)
        left = _without(left, sink.done())
        if len(left) == before > size == ROUNDS[0]:
            raise BackendError("expected readings, got none of any worker; Ray's log, above, says why")
        if len(left) == before and size == 1:
            lost = [{"path": path, "readings": [{}], "error": LOST, "load": 0, "read": 0} for path in left.to_pylist()]
            _count(counts, add(table(lost), Sink(to).claim(uuid.uuid4().hex, settings), settings["bundle"]))
            break
    return Summary(len(paths), len(paths) - len(todo), counts, time.monotonic() - start)


def read_on_ray(
    paths: Iterable[str], to: str, address: str, count: int | None, *, bundle: str, threads: int | None, **options: Any
) -> None:
    """Do what ``edgereader read --ray`` does, with a reader's options; errors are those of `read_archive`."""
    start_log(verbose=options.pop("verbose"))
    opened, backend = Bundle.open(bundle), only_backend(options.pop("backend"), options.pop("triton"))
    settings = {"bundle": file_sha256(opened.root / MANIFEST_NAME), **options}
    reader = partial(Reader, opened, backend, threads=threads or 1, **options)
    if backend in {"auto", "cpu"}:
        reader()  # wrong options are told at once, not by each worker
    workers = Workers(reader, count, threads or 1, gpus=backend != "cpu" and not backend.startswith(SCHEME))
    with ended_in_order():
        done = read_archive(paths, to, workers, settings, address)
    read, found, errors = (int(done.counts[name]) for name in COUNTED[:3])
    click.echo(f"{done.pictures} pictures, {done.before} of them read before; rows are in {to}")
    rate = f"{read / done.seconds:.1f} a second, with Ray's start"
    click.echo(f"{read} read now: {found} numbers, {errors} errors, {done.seconds:.1f} s ({rate})")
    for stage in COUNTED[3:]:
        work = done.counts[stage]
        click.echo(f"{stage:5}  {work:10.2f} s of work  {read / work if work else 0:10.1f} pictures a second of it")
    if errors:
        sys.exit(1)


def _import_ray() -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else Ray sends statistics to its makers
    try:
        import_module("ray.data")
    except ModuleNotFoundError as exc:
        raise BackendUnavailable(f"--ray: expected Ray Data, got no module {exc.name}; {pip_install('ray')}") from exc


@contextmanager
def _connected(address: str) -> Iterator[None]:
    """Be connected to a cluster, or have one here, while the block runs; one that runs already is used."""
    import ray

    if ray.is_initialized():
        yield
        return
    cores = {"num_cpus": len(os.sched_getaffinity(0)), "include_dashboard": False} if address == "local" else {}
    try:
        ray.init(address, **cores)
    except (ConnectionError, RuntimeError, ValueError) as exc:
        got, fix = one_line(exc), "start it with ray start, or leave ADDRESS out"
        raise BackendUnavailable(f"--ray {address}: expected a Ray cluster, got: {got}; {fix}") from exc
    try:
        yield
    finally:
        ray.shutdown()


def _without(paths: Any, done: Any) -> Any:
    import pyarrow.compute as pc

    return paths.filter(pc.invert(pc.is_in(paths, done)))


def _count(counts: dict[str, float], more: Mapping[str, float]) -> None:
    for name in counts:
        counts[name] += more[name]


def _resources(workers: Workers) -> tuple[int, int, dict[str, int]]:
    """How many tasks may load pictures, how many readers there are, and what Ray is asked for each."""
    import ray

    there = ray.cluster_resources()
    cpus, gpus = int(there.get("CPU", 0)), int(there.get("GPU", 0)) if workers.gpus else 0
    readers = workers.count or gpus or max(1, cpus // workers.threads)
    if gpus:
        return cpus, readers, {"num_gpus": 1, "num_cpus": 1}
    if readers * workers.threads > cpus:
        got = f"{readers} readers of {workers.threads} threads for {cpus} cores"
        raise BackendUnavailable(f"--ray: expected as many cores as threads, got {got}; ask for fewer")
    return readers, readers, {"num_cpus": workers.threads}


def _written(
    paths: Any, size: int, workers: Workers, resources: tuple[int, int, dict[str, int]], sink: Sink, bundle: str
) -> Iterator[dict[str, Any]]:
    """Read pictures, so many a task; yield what was counted for each file written. What dies is left out."""
    import ray

    loaders, readers, for_each = resources
    pool = ray.data.ActorPoolStrategy(size=readers, max_tasks_in_flight_per_actor=min(size, 2))
    # were they to get a core, they would wait for ever for one that a reader holds which waits for them
    without_core: dict[str, Any] = {"num_cpus": 0, "max_retries": 0}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`ray_remote_args` is deprecated")  # Ray 2.60 names no other way
        data = (
            ray.data.from_items(paths.to_pylist(), override_num_blocks=-(-len(paths) // size))
            .map_batches(load, batch_format="pyarrow", concurrency=loaders, **without_core)
            .map_batches(
                ReadPictures,
                fn_constructor_args=(workers.open_reader, workers.threads),
                batch_format="pyarrow",
                batch_size=min(size, BATCH),
                compute=pool,
                max_task_retries=0,
                **for_each,
            )
            .map_batches(write, fn_args=(sink, bundle), batch_format="pyarrow", batch_size=PART, **without_core)
        )
    data.context.max_errored_blocks, data.context.max_consecutive_actor_init_deaths = -1, 2
    try:
        yield from data.iter_rows()
    except ray.exceptions.RayError as exc:
        got = str(exc).strip().rpartition("\n")[2]
        raise BackendError(f"--ray: expected readings, got: {got}; Ray's log, above, says more") from exc
