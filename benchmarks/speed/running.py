"""A contender while it is measured, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from .children import Child
from .entries import Entry
from .figures import ColdStart, Contender, Memory, ScenarioName, Stages, Work
from .jobs import Missing, Ready, Turn
from .photos import Photo
from .power import Energy
from .process import ON_GPU
from .together import accuracy_of, power_of, scenario_of


@dataclass
class Running:
    """A contender, and what is known of it by now."""

    entry: Entry
    child: Child
    missing: Missing | None = None
    ready: Ready | None = None
    turns: dict[ScenarioName, list[Turn]] = field(default_factory=dict)
    meters: list[Energy] = field(default_factory=list)
    clocks_mhz: list[float] = field(default_factory=list)
    stages: Stages | None = None
    work: Work | None = None
    memory: Memory | None = None
    cold_s: list[float] = field(default_factory=list)

    @property
    def on_gpu(self) -> bool:
        """Whether it says that it runs there."""
        return self.ready is not None and self.ready.backend in ON_GPU

    @property
    def photo_ms(self) -> float:
        """What a photo takes, by its first turn alone, or the first pass before that."""
        if single := self.turns.get("SingleStream"):
            return 1000 / single[0].samples_per_s
        return median(self.ready.times_ms) if self.ready else 0.0


def contender_of(run: Running, photos: Sequence[Photo]) -> Contender:
    """All that was found of a contender; one that failed on the way has no figures."""
    entry, ready = run.entry, run.ready
    name, kind, threads, streams = entry.name, entry.kind, entry.options.threads, entry.streams
    if run.missing is not None or ready is None:
        missing = run.missing or Missing(outcome="failed", reason="it did not answer")
        return Contender(
            name=name,
            kind=kind,
            outcome=missing.outcome,
            reason=missing.reason,
            versions=ready.versions if ready else {},
            threads=threads,
            streams=streams,
        )
    frames = sum(turn.queries * turn.samples_per_query for turns in run.turns.values() for turn in turns)
    return Contender(
        name=name,
        kind=kind,
        outcome="ran",
        backend=ready.backend,
        precision=ready.precision,
        bundle=ready.bundle,
        files=ready.files,
        threads=threads,
        streams=streams,
        versions=ready.versions,
        scenarios=[scenario_of(turns) for turns in run.turns.values()],
        stages=run.stages,
        work=run.work,
        memory=run.memory,
        cold_start=ColdStart(p50_s=median(run.cold_s), times_s=run.cold_s) if run.cold_s else None,
        power=power_of(run.meters, frames),
        clocks_mhz=run.clocks_mhz,
        accuracy=accuracy_of(photos, ready.texts),
    )
