"""The parts of a page that a report of `edgereader bench` fills."""

from collections.abc import Sequence
from functools import partial

from ..speed.results import SCENARIOS, Contender, Report, Scenario, ScenarioName
from ..tables import NONE, percent
from .axes import Axis, log_axis, steady
from .contender_charts import (
    SCENARIO_CLASSES,
    latency_chart,
    side,
    throughput_chart,
)
from .cost_sections import memory, stages
from .facts import best_rate, in_scenario, reference, scenario_of, timed, times_as_slow, version_words
from .nodes import Node, node
from .plots import Labelled, scatter
from .rows import NARROW_PX
from .sections import Figure, Key, Section, Table

WAYS: dict[ScenarioName, str] = {
    "SingleStream": "one photo at a time",
    "MultiStream": "several photos at once",
    "Server": "photos at random moments",
    "Offline": "all photos at once",
}
LATENCY_KEY: list[Key] = [
    ("area", "density ours", "how often, all turns"),
    ("dot", "fill ours", "p50"),
    ("bar", "fill ours", "to p90"),
    ("bar", "light ours", "to p99"),
    ("line", "thin ours", "to p99.9"),
    ("tick", "turn", "each turn's median"),
]


def bench_sections(report: Report) -> list[Section]:
    """All parts for which there are figures."""
    made = [
        summary(report), latencies(report), throughput(report), accuracy(report), memory(report), stages(report),
        contenders(report),
    ]  # fmt: skip
    return [each for each in made if each is not None and each.figures]


def summary(report: Report) -> Section:
    """Every contender in a line."""
    glance = [Figure("", summary_table(report))] if timed(report) else []
    rows = [[each.name, each.outcome, each.reason or NONE] for each in report.contenders if each.outcome != "ran"]
    missing = [Figure("Not measured", Table(["contender", "", "why"], rows))] if rows else []
    return Section("At a glance", [*glance, *missing], [_beside(report), *harness(report)])


def _beside(report: Report) -> str:
    beside = reference(timed(report))
    times = f"Times are the p50 over that of {beside.name}. " if beside else ""
    return f"{times}Milliseconds are of one photo at a time, photos a second of the scenario in which there were most."


def summary_table(report: Report) -> Table:
    """One contender a line, as in the README."""
    ran, beside = timed(report), reference(timed(report))
    header = [
        "contender", "p50 ms", "p90 ms", "p99 ms", "times", "photos/s", "peak MiB", "cold start s", "recall",
        "precision", "limit ms",
    ]  # fmt: skip
    return Table(header, [_summary_row(each, beside) for each in ran])


def _summary_row(contender: Contender, beside: Contender | None) -> list[str]:
    single, rate = scenario_of(contender), best_rate(contender)
    times = [steady(each) for each in (single.p50_ms, single.p90_ms, single.p99_ms)] if single else [NONE] * 3
    slow, memory, cold = times_as_slow(contender, beside), contender.memory, contender.cold_start
    accuracy = contender.accuracy
    return [
        contender.name,
        *times,
        f"{slow:.2f}" if slow else NONE,
        steady(rate.samples_per_s) if rate else NONE,
        f"{memory.peak_mib:.0f}" if memory else NONE,
        f"{cold.p50_s:.2f}" if cold else NONE,
        percent(accuracy.recall) if accuracy else NONE,
        percent(accuracy.precision) if accuracy else NONE,
        limit(contender),
    ]


def limit(contender: Contender) -> str:
    """What the processor's peak would allow, and the share of it that was reached."""
    single = scenario_of(contender)
    if contender.work is None:
        return NONE
    share = f" ({100 * contender.work.limit_ms / single.p50_ms:.0f} %)" if single and single.p50_ms > 0 else ""
    return f"{steady(contender.work.limit_ms)}{share}"


def harness(report: Report) -> list[str]:
    """What the measuring itself costs."""
    found = [each for each in report.contenders if each.kind == "nothing" and each.outcome == "ran"]
    costs = [(each, scenario) for each in found if (scenario := scenario_of(each))]
    return [
        f"The harness alone ({each.name}) takes {steady(scenario.p50_ms)} ms a photo at p50 and "
        f"{steady(scenario.p99_ms)} ms at p99; it is left out of charts and tables."
        for each, scenario in costs
    ]


def latencies(report: Report) -> Section | None:
    """Distributions, a chart for each scenario that has latencies."""
    made = []
    for name in SCENARIOS:
        found = in_scenario(report, name)
        if not found:
            continue
        title = f"{name}: {WAYS[name]}"
        chart = [latency_chart(f"Latencies, {title}", found)] if name != "Offline" else []
        limits: list[Key] = [("line", "limit", "physical limit")] if any(each.work for each, _ in found) else []
        key = [*LATENCY_KEY, *limits] if chart else []
        made.append(Figure(title, _scenario_table(found), chart, key, _reasons(found)))
    return Section("Latency", made, _limit_words(report)) if made else None


def _limit_words(report: Report) -> list[str]:
    works = [
        f"{each.name}: {steady(each.work.gop_per_frame)} billion operations a photo over {steady(each.work.peak_gops)} "
        "billion a second"
        for each in timed(report)
        if each.work
    ]
    if not works:
        return []
    return [f"Physical limit: the networks' operations over this machine's measured peak. {'; '.join(works)}."]


def _scenario_table(found: Sequence[tuple[Contender, Scenario]]) -> Table:
    header = ["contender", "LoadGen", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "photos/s", "turns' photos/s", "asked"]
    rows = [
        [
            each.name,
            "VALID" if scenario.valid else "INVALID",
            *_percentiles(scenario),
            steady(scenario.samples_per_s),
            ", ".join(map(steady, scenario.turns_samples_per_s)),
            _asked(scenario),
        ]
        for each, scenario in found
    ]
    return Table(header, rows)


def _percentiles(scenario: Scenario) -> list[str]:
    """Offline, everything is one query: its latency is that of all photos."""
    found = (scenario.p50_ms, scenario.p90_ms, scenario.p99_ms, scenario.p999_ms)
    return [NONE] * 4 if scenario.scenario == "Offline" else [steady(each) for each in found]


def _asked(scenario: Scenario) -> str:
    if scenario.target_qps is not None:
        return f"{steady(scenario.target_qps)} queries/s"
    return f"{scenario.samples_per_query} photos a query" if scenario.samples_per_query > 1 else NONE


def _reasons(found: Sequence[tuple[Contender, Scenario]]) -> list[str]:
    by_reason: dict[str, list[str]] = {}
    for each, scenario in found:
        if not scenario.valid:
            by_reason.setdefault(" ".join(scenario.reasons) or "LoadGen gives no reason", []).append(each.name)
    return [f"INVALID: {', '.join(names)}. {reason}" for reason, names in by_reason.items()]


def throughput(report: Report) -> Section | None:
    """Photos a second in each scenario."""
    ran = [each for each in timed(report) if any(one.scenario in SCENARIO_CLASSES for one in each.scenarios)]
    if not ran:
        return None
    key: list[Key] = [
        ("bar", colour, f"{name}: {WAYS[name]}")
        for name, colour in SCENARIO_CLASSES.items()
        if any(scenario_of(each, name) for each in ran)
    ]
    shown = [name for name in SCENARIOS if any(scenario_of(each, name) for each in ran)]
    rows = [[each.name, *(_rate(scenario_of(each, name)) for name in shown)] for each in ran]
    chart = throughput_chart("Photos a second, each contender", ran)
    table = Table(["contender", *shown], rows)
    return Section("Throughput", [Figure("Photos a second", table, [chart], [*key, ("tick", "turn", "each turn")])])


def _rate(scenario: Scenario | None) -> str:
    if scenario is None:
        return NONE
    return (
        f"{steady(scenario.samples_per_s)} (×{scenario.samples_per_query})"
        if scenario.samples_per_query > 1
        else (steady(scenario.samples_per_s))
    )


def accuracy(report: Report) -> Section | None:
    """What was read right, against the time it took."""
    found = [(each, scenario) for each, scenario in in_scenario(report, "SingleStream") if each.accuracy]
    if not found:
        return None
    charts = [_against(found, what) for what in ("recall", "precision")]
    rows = [
        [
            each.name, steady(scenario.p50_ms), percent(each.accuracy.recall), percent(each.accuracy.precision),
            f"{each.accuracy.false_numbers_per_image:.2f}", str(each.accuracy.labels),
        ]
        for each, scenario in found
        if each.accuracy
    ]  # fmt: skip
    header = ["contender", "p50 ms", "recall", "precision", "false numbers a photo", "labels"]
    made = [chart for chart in charts if chart is not None]
    remark = "Up and left is better. Recall: numbers read, of those labelled; precision: right ones, of those read."
    return Section(
        "Accuracy against latency", [Figure("The photos that were timed", Table(header, rows), made)], [remark]
    )


def _against(found: Sequence[tuple[Contender, Scenario]], what: str) -> Node | None:
    points = [
        Labelled(each.name, scenario.p50_ms, 100 * value, side(each))
        for each, scenario in found
        if each.accuracy and (value := getattr(each.accuracy, what)) is not None
    ]
    if not points:
        return None
    x, y = partial(log_axis, [each.x for each in points], margin=1.6), partial(Axis, 0, 104)
    units = ("p50 ms a photo, logarithmic", f"{what}, %")
    return node("div", scatter(f"{what} against latency", points, x, y, units, NARROW_PX), class_="chart half")


def contenders(report: Report) -> Section:
    """What took part, and how it was set."""
    rows = [
        [
            each.name, each.backend or NONE, each.precision or NONE, str(each.threads or "all"), str(each.streams),
            version_words(each.versions) or NONE,
        ]
        for each in report.contenders
        if each.outcome == "ran"
    ]  # fmt: skip
    header = ["contender", "backend", "precision", "threads", "streams", "versions"]
    return Section("Contenders", [Figure("", Table(header, rows))] if rows else [])
