"""A report on the terminal: a line for each contender and scenario, and the failures."""

from ..tables import columns
from .figures import Contender, Report, Scenario, Stages
from .together import times_as_long

HEAD = (
    "contender", "scenario", "valid", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "photos/s", "times",
    "MiB", "cold s", "recall", "precision",
)  # fmt: skip
TEXTS = range(3)
"""Columns of text."""


def table(report: Report) -> str:
    """Lay out what ran, and below it what did not."""
    ran = [each for each in report.contenders if each.outcome == "ran"]
    base = next((each for each in ran if each.kind == "edgereader"), None)
    rows = [row(each, scenario, base) for each in ran for scenario in each.scenarios]
    lines = [columns([HEAD, *rows], TEXTS)] if rows else []
    if base is not None and rows:
        lines.append(
            f"times: p50 (Offline: seconds a photo) as a multiple of {base.name}'s, over the queries that both answered"
        )
    lines += [f"{each.name}: {way(each.stages)}" for each in ran if each.stages is not None]
    lines += [
        f"{each.name}, {scenario.scenario}: INVALID: {'; '.join(scenario.reasons)}"
        for each in ran
        for scenario in each.scenarios
        if not scenario.valid
    ]
    lines += [f"{each.name}: {each.outcome}: {each.reason}" for each in report.contenders if each.outcome != "ran"]
    return "\n".join(lines)


def row(contender: Contender, scenario: Scenario, base: Contender | None) -> tuple[str, ...]:
    """One contender in one scenario."""
    memory, cold, accuracy = contender.memory, contender.cold_start, contender.accuracy
    latencies = (scenario.p50_ms, scenario.p90_ms, scenario.p99_ms, scenario.p999_ms)
    return (
        contender.name,
        scenario.scenario,
        "VALID" if scenario.valid else "INVALID",
        *(f"{each:.2f}" for each in latencies),
        f"{scenario.samples_per_s:.2f}",
        _times(scenario, base),
        "" if memory is None else f"{memory.peak_mib:.0f}",
        "" if cold is None else f"{cold.p50_s:.2f}",
        "" if accuracy is None or accuracy.recall is None else f"{accuracy.recall:.1%}",
        "" if accuracy is None or accuracy.precision is None else f"{accuracy.precision:.1%}",
    )


def _times(scenario: Scenario, base: Contender | None) -> str:
    """How many times as long as EdgeReader a photo takes in the same scenario."""
    same = [each for each in base.scenarios if each.scenario == scenario.scenario] if base else []
    if not same:
        return ""
    offline = scenario.scenario == "Offline"
    times = same[0].samples_per_s / scenario.samples_per_s if offline else times_as_long(scenario, same[0])
    return f"{times:.2f}"


def way(found: Stages) -> str:
    """A photo's way, in milliseconds."""
    parts = ", ".join(f"{each.stage} {each.mean_ms:.2f}" for each in found.stages)
    return (
        f"{parts}; sum {found.sum_ms:.2f} of {found.whole_ms:.2f} ms, "
        f"{found.outside_networks:.1%} of it after decoding outside the networks"
    )
