"""What a report says about a contender, found where it lies."""

from collections.abc import Sequence

from ..machine import Machine
from ..speed.results import Contender, Report, Scenario, ScenarioName, times_as_long


def timed(report: Report) -> list[Contender]:
    """The contenders with figures, without the one that does nothing."""
    return [each for each in report.contenders if each.outcome == "ran" and each.kind != "nothing"]


def scenario_of(contender: Contender, name: ScenarioName = "SingleStream") -> Scenario | None:
    """What LoadGen found in a scenario, if it ran."""
    return next((each for each in contender.scenarios if each.scenario == name), None)


def in_scenario(report: Report, name: ScenarioName) -> list[tuple[Contender, Scenario]]:
    """The contenders that ran a scenario, the fastest at p50 first."""
    found = [(each, scenario) for each in timed(report) if (scenario := scenario_of(each, name))]
    return sorted(found, key=lambda pair: pair[1].p50_ms)


def reference(contenders: Sequence[Contender]) -> Contender | None:
    """What others are compared with: the first edgereader that ran one photo at a time."""
    ours = [each for each in contenders if each.kind == "edgereader" and each.outcome == "ran" and scenario_of(each)]
    return next(iter(ours), None)


def times_as_slow(contender: Contender, beside: Contender | None) -> float | None:
    """How many times another's p50 a contender's p50 is, one photo at a time."""
    mine, other = scenario_of(contender), scenario_of(beside) if beside else None
    return None if mine is None or other is None or other.p50_ms <= 0 else times_as_long(mine, other)


def best_rate(contender: Contender) -> Scenario | None:
    """The scenario in which a contender read most photos a second."""
    rates = [each for each in contender.scenarios if each.scenario != "Server"]
    return max(rates, key=lambda each: each.samples_per_s, default=None)


def machine_words(machine: Machine) -> str:
    """The machine in a line."""
    return f"{machine.processor}, {machine.cores} cores, {machine.memory_gib:g} GiB, {machine.system}"


def version_words(versions: dict[str, str]) -> str:
    """Libraries and their versions in a line."""
    return ", ".join(f"{name} {version}" for name, version in versions.items())
