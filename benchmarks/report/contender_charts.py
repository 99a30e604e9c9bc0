"""Charts with a row for each contender: latencies, throughput, memory, cold starts, stages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..speed.results import STAGES, ColdStart, Contender, Memory, Scenario, ScenarioName, Stages
from ..tables import steady
from .charts import (
    BLUE,
    BROWN,
    GREEN,
    GREY,
    LIMIT,
    OURS,
    PAGE,
    PURPLE,
    TEXT,
    THEIRS,
    Scale,
    legend,
    rows,
    scale,
    svg,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 72
SCENARIO_COLOURS: dict[ScenarioName, str] = {"SingleStream": OURS, "MultiStream": BLUE, "Offline": BROWN}
"""Scenarios whose throughput is the contender's own; a Server's is what was asked for."""
STAGE_COLOURS = dict(zip(STAGES, (GREY, BROWN, OURS, LIMIT, PURPLE, BLUE, GREEN), strict=True))
LIGHT = 0.38
"""Opacity of what lies beyond the most important figure."""
Draw = Callable[["Axes", int, str], None]
"""Draws the marks of a row at a height, in a colour."""


def side(contender: Contender) -> str:
    """Return the colour of a contender."""
    return OURS if contender.kind == "edgereader" else THEIRS


def _chart(
    title: str, named: Sequence[tuple[Contender, str]], unit: str, values: Sequence[float], draw: Draw,
    *, kind: Scale = "zero", row_in: float = 0.46, columns: int = 3,
) -> str:  # fmt: skip
    def drawn(axes: Axes) -> None:
        ours = [side(contender) == OURS for contender, _ in named]
        rows(axes, [(contender.name, note) for contender, note in named], ours, unit)
        scale(axes, "x", values, kind, 1.15 if kind == "log" else 1.03)
        for row, (contender, _) in enumerate(named):
            draw(axes, row, side(contender))
        legend(axes, columns)

    return svg(title, 1.15 + row_in * len(named), drawn)


def latency_chart(title: str, found: Sequence[tuple[Contender, Scenario]]) -> str:
    """Draw how latencies are distributed, beside what the processor's peak would allow."""
    photos = "/".join(map(str, sorted({scenario.samples_per_query for _, scenario in found})))
    asked = "photo" if photos == "1" else f"query of {photos} photos"
    values = [value for contender, scenario in found for value in _edges(contender, scenario)]

    def draw(axes: Axes, row: int, colour: str) -> None:
        contender, scenario = found[row]
        p50, p90, p99, p999 = scenario.p50_ms, scenario.p90_ms, scenario.p99_ms, scenario.p999_ms
        _density(axes, scenario, row, colour)
        axes.plot([p99, p999], [row, row], color=colour, linewidth=1, label="to p99.9")
        axes.barh(row, p99 - p90, 0.12, p90, color=colour, alpha=LIGHT, label="to p99")
        axes.barh(row, p90 - p50, 0.2, p50, color=colour, label="p50 to p90")
        axes.plot(p50, row, "o", color=colour, markersize=7, markeredgecolor=PAGE, label="p50")
        medians = [float(np.median(turn)) for turn in scenario.times_ms if turn]
        ticks: dict[str, Any] = {"color": TEXT, "markersize": 5, "linestyle": "none"}
        axes.plot(medians, [row + 0.28] * len(medians), "|", **ticks, label="each turn's median")
        if limit := _limit_ms(contender, scenario):
            ends = [row - 0.42, row + 0.42]
            axes.plot([limit, limit], ends, "--", color=LIMIT, linewidth=1.6, label="physical limit")

    named = [(contender, f"p50 {steady(scenario.p50_ms)} ms") for contender, scenario in found]
    return _chart(title, named, f"ms a {asked}, logarithmic", values, draw, kind="log", row_in=0.5)


def _edges(contender: Contender, scenario: Scenario) -> list[float]:
    times = [time for turn in scenario.times_ms for time in turn]
    lowest = [float(np.percentile(times, 0.5))] if times else []
    return [
        *lowest, _limit_ms(contender, scenario), scenario.p50_ms, scenario.p90_ms, scenario.p99_ms, scenario.p999_ms
    ]  # fmt: skip


def _limit_ms(contender: Contender, scenario: Scenario) -> float:
    """Return the limit of a query, which is that of all its photos; 0 where it is not known."""
    return contender.work.limit_ms * scenario.samples_per_query if contender.work else 0.0


def _density(axes: Axes, scenario: Scenario, row: int, colour: str) -> None:
    times = np.array([time for turn in scenario.times_ms for time in turn if time > 0])
    if len(times) < 8:
        return
    low, high = np.log(axes.get_xlim())
    edges = np.linspace(low, high, BINS + 1)
    counts = np.convolve(np.histogram(np.log(times), edges)[0], [0.25, 0.5, 0.25], "same")
    inside = np.flatnonzero(counts)
    part = slice(max(0, inside[0] - 1), inside[-1] + 2)
    x = np.exp((edges[1:] + edges[:-1]) / 2)[part]
    axes.fill_between(x, row, row - 0.45 * counts[part] / counts.max(), color=colour, alpha=0.2, linewidth=0)


def throughput_chart(title: str, contenders: Sequence[Contender]) -> str:
    """Draw photos a second, a bar for each scenario."""
    scenarios = [scenario for contender in contenders for scenario in contender.scenarios]
    shown = [name for name in SCENARIO_COLOURS if any(scenario.scenario == name for scenario in scenarios)]
    thick = 0.8 / len(shown)

    def draw(axes: Axes, row: int, _: str) -> None:
        for scenario in contenders[row].scenarios:
            name, turns = scenario.scenario, scenario.turns_samples_per_s
            if name not in shown:
                continue
            y = row - 0.4 + thick * (shown.index(name) + 0.5)
            bars = axes.barh(y, scenario.samples_per_s, 0.85 * thick, color=SCENARIO_COLOURS[name], label=name)
            axes.bar_label(bars, [steady(scenario.samples_per_s)], padding=3, fontsize=8.5)
            axes.plot(turns, [y] * len(turns), "|", color=PAGE, markersize=4)

    named = [(contender, _streams(contender)) for contender in contenders]
    most = 1.15 * max(scenario.samples_per_s for scenario in scenarios)
    return _chart(title, named, "photos a second", [most], draw, row_in=0.2 + 0.16 * len(shown))


def _streams(contender: Contender) -> str:
    threads = f"{contender.threads or 'all'} thread{'s' * (contender.threads != 1)}"
    return f"{contender.streams} streams, {threads} each" if contender.streams > 1 else threads


def memory_chart(title: str, found: Sequence[tuple[Contender, Memory]]) -> str:
    """Draw what a contender's process holds."""

    def draw(axes: Axes, row: int, colour: str) -> None:
        memory = found[row][1]
        axes.barh(row, memory.peak_mib, 0.6, color=colour, alpha=LIGHT, label="peak")
        axes.barh(row, memory.steady_mib, 0.3, color=colour, label="after the last turn")
        loaded = [memory.loaded_mib] * 2
        axes.plot(loaded, [row - 0.3, row + 0.3], color=TEXT, linewidth=1.8, label="when loaded")

    named = [(contender, f"{steady(memory.peak_mib)} MiB") for contender, memory in found]
    return _chart(title, named, "MiB", [memory.peak_mib for _, memory in found], draw)


def cold_chart(title: str, found: Sequence[tuple[Contender, ColdStart]]) -> str:
    """Draw how long a fresh process takes to its first readings."""

    def draw(axes: Axes, row: int, colour: str) -> None:
        cold = found[row][1]
        axes.barh(row, cold.p50_s, 0.4, color=colour, alpha=LIGHT, label="median")
        dots: dict[str, Any] = {"color": colour, "markersize": 6, "markeredgecolor": PAGE}
        axes.plot(cold.times_s, [row] * len(cold.times_s), "o", **dots, label="each start")

    named = [(contender, f"{steady(cold.p50_s)} s") for contender, cold in found]
    return _chart(title, named, "seconds", [value for _, cold in found for value in cold.times_s], draw)


def stage_chart(title: str, found: Sequence[tuple[Contender, Stages]]) -> str:
    """Draw where a photo's time goes, over a line for the whole."""

    def draw(axes: Axes, row: int, _: str) -> None:
        before, stages = 0.0, found[row][1]
        for stage in stages.stages:
            colour = STAGE_COLOURS.get(stage.stage, GREY)
            axes.barh(row, stage.mean_ms, 0.5, before, color=colour, edgecolor=PAGE, linewidth=0.8, label=stage.stage)
            before += stage.mean_ms
        whole: dict[str, Any] = {"color": TEXT, "linewidth": 1.8, "label": "the whole, timed alone"}
        axes.plot([0, stages.whole_ms], [row + 0.36] * 2, "-|", **whole)

    named = [
        (contender, f"sum {steady(stages.sum_ms)}, whole {steady(stages.whole_ms)} ms") for contender, stages in found
    ]
    values = [value for _, stages in found for value in (stages.sum_ms, stages.whole_ms)]
    return _chart(title, named, "ms a photo, means", values, draw, row_in=0.5, columns=4)
