"""All contenders, each in a process of its own, in turns; what fails is told, and the others go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from .children import Child, cold_start, start
from .entries import Entry
from .figures import Contender, ScenarioName
from .jobs import Answer, Command, Job, Measure, MemoryFound, Missing, Ready, StagesFound, TakeMemory, TakeStages, Turn
from .loadgen import MOST_QPS
from .photos import Photo, Pixels
from .power import clocks_mhz, metered
from .running import Running, contender_of

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


class Bench:
    """One run of `edgereader bench`."""

    def __init__(
        self, plan: Plan, photos: Sequence[Photo], pixels: Pixels, folder: Path, tell: Callable[[str], None]
    ) -> None:
        """Prepare it.

        Args:
            plan: what is measured.
            photos: what is read.
            pixels: the same, decoded.
            folder: where processes keep what is theirs, until the run is over.
            tell: told how far it is.
        """
        self.plan, self.photos, self.pixels, self.folder, self.tell = plan, photos, pixels, folder, tell
        self._runs: list[Running] = []

    def run(self, entries: Sequence[Entry]) -> list[Contender]:
        """Measure the contenders."""
        with ExitStack() as stack:
            for number, entry in enumerate(entries):
                child = start(entry, self.folder / f"{number}.log")
                stack.callback(child.close)
                self._open(entry, child)
            self._take_turns()
            for run in self._alive():
                self._finish(run)
        self._cold_starts()
        return [contender_of(run, self.photos) for run in self._runs]

    def _alive(self, first: int = 0) -> Iterator[Running]:
        """Those that still run, each turn beginning with another."""
        runs = [run for run in self._runs if run.missing is None]
        first %= max(1, len(runs))
        yield from (run for run in runs[first:] + runs[:first] if run.missing is None)

    def _ask(self, run: Running, message: Job | Command, more_s: float = 0.0) -> Answer:
        """Ask its process for something that takes so long; say so when it fails."""
        answer = run.child.ask(message, more_s + self.plan.timeout_s)
        if isinstance(answer, Missing):
            self._leave_out(run, answer)
        return answer

    def _leave_out(self, run: Running, missing: Missing) -> None:
        run.missing = missing
        run.child.close()
        self.tell(f"{run.entry.name}: {missing.outcome}: {missing.reason}")

    def _open(self, entry: Entry, child: Child) -> None:
        run = Running(entry, child)
        self._runs.append(run)
        job = Job(
            contender=entry.contender,
            options=entry.options,
            streams=entry.streams,
            pixels=str(self.pixels.path),
            shapes_hw=self.pixels.shapes_hw,
            paths=[str(photo.path.absolute()) for photo in self.photos],
            folder=str(self.folder),
            first_pass_s=self.plan.first_pass_s,
        )
        if isinstance(answer := self._ask(run, job, self.plan.first_pass_s), Ready):
            run.ready = answer
            self.tell(f"{entry.name}: ready, {len(answer.times_ms)} photos in {sum(answer.times_ms) / 1000:.1f} s")

    def _take_turns(self) -> None:
        for turn in range(self.plan.turns):
            for scenario in self.plan.scenarios:
                self.tell(f"turn {turn + 1} of {self.plan.turns}, {scenario}")
                for run in self._alive(turn):
                    self._take_turn(run, measure_of(self.plan, scenario, turn, run.photo_ms))

    def _take_turn(self, run: Running, command: Measure) -> None:
        with metered(on_gpu=run.on_gpu) as energy:
            answer = self._ask(run, command, 2 * self.plan.seconds)
        if isinstance(answer, Turn):
            run.turns.setdefault(command.scenario, []).append(answer)
            run.meters.append(energy)
            run.clocks_mhz = clocks_mhz(on_gpu=run.on_gpu)
            self.tell(f"  {run.entry.name}: {told(answer)}")

    def _finish(self, run: Running) -> None:
        """Memory first: it is that of the turns."""
        if isinstance(answer := self._ask(run, TakeMemory()), MemoryFound):
            run.memory = answer.memory
        if run.entry.kind == "edgereader" and run.missing is None:
            answer = self._ask(run, TakeStages(seconds=self.plan.seconds), self.plan.seconds)
            if isinstance(answer, StagesFound):
                run.stages, run.work = answer.stages, answer.work

    def _cold_starts(self) -> None:
        for turn in range(self.plan.cold_starts):
            self.tell(f"cold starts, {turn + 1} of {self.plan.cold_starts}")
            for run in self._alive(turn):
                if sum(run.cold_s) > COLD_S:
                    continue
                took = cold_start(run.entry, self.photos[0].path, self.plan.timeout_s, self.folder / "cold.log")
                if isinstance(took, float):
                    run.cold_s.append(took)
                else:
                    self._leave_out(run, Missing(outcome="failed", reason=f"cold start: {took}"))


def told(turn: Turn) -> str:
    """A turn in a few words, and whether LoadGen's clock and ours are apart."""
    p50 = sorted(turn.times_ms)[len(turn.times_ms) // 2]  # LoadGen's, of the two in the middle the larger
    words = f"{turn.queries} queries, p50 {p50:.2f} ms, {turn.samples_per_s:.2f} photos/s"
    apart = turn.loadgen_p50_ms - p50 > APART_MS + APART * p50
    return f"{words}; LoadGen's own p50 is {turn.loadgen_p50_ms:.2f} ms" if apart else words


def measure_of(plan: Plan, scenario: ScenarioName, turn: int, photo_ms: float) -> Measure:
    """A turn: LoadGen prepares for what a photo took before, and all contenders have the same seed."""
    return Measure(
        scenario=scenario,
        seconds=plan.seconds,
        seed=turn,
        batch=plan.batch,
        expected_ms=max(photo_ms, FASTEST_MS),
        target_qps=plan.target_qps or min(SERVER_SHARE * 1000 / photo_ms, MOST_QPS),
        target_ms=plan.target_ms or SERVER_SLACK * max(photo_ms, 1.0),
    )
