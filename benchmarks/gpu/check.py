"""The check itself: contenders in turns, each in a process of its own; what fails is noted, and the rest goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, Literal

from .children import Outcome
from .figures import Entry, Missing, Prepared
from .jobs import CPU, NEED_ENGINES, Contender, Job, Scale
from .sections import Section
from .turns import Answer, together

LONGEST_S = 900.0
"""For one process; building an engine takes longest."""
SHORTEST_S = 20.0
"""With less time left, no process is started."""
Launch = Callable[[Job, float], Outcome]
"""Does a job in a process of its own, within so many seconds."""
PREPARE = "prepare"


class Check:
    """All entries, and what makes more of them."""

    def __init__(
        self,
        launch: Launch,
        folder: str,
        bundle: str,
        scale: Scale,
        *,
        entries: Iterable[Entry] = (),
        minutes: float | None = None,
        changed: Callable[[Entry], None] = lambda _entry: None,
    ) -> None:
        """Begin, or go on where `entries` end.

        Args:
            launch: does a job in a process of its own.
            folder: where bundles are made and kept.
            bundle: name or path of the one that is called "shipped".
            scale: how large everything is.
            entries: what was measured before, and is not measured again.
            minutes: time for all; None = as long as it takes.
            changed: told of each entry that is new or changed.
        """
        self.launch, self.changed = launch, changed
        self._common: dict[str, Any] = {"folder": folder, "bundle": bundle, "scale": scale}
        self.entries = {each.key: each for each in entries}
        self._end = float("inf") if minutes is None else time.monotonic() + 60 * minutes
        self._made: dict[tuple[str, Contender], Missing | None] = {}

    def run(self, section: Section) -> None:
        """Measure what a section lacks."""
        answers: dict[tuple[Contender, str], list[Answer]] = {
            (contender, size): []
            for contender in section.contenders
            for size in section.sizes
            if self._lacks(section, contender, size)
        }
        for turn in range(section.turns):
            for contender in section.contenders:
                sizes = tuple(size for size in section.sizes if self._goes_on(answers.get((contender, size)), turn))
                if sizes:
                    self._take_turn(section, contender, sizes, turn, answers)

    def _lacks(self, section: Section, contender: Contender, size: str) -> bool:
        entry = self.entries.get((section.name, contender.name, size))
        return entry is None or isinstance(entry.result, Missing)

    def _goes_on(self, answers: list[Answer] | None, turn: int) -> bool:
        """Whether a size was measured in all turns before."""
        return answers is not None and len(answers) == turn and not any(isinstance(a.found, Missing) for a in answers)

    def _take_turn(
        self,
        section: Section,
        contender: Contender,
        sizes: tuple[str, ...],
        turn: int,
        answers: dict[tuple[Contender, str], list[Answer]],
    ) -> None:
        job = Job(section=section.name, contender=contender, sizes=sizes, **self._common)
        for answer in self._answers(job, self._hindrance(section, contender)):
            if isinstance(answer.found, Missing) and answer.found.outcome == "pending" and turn > 0:
                continue  # fewer turns are figures too
            found = answers[contender, answer.size]
            found.append(answer)
            self._enter(section.name, contender.name, answer.size, found)

    def _enter(self, section: str, contender: str, size: str, answers: list[Answer]) -> None:
        result, versions = together(answers), answers[-1].versions
        entry = Entry(section=section, contender=contender, size=size, result=result, versions=versions)
        self.entries[entry.key] = entry
        self.changed(entry)

    def _hindrance(self, section: Section, contender: Contender) -> Missing | None:
        """Make what a contender needs; why it cannot be made, if so."""
        if not section.bundle:
            return None
        needs = [(section.bundle, CPU)]
        if contender.runner in NEED_ENGINES:
            needs.append((f"engines {section.bundle}", contender))
        for need in needs:
            if need not in self._made or self._is_pending(self._made[need]):
                self._made[need] = self._make(*need)
            if (missing := self._made[need]) is not None:
                return missing
        return None

    def _is_pending(self, missing: Missing | None) -> bool:
        return missing is not None and missing.outcome == "pending"

    def _make(self, what: str, contender: Contender) -> Missing | None:
        job = Job(section=PREPARE, contender=contender, sizes=(what,), **self._common)
        (answer,) = self._answers(job, None)
        before = self.entries.get((PREPARE, contender.name, what))
        if not (isinstance(answer.found, Missing) and before and isinstance(before.result, Prepared)):
            self._enter(PREPARE, contender.name, what, [answer])
        if isinstance(answer.found, Missing):
            outcome: Literal["skipped", "pending"] = "pending" if answer.found.outcome == "pending" else "skipped"
            return Missing(outcome=outcome, reason=f"{what}: {answer.found.reason}")
        return None

    def _answers(self, job: Job, hindrance: Missing | None) -> list[Answer]:
        """One answer for each of a job's sizes, in whatever way the process ended."""
        left_s = self._end - time.monotonic()
        if hindrance is None and left_s < SHORTEST_S:
            hindrance = Missing(outcome="pending", reason="no time was left; run the same command again")
        if hindrance is not None:
            return [Answer(size=size, found=hindrance) for size in job.sizes]
        outcome = self.launch(job, min(left_s, LONGEST_S))
        late = outcome.ended == "late" and left_s < LONGEST_S
        missing = Missing(
            outcome="pending" if late else "failed",
            reason=outcome.reason or "the process ended well, but did not answer",
        )
        said = {answer.size: answer for answer in outcome.answers}
        return [said.get(size, Answer(size=size, found=missing)) for size in job.sizes]
