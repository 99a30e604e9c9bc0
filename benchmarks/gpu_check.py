"""`python -m edgereader.benchmarks.gpu_check`: every backend on this machine's NVIDIA GPU, verified and measured.

Nothing is installed, and what cannot run is skipped with the reason. The report is `gpu-check.json` and
`gpu-check.md`; the same command again measures what is missing in it.
"""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import Any, Literal

import click
from msgspec.structs import replace

from ..runtime import Bundle
from ..runtime.commands.diagnosis.trials import ask_driver
from ..runtime.errors import BackendUnavailable, DatasetError, EdgeReaderError
from .gpu.measures import answers
from .gpu.plan import CPU, DRY, FULL, NEED_ENGINES, PREPARE, Contender, Job, Scale, Section, sections
from .gpu.report import Answer, Entry, Prepared, Report, line, page, together
from .record import now, read_json, this_machine, write_file, write_json
from .speed.bench import in_turn
from .speed.child import Child, Missing, program
from .speed.device import Gpu, gpu_of

NAME = "gpu-check"
COMMAND = "python -m edgereader.benchmarks.gpu_check"
FOLDER = click.Path(file_okay=False, path_type=Path)
SECTIONS = [section.name for section in sections(FULL)]
SAME = ("schema", "dry_run", "gpu", "files")
"""What a report must have in common with what is added to it."""
LONGEST_S = 900.0
"""For one process; building an engine takes longest."""
SHORTEST_S = 20.0
"""With less time left, no process is started."""
Launch = Callable[[Job, float], list[Answer]]
"""Does a job in a process of its own, within so many seconds: an answer for each of its sizes."""


@click.command()
@click.option("--to", type=FOLDER, default=Path(NAME), show_default=True, help="Folder of the report.")
@click.option("--bundle", default="digits-edge", show_default=True, help="A name or a folder.")
@click.option("--only", type=click.Choice(SECTIONS), multiple=True, help="Only this part; may be given more than once.")
@click.option("--minutes", type=click.FloatRange(min=0), help="Stop in time; the same command again goes on.")
@click.option("--turns", type=click.IntRange(min=1), default=3, show_default=True, help="Of contenders in speed.")
@click.option("--work", type=FOLDER, help="Keep the networks and engines here, for the next time.")
@click.option("--again", is_flag=True, help="Begin a new report instead of going on with the old one.")
@click.option("--dry-run", is_flag=True, help="Small, on the CPU: try the check itself, and measure no GPU.")
def main(
    *,
    to: Path,
    bundle: str,
    only: tuple[str, ...],
    minutes: float | None,
    turns: int,
    work: Path | None,
    again: bool,
    dry_run: bool,
) -> None:
    """Verify and measure every backend on this machine's NVIDIA GPU, beside PyTorch where it is installed.

    Exit codes: 0 measured, 1 something failed that should run, 2 nothing measured: no GPU, or an option is wrong.
    """
    path, scale = to / f"{NAME}.json", replace(DRY if dry_run else FULL, turns=turns)
    try:
        gpu = None if dry_run else this_gpu()
        report = begin(path, Bundle.open(bundle), gpu, again=again)
    except EdgeReaderError as exc:
        click.echo(f"error: {exc}", err=True)
        sys.exit(2)
    to.mkdir(parents=True, exist_ok=True)
    if work:
        work.mkdir(parents=True, exist_ok=True)

    def so_far() -> Report:
        return replace(report, date=now(), entries=list(check.entries.values()))

    def changed(entry: Entry) -> None:
        click.echo(line(entry))
        save(path, so_far())

    place: AbstractContextManager[Path | str] = nullcontext(work) if work else TemporaryDirectory(prefix=f"{NAME}-")
    with place as folder:
        launch = partial(run_job, log=path.with_suffix(".log"))
        check = Check(launch, str(Path(folder).absolute()), bundle, scale, report.entries, minutes, changed)
        for section in sections(scale):
            if not only or section.name in only:
                check.run(section)
    save(path, so_far())
    click.echo(f"report: {path.with_suffix('.md')}")
    sys.exit(any(missing.outcome == "failed" for _, missing in so_far().found(Missing)))


def this_gpu() -> Gpu:
    """Describe the GPU here.

    Raises:
        BackendUnavailable: none, or its driver does not work.
    """
    if isinstance(driver := ask_driver(), str):
        raise BackendUnavailable(f"nothing was measured: {driver}; --dry-run tries the check without a GPU")
    return gpu_of(driver)


def begin(path: Path, bundle: Bundle, gpu: Gpu | None, *, again: bool) -> Report:
    """Return the report at a path with this command added, or a new one.

    Raises:
        DatasetError: what is there is no such report, or one of another GPU or bundle.
    """
    new = Report(
        commands=[f"{COMMAND} {shlex.join(sys.argv[1:])}".strip()],
        date=now(),
        dry_run=gpu is None,
        bundle=bundle.manifest.name,
        files=files_of(bundle),
        machine=this_machine(),
        gpu=gpu,
        entries=[],
    )
    if again or not path.exists():
        return new
    old = read_json(path, Report, COMMAND)
    for name in SAME:
        if getattr(old, name) != getattr(new, name):
            raise DatasetError(
                f"{path}: expected the {name} of this check, {getattr(new, name)}, got {getattr(old, name)}; "
                "choose another --to, or --again to begin anew"
            )
    commands = [*(command for command in old.commands if command not in new.commands), *new.commands]
    return replace(new, commands=commands, entries=old.entries)


def files_of(bundle: Bundle) -> dict[str, str]:
    """Return the bundle's model files, with their SHA-256."""
    specs = (bundle.manifest.detector, bundle.manifest.recognizer)
    return {file.path: file.sha256 for spec in specs if spec for file in spec.files.values()}


def save(path: Path, report: Report) -> None:
    """Write a report as JSON, and beside it as Markdown.

    Raises:
        OSError: the folder cannot be written.
    """
    write_json(path, report)
    write_file(path.with_suffix(".md"), page(report))


def run_job(job: Job, timeout_s: float, log: Path) -> list[Answer]:
    """Do a job in a process of its own, without a GPU in a dry run, and add the process's output to the log."""
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""} if job.scale.dry else None
    end_s, found = time.monotonic() + timeout_s, list[Answer]()
    with NamedTemporaryFile() as said, log.open("ab") as kept:
        child = Child([sys.executable, *program(answers)], Path(said.name), environment)
        try:
            begun = child.ask(job, bool, timeout_s)
            for size in job.sizes:
                answer = begun if isinstance(begun, Missing) else child.ask(size, Answer, end_s - time.monotonic())
                if isinstance(answer, Missing):
                    begun, answer = answer, Answer(found=answer)
                found.append(answer)
        finally:
            child.close()
            kept.write(f"\n$ {job.section} {job.contender.name}: {', '.join(job.sizes)}\n".encode() + said.read())
    return found


class Check:
    """All entries, and what makes more of them: contenders in turns; what fails is noted, and the rest goes on."""

    def __init__(
        self,
        launch: Launch,
        folder: str,
        bundle: str,
        scale: Scale,
        entries: Iterable[Entry] = (),
        minutes: float | None = None,
        changed: Callable[[Entry], None] = lambda _entry: None,
    ) -> None:
        """Begin, or go on where `entries` end; bundles are made in a folder, `changed` is given each new entry."""
        self.launch, self.changed = launch, changed
        self._common: dict[str, Any] = {"folder": folder, "bundle": bundle, "scale": scale}
        self.entries = {entry.key: entry for entry in entries}
        self._end_s = float("inf") if minutes is None else time.monotonic() + 60 * minutes
        self._made: dict[tuple[str, Contender], Missing | None] = {}

    def run(self, section: Section) -> None:
        """Measure what a section lacks."""
        measured = {key for key, entry in self.entries.items() if not isinstance(entry.result, Missing)}
        wanted: dict[Contender, dict[str, list[Answer]]] = {
            contender: {size: [] for size in section.sizes if (section.name, contender.name, size) not in measured}
            for contender in section.contenders
        }

        def left(contender: Contender) -> tuple[str, ...]:
            """Return the sizes that were measured in all turns before."""
            found = wanted[contender].items()
            return tuple(size for size, turns in found if len(turns) == turn and not any(map(_missing, turns)))

        for turn in range(section.turns):
            for contender in in_turn(section.contenders, turn, left):
                sizes = left(contender)
                job = Job(section=section.name, contender=contender, sizes=sizes, **self._common)
                for size, answer in zip(sizes, self._answers(job, self._hindrance(section, contender)), strict=True):
                    missing = _missing(answer)
                    if missing and missing.outcome == "pending" and turn > 0:
                        continue  # fewer turns are figures too
                    wanted[contender][size].append(answer)
                    self._enter(section.name, contender.name, size, wanted[contender][size])

    def _enter(self, section: str, contender: str, size: str, turns: list[Answer]) -> None:
        result, versions = together(turns), turns[-1].versions
        entry = Entry(section=section, contender=contender, size=size, result=result, versions=versions)
        self.entries[entry.key] = entry
        self.changed(entry)

    def _hindrance(self, section: Section, contender: Contender) -> Missing | None:
        """Make what a contender needs; return why it cannot be made, if so."""
        needs = [(section.bundle, CPU)] if section.bundle else []
        if section.bundle and contender.runner in NEED_ENGINES:
            needs.append((f"engines {section.bundle}", contender))
        for need in needs:
            made = self._made.get(need)
            if need not in self._made or (made and made.outcome == "pending"):
                self._made[need] = made = self._make(*need)
            if made is not None:
                return made
        return None

    def _make(self, what: str, contender: Contender) -> Missing | None:
        job = Job(section=PREPARE, contender=contender, sizes=(what,), **self._common)
        (answer,) = self._answers(job, None)
        before, missing = self.entries.get((PREPARE, contender.name, what)), _missing(answer)
        if not (missing and before and isinstance(before.result, Prepared)):
            self._enter(PREPARE, contender.name, what, [answer])
        if missing is None:
            return None
        outcome: Literal["skipped", "pending"] = "pending" if missing.outcome == "pending" else "skipped"
        return Missing(outcome=outcome, reason=f"{what}: {missing.reason}")

    def _answers(self, job: Job, hindrance: Missing | None) -> list[Answer]:
        """Return one answer for each of a job's sizes, in whatever way the process ended."""
        left_s = self._end_s - time.monotonic()
        if hindrance is None and left_s < SHORTEST_S:
            hindrance = Missing(outcome="pending", reason="no time was left; run the same command again")
        if hindrance is not None:
            return [Answer(found=hindrance)] * len(job.sizes)
        found = self.launch(job, min(left_s, LONGEST_S))
        if time.monotonic() < self._end_s:
            return found
        return [
            Answer(found=replace(missing, outcome="pending"))  # time was out
            if (missing := _missing(answer)) and missing.outcome == "failed"
            else answer
            for answer in found
        ]


def _missing(answer: Answer) -> Missing | None:
    return answer.found if isinstance(answer.found, Missing) else None


if __name__ == "__main__":
    main()
