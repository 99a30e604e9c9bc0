import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from edgereader.benchmarks.report import contender_charts
from edgereader.benchmarks.report.charts import LIMIT, OURS, PAGE, TEXT, THEIRS
from edgereader.benchmarks.report.contender_charts import (
    STAGE_COLOURS,
    cold_chart,
    latency_chart,
    memory_chart,
    stage_chart,
    throughput_chart,
)
from edgereader.benchmarks.report.facts import in_scenario, timed


@pytest.fixture(autouse=True)
def axes(monkeypatch):
    """Charts give their axes, whose marks can be asked for."""

    def drawn(title, height_in, draw):
        made = Figure().add_subplot()
        draw(made)
        return made

    monkeypatch.setattr(contender_charts, "svg", drawn)


def lines(axes, colour, marker="None"):
    return [line for line in axes.lines if line.get_color() == colour and line.get_marker() == marker]


def bars(axes, colour):
    return [bar for bar in axes.patches if to_hex(bar.get_facecolor()) == colour]


def test_percentiles_are_drawn_in_their_order_a_row_for_each_contender(bench):
    found = in_scenario(bench, "SingleStream")
    chart = latency_chart("x", found)
    dots = [line for colour in (OURS, THEIRS) for line in lines(chart, colour, "o")]
    assert sorted((line.get_ydata()[0], line.get_xdata()[0]) for line in dots) == [
        (row, scenario.p50_ms) for row, (_, scenario) in enumerate(found)
    ]
    assert [scenario.p50_ms for _, scenario in found] == sorted(scenario.p50_ms for _, scenario in found)
    assert [label.get_text() for label in chart.get_yticklabels()] == [contender.name for contender, _ in found]
    assert sum(len(line.get_xdata()) for line in lines(chart, TEXT, "|")) == 3 * len(found)
    low, high = chart.get_xlim()
    assert all(low <= x <= high for line in chart.lines for x in line.get_xdata())


def test_the_limit_of_a_query_is_that_of_all_its_photos(bench):
    limits = lines(latency_chart("x", in_scenario(bench, "MultiStream")), LIMIT)
    assert [float(line.get_xdata()[0]) for line in limits] == [8 * 17.0, 8 * 39.0]


def test_bars_are_as_long_as_rates(bench):
    ran = timed(bench)
    chart = throughput_chart("x", ran)
    assert [bar.get_width() for bar in bars(chart, OURS)] == [contender.scenarios[0].samples_per_s for contender in ran]
    assert sum(len(line.get_xdata()) for line in lines(chart, PAGE, "|")) == 3 * 3 * len(ran)


def test_stages_lie_side_by_side_over_the_whole(bench):
    (contender,) = [contender for contender in timed(bench) if contender.stages][:1]
    chart = stage_chart("x", [(contender, contender.stages)])
    parts = [bar for colour in STAGE_COLOURS.values() for bar in bars(chart, colour)]
    ends = [bar.get_x() + bar.get_width() for bar in parts]
    assert [bar.get_x() for bar in parts] == pytest.approx([0, *ends[:-1]])
    (whole,) = lines(chart, TEXT, "|")
    assert ends[-1] / whole.get_xdata()[1] == pytest.approx(1.015)


def test_memory_and_cold_starts_are_drawn_with_what_lies_beside_them(bench):
    ran = timed(bench)
    chart = memory_chart("x", [(contender, contender.memory) for contender in ran])
    assert {bar.get_width() for bar in chart.patches} == {
        value for contender in ran for value in (contender.memory.peak_mib, contender.memory.steady_mib)
    }
    assert [line.get_xdata()[0] for line in lines(chart, TEXT)] == [contender.memory.loaded_mib for contender in ran]
    chart = cold_chart("x", [(contender, contender.cold_start) for contender in ran])
    assert [bar.get_width() for bar in chart.patches] == [contender.cold_start.p50_s for contender in ran]
    assert [list(line.get_xdata()) for line in chart.lines] == [contender.cold_start.times_s for contender in ran]
