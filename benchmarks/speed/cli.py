"""`edgereader bench`: latency, throughput, memory and cold start of EdgeReader and others, and what compares them."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import click

from ..contenders import OPENERS
from ..record import command_line, now, this_machine, writable, write_json
from ..report.page import write_pages
from .entries import ALL, DEFAULT_BUNDLE, Entry, Variants, entries, interpreters
from .figures import BUSY, SCENARIOS, Report, ScenarioName
from .photos import decode, find
from .run import Bench, Plan
from .terminal import table

PATH = click.Path(path_type=Path)
COMMANDS = {
    "agree": "agreement",
    "compare": "compare",
    "growth": "growth",
    "readme": "report_cli",
    "report": "report_cli",
    "soak": "soak",
    "stream": "stream_cli",
}
"""Sub-command → the file of this package that has it."""


class BenchGroup(click.Group):
    """Commands that are loaded when they are used; what is none of their names goes to `run`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names."""
        return sorted({*super().list_commands(ctx), *COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command."""
        if cmd_name in COMMANDS:
            command: click.Command = getattr(import_module(f".{COMMANDS[cmd_name]}", __package__), cmd_name)
            return command
        return super().get_command(ctx, cmd_name)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `run` before arguments that begin with no command's name; --help alone is the group's."""
        if not args or (args[0] not in self.list_commands(ctx) and args[0] != "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=BenchGroup)
def bench() -> None:
    """Measure EdgeReader and others: `edgereader bench [BUNDLE]... [OPTIONS]` is `edgereader bench run ...`."""


@bench.command()
@click.argument("bundles", nargs=-1, metavar="[BUNDLE]...")
@click.option("--photos", "folders", multiple=True, help="Folder of photos, with labels.tsv or without; repeatable.")
@click.option("--limit", type=click.IntRange(min=1), help="Photos of each folder, spread evenly over it.")
@click.option(
    "--contender", "names", multiple=True, type=click.Choice([*OPENERS, ALL]), help="What is measured; repeatable."
)
@click.option("--backend", "backends", multiple=True, help="Where EdgeReader runs; repeatable.")
@click.option("--precision", "precisions", multiple=True, help="Which files of a bundle run; repeatable.")
@click.option(
    "--threads", "threads", multiple=True, type=click.IntRange(min=0), help="Of a reader; 0 = all cores; repeatable."
)
@click.option("--canvas", "canvas_px", type=click.IntRange(64, 8192), help="Longest side of what the detector sees.")
@click.option("--streams", multiple=True, type=click.IntRange(min=1), help="Readers in one process; repeatable.")
@click.option(
    "--batch", type=click.IntRange(min=1), default=8, show_default=True, help="Photos of a MultiStream query."
)
@click.option(
    "--scenario",
    "scenarios",
    multiple=True,
    type=click.Choice(SCENARIOS),
    default=("SingleStream",),
    show_default=True,
    help="Of MLPerf LoadGen; repeatable.",
)
@click.option(
    "--turns", type=click.IntRange(min=1), default=3, show_default=True, help="In which contenders alternate."
)
@click.option("--seconds", type=click.FloatRange(min=0.1), default=10.0, show_default=True, help="Of a turn.")
@click.option(
    "--target-qps", type=click.FloatRange(min=0.01), help="Server: queries a second.  [default: 70 % of SingleStream]"
)
@click.option(
    "--target-ms", type=click.FloatRange(min=0.01), help="Server: latency to keep.  [default: 10 photos' time]"
)
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
    bundles: tuple[str, ...],
    folders: tuple[str, ...],
    limit: int | None,
    names: tuple[str, ...],
    backends: tuple[str, ...],
    precisions: tuple[str, ...],
    threads: tuple[int, ...],
    canvas_px: int | None,
    streams: tuple[int, ...],
    batch: int,
    scenarios: tuple[ScenarioName, ...],
    turns: int,
    seconds: float,
    target_qps: float | None,
    target_ms: float | None,
    cold_starts: int,
    first_pass_s: float,
    timeout_s: float,
    pythons: tuple[str, ...],
    report_file: Path | None,
    pages_folder: Path | None,
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
    variants = Variants(
        bundles or (DEFAULT_BUNDLE,), backends, precisions, threads, streams, canvas_px, interpreters(pythons)
    )
    chosen = entries(names, variants)
    plan = Plan(
        scenarios=[each for each in SCENARIOS if each in scenarios],
        turns=turns, seconds=seconds, batch=batch, target_qps=target_qps, target_ms=target_ms,
        cold_starts=cold_starts, first_pass_s=first_pass_s, timeout_s=timeout_s,
    )  # fmt: skip
    report = measured(plan, chosen, folders, limit)
    click.echo(table(report))
    if report_file:
        write_json(report_file, report)
    if pages_folder:
        for path in write_pages(pages_folder, report):
            tell(f"report: {path}")
    outcomes = {each.outcome for each in report.contenders}
    if "failed" in outcomes or "ran" not in outcomes:
        sys.exit(1)


def measured(plan: Plan, chosen: Sequence[Entry], folders: Sequence[str], limit: int | None) -> Report:
    """Measure; everything that processes leave lies in a folder that is gone afterwards."""
    photos = find(folders, limit)
    with tempfile.TemporaryDirectory(prefix="edgereader-bench-") as temporary:
        pixels = decode(photos, folders, Path(temporary) / "pixels")
        load = busy()
        found = Bench(plan, photos, pixels, Path(temporary), tell).run(chosen)
    return Report(
        command=command_line(), date=now(), machine=this_machine(), photos=pixels.facts, turns=plan.turns,
        load=load, contenders=found,
    )  # fmt: skip


def tell(line: str) -> None:
    """Say how far it is."""
    click.echo(line, err=True)


def busy() -> float:
    """Warn where other processes will be measured too; how many they are."""
    load = round(os.getloadavg()[0], 1)
    if load > BUSY:
        tell(f"other processes are at work here (a load of {load:.1f}): all figures will be larger than they should be")
    return load
