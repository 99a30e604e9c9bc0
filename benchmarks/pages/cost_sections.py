"""The parts of a page about what contenders hold and use, and where their time goes."""

from ..speed.results import STAGES, Report
from ..tables import NONE, percent
from .axes import steady
from .contender_charts import cold_chart, memory_chart, stage_chart
from .facts import timed
from .sections import Figure, Key, Section, Table

STAGES_REMARK = (
    "In the table, means, and medians in brackets. Outside networks: fit, boxes, cut and text, of the time from a "
    "decoded photo to its readings."
)


def memory(report: Report) -> Section | None:
    """What processes hold, and how long they take to start."""
    figures = []
    holding = [(each, each.memory) for each in timed(report) if each.memory]
    if holding:
        header = ["contender", "loaded MiB", "steady MiB", "peak MiB", "GPU MiB", "blocks more a photo"]
        rows = [
            [
                each.name, *(f"{value:.0f}" for value in (held.loaded_mib, held.steady_mib, held.peak_mib)),
                NONE if held.device_mib is None else f"{held.device_mib:.0f}",
                NONE if held.allocations_per_frame is None else f"{held.allocations_per_frame:.2f}",
            ]
            for each, held in holding
        ]  # fmt: skip
        key: list[Key] = [
            ("bar", "fill ours", "when the last turn was over"), ("bar", "light ours", "peak"),
            ("tick", "loaded", "when loaded"),
        ]  # fmt: skip
        figures.append(Figure("Resident memory", Table(header, rows), [memory_chart("Memory", holding)], key))
    starting = [(each, each.cold_start) for each in timed(report) if each.cold_start]
    if starting:
        rows = [[each.name, f"{cold.p50_s:.2f}", ", ".join(map(steady, cold.times_s))] for each, cold in starting]
        table = Table(["contender", "median s", "each start s"], rows)
        key = [("bar", "light ours", "median"), ("dot", "fill ours", "each start")]
        title = "Cold start: a fresh process to its first readings"
        figures.append(Figure(title, table, [cold_chart("Cold start", starting)], key))
    return Section("Memory, start, power", [*figures, *_power(report)])


def _power(report: Report) -> list[Figure]:
    rows = [
        [
            each.name, *(
                [steady(each.power.watts), steady(each.power.joules_per_frame), each.power.source]
                if each.power else [NONE] * 3
            ),
            ", ".join(f"{clock:.0f}" for clock in each.clocks_mhz) or NONE,
        ]
        for each in timed(report)
        if each.power or each.clocks_mhz
    ]  # fmt: skip
    header = ["contender", "watts", "joules a photo", "told by", "clocks MHz"]
    return [Figure("Power and clocks", Table(header, rows))] if rows else []


def stages(report: Report) -> Section | None:
    """Where a photo's time goes."""
    found = [(each, each.stages) for each in timed(report) if each.stages]
    if not found:
        return None
    shown = [name for name in STAGES if any(stage.stage == name for _, each in found for stage in each.stages)]
    rows = []
    for contender, each in found:
        means = {stage.stage: stage for stage in each.stages}
        cells = [
            f"{steady(means[name].mean_ms)} ({steady(means[name].p50_ms)})" if name in means else NONE for name in shown
        ]
        apart = each.sum_ms / each.whole_ms - 1 if each.whole_ms > 0 else 0
        whole = f"{steady(each.whole_ms)} ({apart:+.1%})"
        rows.append([contender.name, *cells, steady(each.sum_ms), whole, percent(each.outside_networks)])
    header = ["contender", *(f"{name} ms" for name in shown), "sum ms", "whole ms (sum beside it)", "outside networks"]
    key: list[Key] = [("bar", f"s{STAGES.index(name)}", name) for name in shown]
    key.append(("line", "whole", "the whole, measured without the stages' clocks"))
    figure = Figure("Mean time of each stage", Table(header, rows), [stage_chart("Stages of a photo", found)], key)
    return Section(
        "Stages",
        [figure],
        [STAGES_REMARK],
    )
