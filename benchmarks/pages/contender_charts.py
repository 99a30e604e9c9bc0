"""Charts with a row for each contender: latencies, throughput, memory, cold starts, stages."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from ..speed.results import STAGES, ColdStart, Contender, Memory, Scenario, ScenarioName, Stages, Work
from .axes import Axis, log_axis, steady, width_px, zero_axis
from .nodes import Node, node, path
from .rows import Row, bar, dot, line, row_chart, words

BINS = 72
SCENARIO_CLASSES: dict[ScenarioName, str] = {"SingleStream": "c0", "MultiStream": "c1", "Offline": "c2"}
"""Those whose throughput is the contender's own; a Server's is what was asked for."""


def side(contender: Contender) -> str:
    """The class that colours a contender."""
    return "ours" if contender.kind == "edgereader" else "theirs"


def latency_chart(title: str, found: Sequence[tuple[Contender, Scenario]]) -> Node:
    """How latencies are distributed."""
    values = [value for contender, scenario in found for value in _edges(contender, scenario)]
    rows = [
        Row(each.name, f"p50 {steady(scenario.p50_ms)} ms", partial(_latency, each, scenario), side(each) == "ours")
        for each, scenario in found
    ]
    return row_chart(title, rows, partial(log_axis, values), f"ms a {asked(found)}, logarithmic", 46)


def _edges(contender: Contender, scenario: Scenario) -> list[float]:
    times = [time for turn in scenario.times_ms for time in turn]
    lowest = [float(np.percentile(times, 0.5))] if times else []
    limit = [_limit_ms(contender.work, scenario)] if contender.work else []
    return [*lowest, *limit, scenario.p50_ms, scenario.p90_ms, scenario.p99_ms, scenario.p999_ms]


def _limit_ms(work: Work, scenario: Scenario) -> float:
    return work.limit_ms * scenario.samples_per_query


def asked(found: Sequence[tuple[Contender, Scenario]]) -> str:
    """What a query asks for, in words."""
    counts = {scenario.samples_per_query for _, scenario in found}
    return "photo" if counts == {1} else f"query of {'/'.join(map(str, sorted(counts)))} photos"


def _latency(contender: Contender, scenario: Scenario, axis: Axis, top: float) -> list[Node]:
    base, colour = top + 26, side(contender)
    p50, p90, p99, p999 = map(axis.at, (scenario.p50_ms, scenario.p90_ms, scenario.p99_ms, scenario.p999_ms))
    marks = [
        *_density(axis, scenario, base, f"density {colour}"),
        line(p99, base + 7, p999, base + 7, f"thin {colour}"),
        line(p999, base + 3, p999, base + 11, f"thin {colour}", f"p99.9 {steady(scenario.p999_ms)} ms"),
        bar(p90, p99, base + 5, 4, f"light {colour}", f"p90 to p99 {steady(scenario.p99_ms)} ms"),
        bar(p50, p90, base + 3, 8, f"fill {colour}", f"p50 to p90 {steady(scenario.p90_ms)} ms"),
        dot(p50, base + 7, 5, f"fill ringed {colour}", f"p50 {steady(scenario.p50_ms)} ms"),
    ]
    for index, turn in enumerate(scenario.times_ms):
        if turn:
            median = float(np.median(turn))
            x, hint = axis.at(median), f"turn {index + 1}: median {steady(median)} ms"
            marks.append(line(x, base + 14, x, base + 21, "turn", hint))
    if contender.work:
        x = axis.at(_limit_ms(contender.work, scenario))
        hint = f"physical limit {steady(_limit_ms(contender.work, scenario))} ms"
        marks.append(line(x, top, x, base + 21, "limit", hint))
    return marks


def _density(axis: Axis, scenario: Scenario, base: float, class_: str) -> list[Node]:
    times = np.array([time for turn in scenario.times_ms for time in turn if time > 0])
    if len(times) < 8:
        return []
    edges = np.linspace(np.log(axis.low), np.log(axis.high), BINS + 1)
    counts = np.convolve(np.histogram(np.log(times), edges)[0], [0.25, 0.5, 0.25], "same")
    x = axis.start + (np.arange(BINS) + 0.5) / BINS * (axis.end - axis.start)
    inside = np.flatnonzero(counts)
    first, last = max(0, inside[0] - 1), min(BINS - 1, inside[-1] + 1)
    y = base - 24 * counts / counts.max()
    shape = [(x[first], base), *zip(x[first : last + 1], y[first : last + 1], strict=True), (x[last], base)]
    return [node("path", d=path(shape, closed=True), class_=class_)]


def throughput_chart(title: str, contenders: Sequence[Contender]) -> Node:
    """Photos a second, a bar for each scenario."""
    values = [scenario.samples_per_s for each in contenders for scenario in each.scenarios]
    most = max(len(_own(each)) for each in contenders)
    rows = [Row(each.name, _streams(each), partial(_throughput, each), side(each) == "ours") for each in contenders]
    return row_chart(title, rows, lambda start, end: zero_axis(values, start, end - 44), "photos a second", most * 15)


def _own(contender: Contender) -> list[Scenario]:
    return [each for each in contender.scenarios if each.scenario in SCENARIO_CLASSES]


def _streams(contender: Contender) -> str:
    threads = f"{contender.threads or 'all'} thread{'s' * (contender.threads != 1)}"
    return f"{contender.streams} streams, {threads} each" if contender.streams > 1 else threads


def _throughput(contender: Contender, axis: Axis, top: float) -> list[Node]:
    marks = []
    for index, scenario in enumerate(_own(contender)):
        y, end = top + 15 * index, axis.at(scenario.samples_per_s)
        hint = f"{scenario.scenario}: {steady(scenario.samples_per_s)} photos/s"
        marks.append(bar(axis.start, end, y, 12, SCENARIO_CLASSES[scenario.scenario], hint))
        turns = map(axis.at, scenario.turns_samples_per_s)
        marks += [line(x, y + 3, x, y + 9, "turn inside") for x in turns]
        marks.append(words(end + 5, y + 10, steady(scenario.samples_per_s), "value"))
    return marks


def memory_chart(title: str, found: Sequence[tuple[Contender, Memory]]) -> Node:
    """What a contender's process holds."""
    values = [value for _, memory in found for value in (memory.peak_mib, memory.device_mib or 0)]
    rows = [
        Row(each.name, f"{steady(memory.peak_mib)} MiB", partial(_memory, each, memory), side(each) == "ours")
        for each, memory in found
    ]
    return row_chart(title, rows, partial(zero_axis, values, margin=1.02), "MiB", 24)


def _memory(contender: Contender, memory: Memory, axis: Axis, top: float) -> list[Node]:
    loaded, colour = axis.at(memory.loaded_mib), side(contender)
    return [
        bar(axis.start, axis.at(memory.peak_mib), top + 3, 18, f"light {colour}", f"peak {memory.peak_mib:.0f} MiB"),
        bar(axis.start, axis.at(memory.steady_mib), top + 7, 10, f"fill {colour}", f"at last {memory.steady_mib:.0f}"),
        line(loaded, top + 3, loaded, top + 21, "loaded", f"loaded {memory.loaded_mib:.0f} MiB"),
    ]


def cold_chart(title: str, found: Sequence[tuple[Contender, ColdStart]]) -> Node:
    """How long a fresh process takes to its first readings."""
    values = [value for _, cold in found for value in cold.times_s]
    rows = [
        Row(each.name, f"{steady(cold.p50_s)} s", partial(_cold, each, cold), side(each) == "ours")
        for each, cold in found
    ]
    return row_chart(title, rows, partial(zero_axis, values, margin=1.02), "seconds", 24)


def _cold(contender: Contender, cold: ColdStart, axis: Axis, top: float) -> list[Node]:
    colour = side(contender)
    marks = [bar(axis.start, axis.at(cold.p50_s), top + 6, 12, f"light {colour}", f"median {steady(cold.p50_s)} s")]
    return marks + [
        dot(axis.at(each), top + 12, 4.5, f"fill ringed {colour}", f"{steady(each)} s") for each in cold.times_s
    ]


def stage_chart(title: str, found: Sequence[tuple[Contender, Stages]]) -> Node:
    """Where a photo's time goes, over a line for the whole."""
    values = [value for _, stages in found for value in (stages.sum_ms, stages.whole_ms)]
    rows = [Row(each.name, _compared(stages), partial(_stages, stages), ours=True) for each, stages in found]
    return row_chart(title, rows, partial(zero_axis, values, margin=1.02), "ms a photo, means", 32)


def _compared(stages: Stages) -> str:
    return f"sum {steady(stages.sum_ms)}, whole {steady(stages.whole_ms)} ms"


def _stages(stages: Stages, axis: Axis, top: float) -> list[Node]:
    marks, before = [], 0.0
    for stage in stages.stages:
        x1, x2 = axis.at(before), axis.at(before + stage.mean_ms)
        colour = f"s{STAGES.index(stage.stage)}" if stage.stage in STAGES else "s0"
        marks.append(bar(x1, x2, top, 20, f"{colour} part", f"{stage.stage} {steady(stage.mean_ms)} ms"))
        if x2 - x1 > width_px(stage.stage) + 8:
            marks.append(words((x1 + x2) / 2, top + 14, stage.stage, "on-bar", "middle"))
        before += stage.mean_ms
    end = axis.at(stages.whole_ms)
    marks.append(line(axis.start, top + 27, end, top + 27, "whole", f"whole {steady(stages.whole_ms)} ms"))
    marks.append(line(end, top + 22, end, top + 32, "whole"))
    return marks
