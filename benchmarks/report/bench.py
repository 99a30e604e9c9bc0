"""The parts of a page that a report of `edgereader bench` fills."""

from collections.abc import Sequence

from ...export.card import NONE, percent
from ..speed.results import SCENARIOS, STAGES, Contender, Report, Scenario, ScenarioName
from ..tables import steady, version_words
from .charts import Line, scatter
from .contender_charts import (
    SCENARIO_COLOURS,
    cold_chart,
    latency_chart,
    memory_chart,
    side,
    stage_chart,
    throughput_chart,
)
from .facts import contender_table, in_scenario, reference, scenario_of, timed
from .sections import Figure, Section, Table

WAYS: dict[ScenarioName, str] = {
    "SingleStream": "one photo at a time",
    "MultiStream": "several photos at once",
    "Server": "photos at random moments",
    "Offline": "all photos at once",
}
STAGES_REMARK = (
    "In the table, means, and medians in brackets. Outside networks: fit, boxes, cut and text, of the time from a "
    "decoded photo to its readings."
)


def bench_sections(report: Report) -> list[Section]:
    """Return all parts for which there are figures."""
    made = [summary(report), latencies(report), throughput(report), accuracy(report), costs(report), stages(report),
            contenders(report)]  # fmt: skip
    return [section for section in made if section.figures]


def summary(report: Report) -> Section:
    """Return every contender in a line, and those without figures."""
    ran, beside = timed(report), reference(timed(report))
    rows = [
        [contender.name, contender.outcome, contender.reason or NONE]
        for contender in report.contenders
        if contender.outcome != "ran"
    ]
    figures = [Figure("", contender_table(report))] if ran else []
    figures += [Figure("Not measured", Table(["contender", "", "why"], rows))] if rows else []
    times = f"Times are the p50 over that of {beside.name}. " if beside else ""
    remark = (
        f"{times}Milliseconds are of one photo at a time, photos a second of the scenario in which there were most."
    )
    return Section("At a glance", figures, [remark, *_harness(report)])


def _harness(report: Report) -> list[str]:
    """Return what the measuring itself costs."""
    found = [contender for contender in report.contenders if contender.kind == "nothing" and contender.outcome == "ran"]
    return [
        f"The harness alone ({contender.name}) takes {steady(scenario.p50_ms)} ms a photo at p50 and "
        f"{steady(scenario.p99_ms)} ms at p99; it is left out of charts and tables."
        for contender in found
        if (scenario := scenario_of(contender))
    ]


def latencies(report: Report) -> Section:
    """Return distributions, a chart for each scenario that has latencies."""
    made = []
    for name in SCENARIOS:
        if found := in_scenario(report, name):
            title = f"{name}: {WAYS[name]}"
            charts = [latency_chart(f"Latencies, {title}", found)] if name != "Offline" else []
            made.append(Figure(title, _scenario_table(found), charts, _reasons(found)))
    works = [
        f"{contender.name}: {steady(work.gop_per_frame)} billion operations a photo over {steady(work.peak_gops)} "
        "billion a second"
        for contender in timed(report)
        if (work := contender.work)
    ]
    limit = f"Physical limit: the networks' operations over this machine's measured peak. {'; '.join(works)}."
    return Section("Latency", made, [limit] if works else [])


def _scenario_table(found: Sequence[tuple[Contender, Scenario]]) -> Table:
    header = ["contender", "LoadGen", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "photos/s", "turns' photos/s", "asked"]
    rows = [
        [
            contender.name,
            "VALID" if scenario.valid else "INVALID",
            *_percentiles(scenario),
            steady(scenario.samples_per_s),
            ", ".join(map(steady, scenario.turns_samples_per_s)),
            _asked(scenario),
        ]
        for contender, scenario in found
    ]
    return Table(header, rows)


def _percentiles(scenario: Scenario) -> list[str]:
    """Return four latencies; offline, everything is one query, and its latency is that of all photos."""
    found = (scenario.p50_ms, scenario.p90_ms, scenario.p99_ms, scenario.p999_ms)
    return [NONE] * 4 if scenario.scenario == "Offline" else [steady(value) for value in found]


def _asked(scenario: Scenario) -> str:
    if scenario.target_qps is not None:
        return f"{steady(scenario.target_qps)} queries/s"
    return f"{scenario.samples_per_query} photos a query" if scenario.samples_per_query > 1 else NONE


def _reasons(found: Sequence[tuple[Contender, Scenario]]) -> list[str]:
    by_reason: dict[str, list[str]] = {}
    for contender, scenario in found:
        if not scenario.valid:
            by_reason.setdefault(" ".join(scenario.reasons) or "LoadGen gives no reason", []).append(contender.name)
    return [f"INVALID: {', '.join(names)}. {reason}" for reason, names in by_reason.items()]


def throughput(report: Report) -> Section:
    """Return photos a second in each scenario."""
    ran = [
        contender
        for contender in timed(report)
        if any(scenario.scenario in SCENARIO_COLOURS for scenario in contender.scenarios)
    ]
    if not ran:
        return Section("Throughput", [])
    shown = [name for name in SCENARIOS if any(scenario_of(contender, name) for contender in ran)]
    rows = [[contender.name, *(_rate(scenario_of(contender, name)) for name in shown)] for contender in ran]
    chart = throughput_chart("Photos a second, each contender", ran)
    return Section("Throughput", [Figure("Photos a second", Table(["contender", *shown], rows), [chart])])


def _rate(scenario: Scenario | None) -> str:
    if scenario is None:
        return NONE
    photos = f" (×{scenario.samples_per_query})" if scenario.samples_per_query > 1 else ""
    return steady(scenario.samples_per_s) + photos


def accuracy(report: Report) -> Section:
    """Return what was read right, against the time it took."""
    found = [(contender, scenario) for contender, scenario in in_scenario(report, "SingleStream") if contender.accuracy]
    rows = [
        [
            contender.name, steady(scenario.p50_ms), percent(read.recall), percent(read.precision),
            f"{read.false_numbers_per_image:.2f}", str(read.labels),
        ]
        for contender, scenario in found
        if (read := contender.accuracy)
    ]  # fmt: skip
    header = ["contender", "p50 ms", "recall", "precision", "false numbers a photo", "labels"]
    charts = [chart for what in ("recall", "precision") for chart in _against(found, what)]
    remark = "Up and left is better. Recall: numbers read, of those labelled; precision: right ones, of those read."
    figure = Figure("The photos that were timed", Table(header, rows), charts)
    return Section("Accuracy against latency", [figure] if rows else [], [remark])


def _against(found: Sequence[tuple[Contender, Scenario]], what: str) -> list[str]:
    points = [
        Line(contender.name, [(scenario.p50_ms, 100 * value)], side(contender))
        for contender, scenario in found
        if (value := getattr(contender.accuracy, what)) is not None
    ]
    units = ("p50 ms a photo, logarithmic", f"{what}, %")
    return [scatter(f"{what} against latency", points, units, top=104)] if points else []


def costs(report: Report) -> Section:
    """Return what processes hold and use, and how long they take to start."""
    figures = []
    if holding := [(contender, contender.memory) for contender in timed(report) if contender.memory]:
        header = ["contender", "loaded MiB", "steady MiB", "peak MiB", "GPU MiB", "blocks more a photo"]
        rows = [
            [
                contender.name, *(f"{value:.0f}" for value in (held.loaded_mib, held.steady_mib, held.peak_mib)),
                NONE if held.device_mib is None else f"{held.device_mib:.0f}",
                NONE if held.allocations_per_frame is None else f"{held.allocations_per_frame:.2f}",
            ]
            for contender, held in holding
        ]  # fmt: skip
        figures.append(Figure("Resident memory", Table(header, rows), [memory_chart("Memory", holding)]))
    if starting := [(contender, contender.cold_start) for contender in timed(report) if contender.cold_start]:
        rows = [
            [contender.name, f"{cold.p50_s:.2f}", ", ".join(map(steady, cold.times_s))] for contender, cold in starting
        ]
        table = Table(["contender", "median s", "each start s"], rows)
        title = "Cold start: a fresh process to its first readings"
        figures.append(Figure(title, table, [cold_chart("Cold start", starting)]))
    return Section("Memory, start, power", [*figures, *_power(report)])


def _power(report: Report) -> list[Figure]:
    rows = [
        [
            contender.name, *(
                [steady(contender.power.watts), steady(contender.power.joules_per_frame), contender.power.source]
                if contender.power else [NONE] * 3
            ),
            ", ".join(f"{clock:.0f}" for clock in contender.clocks_mhz) or NONE,
        ]
        for contender in timed(report)
        if contender.power or contender.clocks_mhz
    ]  # fmt: skip
    header = ["contender", "watts", "joules a photo", "told by", "clocks MHz"]
    return [Figure("Power and clocks", Table(header, rows))] if rows else []


def stages(report: Report) -> Section:
    """Return where a photo's time goes."""
    found = [(contender, contender.stages) for contender in timed(report) if contender.stages]
    shown = [name for name in STAGES if any(stage.stage == name for _, spent in found for stage in spent.stages)]
    rows = []
    for contender, spent in found:
        means = {stage.stage: f"{steady(stage.mean_ms)} ({steady(stage.p50_ms)})" for stage in spent.stages}
        apart = spent.sum_ms / spent.whole_ms - 1 if spent.whole_ms > 0 else 0
        whole = f"{steady(spent.whole_ms)} ({apart:+.1%})"
        cells = [means.get(name, NONE) for name in shown]
        rows.append([contender.name, *cells, steady(spent.sum_ms), whole, percent(spent.outside_networks)])
    header = ["contender", *(f"{name} ms" for name in shown), "sum ms", "whole ms (sum beside it)", "outside networks"]
    charts = [stage_chart("Stages of a photo", found)] if found else []
    figure = Figure("Mean time of each stage", Table(header, rows), charts)
    return Section("Stages", [figure] if found else [], [STAGES_REMARK])


def contenders(report: Report) -> Section:
    """Return what took part, and how it was set."""
    rows = [
        [
            contender.name, contender.backend or NONE, contender.precision or NONE, str(contender.threads or "all"),
            str(contender.streams), version_words(contender.versions) or NONE,
        ]
        for contender in report.contenders
        if contender.outcome == "ran"
    ]  # fmt: skip
    header = ["contender", "backend", "precision", "threads", "streams", "versions"]
    return Section("Contenders", [Figure("", Table(header, rows))] if rows else [])
