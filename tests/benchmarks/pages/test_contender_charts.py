import re

import pytest

from edgereader.benchmarks.pages.contender_charts import latency_chart, stage_chart, throughput_chart
from edgereader.benchmarks.pages.facts import in_scenario, timed


def marks(chart, class_):
    """The marks of a class in the chart for screens: pixels, and what a mouse shows."""
    wide = next(svg for svg in chart if svg.get("class") == "wide")
    return [(mark, mark.findtext("title")) for mark in wide.iter() if mark.get("class", "").startswith(class_)]


def test_percentiles_are_drawn_in_their_order_and_at_one_scale(bench):
    found = in_scenario(bench, "SingleStream")
    dots = marks(latency_chart("x", found), "fill ringed")
    assert [hint for _, hint in dots] == [f"p50 {scenario.p50_ms:,.3g} ms" if scenario.p50_ms < 1000 else
                                          f"p50 {scenario.p50_ms:,.0f} ms" for _, scenario in found]  # fmt: skip
    places = [float(dot.get("cx")) for dot, _ in dots]
    assert places == sorted(places)
    assert len(marks(latency_chart("x", found), "turn")) == 3 * len(found)


def test_the_limit_of_a_query_is_that_of_all_its_photos(bench):
    hints = [hint for _, hint in marks(latency_chart("x", in_scenario(bench, "MultiStream")), "limit")]
    assert hints == ["physical limit 136 ms", "physical limit 312 ms"]


def test_bars_are_as_long_as_rates(bench):
    ran = timed(bench)
    bars = marks(throughput_chart("x", ran), "c0")
    lengths = [float(bar.get("width")) for bar, _ in bars]
    rates = [each.scenarios[0].samples_per_s for each in ran]
    scale = lengths[0] / rates[0]
    assert lengths == pytest.approx([rate * scale for rate in rates], abs=1)


def test_stages_lie_side_by_side_over_the_whole(bench):
    found = [(each, each.stages) for each in timed(bench) if each.stages]
    chart = stage_chart("x", found[:1])
    parts = [mark for mark, _ in marks(chart, "s")]
    ends = [float(part.get("x")) + float(part.get("width")) for part in parts]
    assert [float(part.get("x")) for part in parts[1:]] == pytest.approx(ends[:-1], abs=1)
    whole = marks(chart, "whole")[0][0]
    start = float(parts[0].get("x"))
    assert (ends[-1] - start) / (float(whole.get("x2")) - start) == pytest.approx(1.015, abs=0.005)


def test_no_texts_of_a_chart_run_beyond_it(bench):
    for svg in latency_chart("x", in_scenario(bench, "SingleStream")):
        width = float(re.match(r"0 0 (\d+)", svg.get("viewBox"))[1])
        for text in svg.iter("text"):
            assert -10 <= float(text.get("x")) <= width
