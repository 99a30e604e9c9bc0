"""`edgereader bench`: latency, throughput, memory and cold start of EdgeReader and others, and what compares them."""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from ...runtime import Bundle
from ...runtime.errors import DatasetError
from ..contenders import OPENERS, Options
from ..record import check_files, command_line, now, this_machine, writable, write_file, write_json
from ..report.page import write_pages
from ..report.summary import renewed
from ..tables import columns
from .bench import Bench, Plan, busy, say
from .child import Entry
from .photos import decode, find
from .results import SCENARIOS, Contender, Figures, Growth, Report, Scenario, Soak, Stream, read_figures, times_as_long

PATH, MORE, ABOVE = click.Path(path_type=Path), click.IntRange(min=1), click.FloatRange(min=0.01)
COMMANDS = {"agree": "agreement", "compare": "compare", "growth": "growth", "soak": "soak", "stream": "stream"}
"""Sub-command → the file of this package that has it."""
ALL = "all"
DEFAULT_BUNDLE = "digits-edge"
RUN_BUNDLES = ("edgereader", "pytorch", "pytorch-compile")
"""Contenders that run a bundle, or the network it was made of."""
HEAD = (
    "contender",
    "scenario",
    "valid",
    "p50 ms",
    "p90 ms",
    "p99 ms",
    "p99.9 ms",
    "photos/s",
    "times",
    "MiB",
    "cold s",
    "recall",
    "precision",
)


class BenchGroup(click.Group):
    """Commands that are loaded when they are used; what is none of their names goes to `run`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names."""
        return sorted({*super().list_commands(ctx), *COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command."""
        if cmd_name in COMMANDS:
            command: click.Command = getattr(import_module(f".{COMMANDS[cmd_name]}", __package__), cmd_name)
            return command
        return super().get_command(ctx, cmd_name)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert `run` before arguments that begin with no command's name; --help alone is the group's."""
        if not args or (args[0] not in self.list_commands(ctx) and args[0] != "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=BenchGroup)
def bench() -> None:
    """Measure EdgeReader and others: `edgereader bench [BUNDLE]... [OPTIONS]` is `edgereader bench run ...`."""


@bench.command()
@click.argument("bundles", nargs=-1, metavar="[BUNDLE]...")
@click.option("--photos", "folders", multiple=True, help="Folder of photos, with labels.tsv or without; repeatable.")
@click.option("--limit", type=MORE, help="Photos of each folder, spread evenly over it.")
@click.option(
    "--contender", "names", multiple=True, type=click.Choice([*OPENERS, ALL]), help="What is measured; repeatable."
)
@click.option("--backend", "backends", multiple=True, help="Where EdgeReader runs; repeatable.")
@click.option("--precision", "precisions", multiple=True, help="Which files of a bundle run; repeatable.")
@click.option("--threads", multiple=True, type=click.IntRange(min=0), help="Of a reader; 0 = all cores; repeatable.")
@click.option("--canvas", "canvas_px", type=click.IntRange(64, 8192), help="Longest side of what the detector sees.")
@click.option("--streams", multiple=True, type=MORE, help="Readers in one process; repeatable.")
@click.option("--batch", type=MORE, default=8, show_default=True, help="Photos of a MultiStream query.")
@click.option(
    "--scenario",
    "scenarios",
    multiple=True,
    type=click.Choice(SCENARIOS),
    default=("SingleStream",),
    show_default=True,
    help="Of MLPerf LoadGen; repeatable.",
)
@click.option("--turns", type=MORE, default=3, show_default=True, help="In which contenders alternate.")
@click.option("--seconds", type=click.FloatRange(min=0.1), default=10.0, show_default=True, help="Of a turn.")
@click.option("--target-qps", type=ABOVE, help="Server: queries a second.  [default: 70 % of SingleStream]")
@click.option("--target-ms", type=ABOVE, help="Server: latency to keep.  [default: 10 photos' time]")
@click.option("--cold-starts", type=click.IntRange(min=0), default=3, show_default=True, help="Fresh processes.")
@click.option(
    "--first-pass",
    "first_pass_s",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    help="Seconds for the first look at all photos, which is scored.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0.1),
    default=300.0,
    show_default=True,
    help="Seconds after which a silent contender is given up.",
)
@click.option("--python", "pythons", multiple=True, metavar="NAME=PATH", help="Interpreter that has a contender.")
@click.option("--json", "report_file", type=PATH, help="Write the report to this file.")
@click.option("--report", "pages_folder", type=PATH, help="Write a page and tables to this folder.")
def run(
    folders: tuple[str, ...],
    limit: int | None,
    names: tuple[str, ...],
    scenarios: tuple[str, ...],
    pythons: tuple[str, ...],
    report_file: Path | None,
    pages_folder: Path | None,
    **given: Any,
) -> None:
    """Measure contenders over photos, each in a process of its own, in turns.

    A contender is edgereader (the default), nothing (the harness itself), pytorch, pytorch-compile, tesseract,
    tesseract-sweep, rapidocr, easyocr or onnxtr. Every combination of BUNDLE, --backend, --precision, --threads and
    --streams is one. One that cannot run is told, and left out. Photos are those that ship with the package unless
    --photos is given; they are decoded before.

    Exit codes: 0 measured, 1 a contender failed or none could run, 2 an option, a photo or a bundle is wrong.
    """
    import mlperf_loadgen  # noqa: F401, contenders need it, and this is where its absence has a good message

    writable(report_file, pages_folder, "--report")
    asked = {name: given.pop(name) for name in ("backends", "precisions", "threads", "streams", "canvas_px")}
    bundles = given.pop("bundles") or (DEFAULT_BUNDLE,)
    chosen = entries(names, Variants(bundles=bundles, pythons=interpreters(pythons), **asked))
    plan = Plan(scenarios=[name for name in SCENARIOS if name in scenarios], **given)
    report = measured(plan, chosen, folders, limit)
    click.echo(table(report))
    if report_file:
        write_json(report_file, report)
    if pages_folder:
        for path in write_pages(pages_folder, report):
            say(f"report: {path}")
    outcomes = {contender.outcome for contender in report.contenders}
    if "failed" in outcomes or "ran" not in outcomes:
        sys.exit(1)


def measured(plan: Plan, chosen: Sequence[Entry], folders: Sequence[str], limit: int | None) -> Report:
    """Return what was measured; a temporary folder holds all that processes write."""
    photos = find(folders, limit)
    with tempfile.TemporaryDirectory(prefix="edgereader-bench-") as temporary:
        pixels = decode(photos, folders, Path(temporary) / "pixels")
        load = busy()
        found = Bench(plan, photos, pixels, Path(temporary)).run(chosen)
    return Report(
        command=command_line(),
        date=now(),
        machine=this_machine(),
        photos=pixels.facts,
        turns=plan.turns,
        load=load,
        contenders=found,
    )


@dataclass(frozen=True)
class Variants:
    """What was asked for on the command line; each combination is a contender."""

    bundles: Sequence[str] = (DEFAULT_BUNDLE,)
    backends: Sequence[str] = ()
    precisions: Sequence[str] = ()
    threads: Sequence[int] = ()
    streams: Sequence[int] = ()
    canvas_px: int | None = None
    pythons: Mapping[str, str] = field(default_factory=dict)
    """Contender → the interpreter of the virtual environment that has it."""


def entries(names: Iterable[str], variants: Variants) -> list[Entry]:
    """Return all contenders that were asked for; where none was, EdgeReader.

    Raises:
        BundleError: no such bundle, or it has no such precision.
    """
    for bundle in variants.bundles:
        opened = Bundle.open(bundle)
        for precision in variants.precisions:
            check_files(opened, precision)
    wanted = itertools.chain.from_iterable(OPENERS if name == ALL else [name] for name in names)
    return [entry for name in dict.fromkeys(wanted) or ["edgereader"] for entry in _variants(name, variants)]


def _variants(name: str, variants: Variants) -> Iterator[Entry]:
    """Yield the combinations for a contender: of threads and streams for all, of bundles for those that run one."""
    labels = short(variants.bundles) if name in RUN_BUNDLES else {DEFAULT_BUNDLE: None}
    ours = name == "edgereader"
    for bundle, backend, precision, threads, streams in itertools.product(
        labels,
        (ours and dict.fromkeys(variants.backends)) or (None,),
        (ours and dict.fromkeys(variants.precisions)) or (None,),
        dict.fromkeys(variants.threads) or (0,),
        dict.fromkeys(variants.streams) or (1,),
    ):
        counted = [(threads, "thread", variants.threads), (streams, "stream", variants.streams)]
        words = [f"{count or 'all'} {what}{'s' * (count != 1)}" for count, what, asked in counted if len(asked) > 1]
        yield Entry(
            name=" ".join(filter(None, (name, labels[bundle], backend, precision, *words))),
            contender=name,
            options=Options(
                bundle=bundle,
                backend=backend or "auto",
                precision=precision,
                canvas_px=variants.canvas_px,
                threads=threads,
            ),
            python=variants.pythons.get(name, sys.executable),
            streams=streams,
        )


def short(bundles: Sequence[str]) -> dict[str, str | None]:
    """Return the bundles' names in a report: their folder's, or the path where two have the same; None for one."""
    names = {bundle: Path(bundle).name for bundle in bundles}
    if len(names) == 1:
        return dict.fromkeys(names)
    counts = Counter(names.values())
    return {bundle: name if counts[name] == 1 else bundle for bundle, name in names.items()}


def interpreters(given: Iterable[str]) -> dict[str, str]:
    """Return contender → interpreter, of NAME=PATH.

    Raises:
        DatasetError: not in this form, no such contender, or no such file.
    """
    found = {}
    for words in given:
        name, _, path = words.partition("=")
        if name not in OPENERS or not Path(path).is_file():
            raise DatasetError(f"--python {words}: expected a contender's name, =, and the path of an interpreter")
        found[name] = path
    return found


def table(report: Report) -> str:
    """Lay out a line for each that ran and scenario, and below them stages, reasons, and what did not run."""
    ran = [contender for contender in report.contenders if contender.outcome == "ran"]
    base = next((contender for contender in ran if contender.kind == "edgereader"), None)
    found = [(contender, scenario) for contender in ran for scenario in contender.scenarios]
    lines = []
    if found:
        lines.append(columns([HEAD, *(_row(contender, scenario, base) for contender, scenario in found)], range(3)))
    if found and base is not None:
        lines.append(
            f"times: p50 (Offline: seconds a photo) as a multiple of {base.name}'s, over the queries that both answered"
        )
    for contender in ran:
        if stages := contender.stages:
            parts = ", ".join(f"{stage.stage} {stage.mean_ms:.2f}" for stage in stages.stages)
            lines.append(
                f"{contender.name}: {parts}; sum {stages.sum_ms:.2f} of {stages.whole_ms:.2f} ms, "
                f"{stages.outside_networks:.1%} of it after decoding outside the networks"
            )
    for contender, scenario in found:
        if not scenario.valid:
            lines.append(f"{contender.name}, {scenario.scenario}: INVALID: {'; '.join(scenario.reasons)}")
    lines += [f"{one.name}: {one.outcome}: {one.reason}" for one in report.contenders if one not in ran]
    return "\n".join(lines)


def _row(contender: Contender, scenario: Scenario, base: Contender | None) -> tuple[str, ...]:
    memory, cold, accuracy = contender.memory, contender.cold_start, contender.accuracy
    latencies = (scenario.p50_ms, scenario.p90_ms, scenario.p99_ms, scenario.p999_ms)
    return (
        contender.name,
        scenario.scenario,
        "VALID" if scenario.valid else "INVALID",
        *(f"{latency:.2f}" for latency in latencies),
        f"{scenario.samples_per_s:.2f}",
        _times(scenario, base),
        "" if memory is None else f"{memory.peak_mib:.0f}",
        "" if cold is None else f"{cold.p50_s:.2f}",
        "" if accuracy is None or accuracy.recall is None else f"{accuracy.recall:.1%}",
        "" if accuracy is None or accuracy.precision is None else f"{accuracy.precision:.1%}",
    )


def _times(scenario: Scenario, base: Contender | None) -> str:
    """Return how many times as long as EdgeReader a photo takes in the same scenario."""
    same = next((other for other in base.scenarios if other.scenario == scenario.scenario), None) if base else None
    if same is None:
        return ""
    offline = scenario.scenario == "Offline"
    return f"{same.samples_per_s / scenario.samples_per_s if offline else times_as_long(scenario, same):.2f}"


@bench.command()
@click.argument("files", nargs=-1, required=True, type=PATH, metavar="FILE.json...")
@click.option("--to", "folder", required=True, type=PATH, help="Folder for report.html and report.md.")
def report(files: tuple[Path, ...], folder: Path) -> None:
    """Write a page with charts, and the same tables as Markdown, from measured figures.

    FILE.json is what `edgereader bench`, `bench growth`, `bench soak` and `bench stream` wrote with --json: one of
    each, or fewer.

    Exit codes: 0 written, 2 nothing written because a file is wrong or two are of one kind.
    """
    if folder.exists() and not folder.is_dir():
        raise DatasetError(f"--to {folder}: expected a folder, got a file; choose another path")
    found: dict[type[Figures], Figures] = {}
    for path in files:
        figures = read_figures(path)
        if type(figures) in found:
            kind = type(figures).__name__.lower()
            raise DatasetError(f"{path}: expected one {kind} a page, got a second; give each a page of its own")
        found[type(figures)] = figures
    made = (found.get(kind) for kind in (Report, Growth, Soak, Stream))
    for path in write_pages(folder, *made):  # type: ignore[arg-type]  # each is of its key's type
        click.echo(path)


@bench.command()
@click.argument("file", type=PATH, default=Path("docs/benchmarks.md"), metavar="[DOCUMENT]")
@click.option("--results", type=PATH, default=Path("benchmarks/results"), show_default=True, help="Committed figures.")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if something would change.")
def readme(file: Path, results: Path, check: bool) -> None:
    """Write DOCUMENT's part about speed, from committed figures.

    DOCUMENT is docs/benchmarks.md unless it is given; the part lies between <!-- bench:begin --> and
    <!-- bench:end -->.

    Figures are bench.json, bench-wide.json, bench-streams.json, bench-published.json, agreement.json, growth.json,
    soak.json, stream.json and troubles.json, as far as they are there.

    Exit codes: 0 written or up to date, 1 not up to date (with --check), 2 nothing written because there are no
    figures, or a file or its markers are wrong.
    """
    text = renewed(file, results)
    if file.read_text(encoding="utf-8") == text:
        return
    click.echo(f"{'not up to date' if check else 'written'}: {file}")
    if check:
        sys.exit(1)
    write_file(file, text)
