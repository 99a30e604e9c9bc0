import itertools
import math
import re

import pytest
from matplotlib.figure import Figure

from edgereader.benchmarks.report.charts import APART, COLOURS, Line, lines, scale, scatter, spread
from edgereader.benchmarks.tables import short

NASTY = "<script>alert('$1$')</script> & \x00"


def axis(values, kind):
    axes = Figure().add_subplot()
    return axes.yaxis, *scale(axes, "y", values, kind)


@pytest.mark.parametrize("values", [[0.02, 9000], [95, 98], [1e-3], [3, 3], [0, 5], [0, 0], []])
@pytest.mark.parametrize("kind", ["log", "zero"])
def test_ticks_are_few_round_and_inside(kind, values):
    made, low, high = axis(values, kind)
    ticks = [tick for tick in made.get_majorticklocs() if low <= tick <= high]
    assert 1 <= len(ticks) <= 11
    assert len({short(tick) for tick in ticks}) == len(ticks)
    assert {label.get_text() for label in made.get_majorticklabels()} >= {short(tick) for tick in ticks}
    assert not len(made.get_minorticklocs())


def test_small_noise_does_not_fill_an_axis():
    _, low, high = axis([171.0, 171.4], "near")
    assert 0.05 * (high - low) > 0.4
    _, low, high = axis([100.0, 300.0], "near")
    assert 0.8 * (high - low) < 200
    _, low, high = axis([0.0, 0.0], "near")
    assert high > low


def test_what_has_no_logarithm_is_left_out():
    assert axis([0, -1, 10, 1000], "log")[1:] == pytest.approx((10 / 1.05, 1050))


def test_names_are_spread_in_their_order():
    made = spread([0.1, 0.11, 0.12, 2.0])
    assert made == sorted(made)
    assert all(after - before >= APART - 1e-9 for before, after in itertools.pairwise(made))
    assert made[-1] == 1
    assert spread([]) == []
    assert spread([0.5, 0.2]) == [0.5, 0.2]
    assert len(spread([0.5] * 40)) == 40


def test_a_chart_takes_the_colours_of_its_page_and_is_always_the_same():
    drawn = [Line("ours", [(1, 5), (10, 7)], COLOURS["ours"][0]), Line("", [(0, 1), (9, 2)], COLOURS["quiet"][0], "--")]
    chart = lines("Time", drawn, ("size", "ms"), ("log", "zero"))
    assert "var(--ours)" in chart
    assert "var(--quiet)" in chart
    assert not re.search(r": ?#[0-9a-f]{6}", chart), "every colour is the page's"
    assert ">ours</text>" in chart
    assert chart == lines("Time", drawn, ("size", "ms"), ("log", "zero"))


def test_names_of_others_are_shown_as_they_are():
    chart = scatter("x & y", [Line(NASTY, [(10.0, 5.0)], COLOURS["theirs"][0])], ("ms", "%"), top=104)
    assert chart.startswith('<svg role="img" aria-label="x &amp; y"')
    assert "&lt;script&gt;alert('$1$')&lt;" in chart
    assert "\x00" not in chart
    assert not any(part in chart for part in ("<script", "<style", "<metadata", "<?xml", "<!DOCTYPE"))


def test_a_line_of_size_zero_begins_at_the_left_edge():
    chart = lines("x", [Line("a", [(0, 1.0), (10, 2.0)], "#0b62c4")], ("size", "ms"), ("log", "log"))
    assert not any(word in chart for word in ("nan", "inf"))
    assert math.isfinite(axis([0, 10], "log")[1])
