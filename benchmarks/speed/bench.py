"""All contenders, each in a process of its own, in turns; what fails is told, and the others go on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, median_high
from typing import Any, TypeVar

import click
import numpy as np
from msgspec.structs import asdict

from ..accuracy.scoring import match, ratio
from .child import (
    Child,
    Entry,
    Finish,
    Finished,
    Found,
    Job,
    Missing,
    Ready,
    cold_start,
    contender,
    program,
)
from .device import ON_GPU, Energy, clocks_mhz, metered
from .loadgen import MOST_QPS, Measure, Turn
from .photos import Photo, Pixels
from .results import BUSY, MOST_TIMES, Accuracy, ColdStart, Contender, Power, Scenario, ScenarioName

Run = TypeVar("Run")
SERVER_SHARE = 0.7
"""Server's queries arrive at this share of what the contender answers when it is asked without a pause."""
SERVER_SLACK = 10.0
"""And should be answered within so many times what a photo takes alone, or so many milliseconds."""
APART_MS, APART = 1.0, 0.05
"""LoadGen's latencies may be so much larger than ours: it takes a moment until Python hears of a query."""
FASTEST_MS = 0.02
"""LoadGen itself takes about so long for a query."""
COLD_S = 15.0
"""A contender whose cold starts have taken longer has no more of them."""


@dataclass(frozen=True)
class Plan:
    """What is measured of each contender."""

    scenarios: Sequence[ScenarioName]
    turns: int
    seconds: float
    """Of a turn."""
    batch: int = 8
    target_qps: float | None = None
    """Server's, None = a share of what the contender can."""
    target_ms: float | None = None
    cold_starts: int = 3
    first_pass_s: float = 30.0
    timeout_s: float = 300.0
    """The longest that a process may take beyond what it is given."""


@dataclass
class Running:
    """A contender while it is measured, and what is known of it by now."""

    entry: Entry
    child: Child
    missing: Missing | None = None
    ready: Ready | None = None
    turns: dict[ScenarioName, list[Turn]] = field(default_factory=dict)
    meters: list[Energy] = field(default_factory=list)
    clocks_mhz: list[float] = field(default_factory=list)
    finished: Finished | None = None
    cold_s: list[float] = field(default_factory=list)

    @property
    def on_gpu(self) -> bool:
        """Return whether it says that it runs there."""
        return self.ready is not None and self.ready.backend in ON_GPU

    @property
    def photo_ms(self) -> float:
        """Return what a photo takes, by its first turn alone, or the first pass before that."""
        if single := self.turns.get("SingleStream"):
            return 1000 / single[0].samples_per_s
        return median(self.ready.times_ms) if self.ready else 0.0


def in_turn(runs: Sequence[Run], turn: int, goes_on: Callable[[Run], object]) -> Iterator[Run]:
    """Yield those for which `goes_on` gives something true, each turn beginning with another."""
    left = [run for run in runs if goes_on(run)]
    first = turn % max(1, len(left))
    yield from (run for run in left[first:] + left[:first] if goes_on(run))


class Bench:
    """One run of `edgereader bench`."""

    def __init__(self, plan: Plan, photos: Sequence[Photo], pixels: Pixels, folder: Path) -> None:
        """Prepare it; `pixels` are the photos, decoded, and processes keep in the folder what is theirs."""
        self.plan, self.photos, self.pixels, self.folder = plan, photos, pixels, folder
        self._runs: list[Running] = []

    def run(self, entries: Sequence[Entry]) -> list[Contender]:
        """Measure the contenders."""
        with ExitStack() as stack:
            for number, entry in enumerate(entries):
                child = Child([entry.python, *program(contender)], self.folder / f"{number}.log")
                stack.callback(child.close)
                self._open(entry, child)
            self._take_turns()
            for run in self._alive():
                seconds = self.plan.seconds  # memory is that of the turns: nothing comes between
                run.finished = self._ask(run, Finish(seconds=seconds), Finished, seconds)
        self._cold_starts()
        return [contender_of(run, self.photos) for run in self._runs]

    def _alive(self, turn: int = 0) -> Iterator[Running]:
        return in_turn(self._runs, turn, lambda run: run.missing is None)

    def _ask(self, run: Running, question: Any, kind: type[Found], more_s: float = 0.0) -> Found | None:
        """Ask its process for something that takes so long; leave it out when it fails."""
        answer = run.child.ask(question, kind, more_s + self.plan.timeout_s)
        if not isinstance(answer, Missing):
            return answer
        self._leave_out(run, answer)
        return None

    def _leave_out(self, run: Running, missing: Missing) -> None:
        run.missing = missing
        run.child.close()
        say(f"{run.entry.name}: {missing.outcome}: {missing.reason}")

    def _open(self, entry: Entry, child: Child) -> None:
        run = Running(entry, child)
        self._runs.append(run)
        job = Job(
            entry=entry,
            pixels=str(self.pixels.path),
            shapes_hw=self.pixels.shapes_hw,
            paths=[str(photo.path.absolute()) for photo in self.photos],
            folder=str(self.folder),
            first_pass_s=self.plan.first_pass_s,
        )
        if ready := self._ask(run, job, Ready, self.plan.first_pass_s):
            run.ready = ready
            say(f"{entry.name}: ready, {len(ready.times_ms)} photos in {sum(ready.times_ms) / 1000:.1f} s")

    def _take_turns(self) -> None:
        for turn in range(self.plan.turns):
            for scenario in self.plan.scenarios:
                say(f"turn {turn + 1} of {self.plan.turns}, {scenario}")
                for run in self._alive(turn):
                    self._take_turn(run, measure_of(self.plan, scenario, turn, run.photo_ms))

    def _take_turn(self, run: Running, command: Measure) -> None:
        with metered(on_gpu=run.on_gpu) as energy:
            turn = self._ask(run, command, Turn, 2 * self.plan.seconds)
        if turn is not None:
            run.turns.setdefault(command.scenario, []).append(turn)
            run.meters.append(energy)
            run.clocks_mhz = clocks_mhz(on_gpu=run.on_gpu)
            say(f"  {run.entry.name}: {described(turn)}")

    def _cold_starts(self) -> None:
        for turn in range(self.plan.cold_starts):
            say(f"cold starts, {turn + 1} of {self.plan.cold_starts}")
            for run in self._alive(turn):
                if sum(run.cold_s) > COLD_S:
                    continue
                took = cold_start(run.entry, self.photos[0].path, self.plan.timeout_s, self.folder / "cold.log")
                if isinstance(took, Missing):
                    self._leave_out(run, took)
                else:
                    run.cold_s.append(took)


def say(line: str) -> None:
    """Write a line to stderr."""
    click.echo(line, err=True)


def busy() -> float:
    """Warn where other processes will be measured too; return how many they are."""
    load = round(os.getloadavg()[0], 1)
    if load > BUSY:
        say(f"other processes are at work here (a load of {load:.1f}): all figures will be larger than they should be")
    return load


def described(turn: Turn) -> str:
    """Describe a turn in a few words, and whether LoadGen's clock and ours are apart."""
    p50 = median_high(turn.times_ms)  # as LoadGen takes it
    words = f"{turn.queries} queries, p50 {p50:.2f} ms, {turn.samples_per_s:.2f} photos/s"
    apart = turn.loadgen_p50_ms - p50 > APART_MS + APART * p50
    return f"{words}; LoadGen's own p50 is {turn.loadgen_p50_ms:.2f} ms" if apart else words


def measure_of(plan: Plan, scenario: ScenarioName, turn: int, photo_ms: float) -> Measure:
    """Plan a turn: LoadGen prepares for what a photo took before, and all contenders have the same seed."""
    return Measure(
        scenario=scenario,
        seconds=plan.seconds,
        seed=turn,
        batch=plan.batch,
        expected_ms=max(photo_ms, FASTEST_MS),
        target_qps=plan.target_qps or min(SERVER_SHARE * 1000 / photo_ms, MOST_QPS),
        target_ms=plan.target_ms or SERVER_SLACK * max(photo_ms, 1.0),
    )


def contender_of(run: Running, photos: Sequence[Photo]) -> Contender:
    """Return all that was found of a contender; one that failed on the way has no figures."""
    entry, ready = run.entry, run.ready
    known: dict[str, Any] = {"name": entry.name, "kind": entry.kind, "streams": entry.streams}
    known |= {"threads": entry.options.threads, "versions": ready.versions if ready else {}}
    if run.missing is not None or ready is None:
        missing = run.missing or Missing(outcome="failed", reason="it did not answer")
        return Contender(**known, **asdict(missing))
    turns = [turn for taken in run.turns.values() for turn in taken]
    return Contender(
        **known,
        outcome="ran",
        backend=ready.backend,
        precision=ready.precision,
        bundle=ready.bundle,
        files=ready.files,
        scenarios=[scenario_of(taken) for taken in run.turns.values()],
        **(asdict(run.finished) if run.finished else {}),
        cold_start=ColdStart(p50_s=median(run.cold_s), times_s=run.cold_s) if run.cold_s else None,
        power=power_of(run.meters, sum(turn.queries * turn.samples_per_query for turn in turns)),
        clocks_mhz=run.clocks_mhz,
        accuracy=accuracy_of(photos, ready.texts),
    )


def scenario_of(turns: Sequence[Turn]) -> Scenario:
    """Make one figure of a scenario's turns; kept are so many latencies of each turn, evenly taken, to two places."""

    def thinned(times_ms: Sequence[float]) -> list[float]:
        count = min(len(times_ms), MOST_TIMES)
        return [round(times_ms[place * len(times_ms) // count], 2) for place in range(count)]

    first, rates = turns[0], [turn.samples_per_s for turn in turns]
    p50, p90, p99, p999 = np.percentile([ms for turn in turns for ms in turn.times_ms], (50, 90, 99, 99.9)).tolist()
    return Scenario(
        scenario=first.scenario,
        valid=all(turn.valid for turn in turns),
        reasons=list(dict.fromkeys(reason for turn in turns for reason in turn.reasons)),
        samples_per_query=first.samples_per_query,
        samples_per_s=median(rates),
        turns_samples_per_s=rates,
        target_qps=first.target_qps,
        target_ms=first.target_ms,
        p50_ms=p50,
        p90_ms=p90,
        p99_ms=p99,
        p999_ms=p999,
        times_ms=[] if first.scenario == "Offline" else [thinned(turn.times_ms) for turn in turns],
    )


def accuracy_of(photos: Sequence[Photo], texts: Sequence[Sequence[str]]) -> Accuracy | None:
    """Score what was read of the photos against their labels; None where none has labels.

    None too for a contender that had no time for all photos: figures of other photos would stand beside one another.
    """
    if len(texts) < len(photos):
        return None
    pairs = zip(photos, texts, strict=False)
    matches = [match(photo.labels, read) for photo, read in pairs if photo.labels is not None]
    if not matches:
        return None
    labels = sum(found.labels for found in matches)
    return Accuracy(
        photos=len(matches),
        labels=labels,
        recall=ratio(sum(len(found.matched) for found in matches), labels),
        precision=ratio(sum(found.true_numbers for found in matches), sum(found.numbers for found in matches)),
        false_numbers_per_image=sum(len(found.false) for found in matches) / len(matches),
    )


def power_of(meters: Iterable[Energy], frames: int) -> Power | None:
    """Return the power of all turns together; None where the machine did not tell."""
    metered = [energy for energy in meters if energy.source is not None]
    joules, seconds = sum(energy.joules for energy in metered), sum(energy.seconds for energy in metered)
    if not joules or not frames or metered[0].source is None:
        return None
    return Power(source=metered[0].source, watts=joules / seconds, joules_per_frame=joules / frames)
