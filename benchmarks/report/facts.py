"""What a report of `edgereader bench` says about its contenders, found where it lies."""

from collections.abc import Sequence

from ...export.card import NONE, percent
from ..speed.results import Contender, Report, Scenario, ScenarioName, times_as_long
from ..tables import steady
from .sections import Table


def timed(report: Report) -> list[Contender]:
    """Return the contenders with figures, without the one that does nothing."""
    return [contender for contender in report.contenders if contender.outcome == "ran" and contender.kind != "nothing"]


def scenario_of(contender: Contender, name: ScenarioName = "SingleStream") -> Scenario | None:
    """Return what LoadGen found in a scenario, if it ran."""
    return next((scenario for scenario in contender.scenarios if scenario.scenario == name), None)


def in_scenario(report: Report, name: ScenarioName) -> list[tuple[Contender, Scenario]]:
    """Return the contenders that ran a scenario, the fastest at p50 first."""
    found = [(contender, scenario) for contender in timed(report) if (scenario := scenario_of(contender, name))]
    return sorted(found, key=lambda pair: pair[1].p50_ms)


def reference(contenders: Sequence[Contender]) -> Contender | None:
    """Return what others are compared with: the first edgereader that ran one photo at a time."""
    return next(
        (contender for contender in contenders if contender.kind == "edgereader" and scenario_of(contender)), None
    )


def times_as_slow(contender: Contender, beside: Contender | None) -> float | None:
    """Return how many times another's p50 a contender's p50 is, one photo at a time."""
    mine, other = scenario_of(contender), scenario_of(beside) if beside else None
    return None if mine is None or other is None or other.p50_ms <= 0 else times_as_long(mine, other)


def best_rate(contender: Contender) -> Scenario | None:
    """Return the scenario in which a contender read most photos a second; a Server's rate is what was asked for."""
    rates = [scenario for scenario in contender.scenarios if scenario.scenario != "Server"]
    return max(rates, key=lambda scenario: scenario.samples_per_s, default=None)


def contender_table(report: Report) -> Table:
    """Return the figures that matter most, a line for each contender."""
    header = [
        "contender", "p50 / p90 / p99 ms", "photos/s", "times", "limit ms", "peak MiB", "cold start s",
        "recall / precision",
    ]  # fmt: skip
    ran = timed(report)
    return Table(header, [_row(contender, reference(ran)) for contender in ran])


def _row(contender: Contender, beside: Contender | None) -> list[str]:
    single, rate, slow = scenario_of(contender), best_rate(contender), times_as_slow(contender, beside)
    memory, cold, accuracy = contender.memory, contender.cold_start, contender.accuracy
    return [
        contender.name,
        " / ".join(map(steady, (single.p50_ms, single.p90_ms, single.p99_ms))) if single else NONE,
        steady(rate.samples_per_s) if rate else NONE,
        f"{slow:.2f}" if slow else NONE,
        _limit(contender, single),
        f"{memory.peak_mib:.0f}" if memory else NONE,
        f"{cold.p50_s:.2f}" if cold else NONE,
        f"{percent(accuracy.recall)} / {percent(accuracy.precision)}" if accuracy else NONE,
    ]


def _limit(contender: Contender, single: Scenario | None) -> str:
    """Return what the processor's peak would allow, and the share of it that was reached."""
    if contender.work is None:
        return NONE
    limit = contender.work.limit_ms
    share = f" ({100 * limit / single.p50_ms:.0f} %)" if single and single.p50_ms > 0 else ""
    return f"{steady(limit)}{share}"
