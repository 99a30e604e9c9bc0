import re

import pytest

from edgereader.benchmarks.pages.growth_sections import growth_sections, too_fast


def path_of(figure, class_):
    """Points of a line in the chart for screens."""
    wide = next(svg for svg in figure.charts[0] if svg.get("class") == "wide")
    line = next(each for each in wide.iter("path") if class_ in each.get("class"))
    return [tuple(map(float, each.split())) for each in re.split("[ML]", line.get("d"))[1:]]


def test_the_reference_is_linear_and_ends_where_the_whole_ends(growth):
    figure = growth_sections(growth)[0].figures[0]
    whole, reference = path_of(figure, "whole-part"), path_of(figure, "reference")
    assert reference[-1] == whole[-1]
    decode = path_of(figure, "s0")  # its time is proportional to the size
    slope = (decode[-1][1] - decode[0][1]) / (decode[-1][0] - decode[0][0])
    assert (reference[-1][1] - reference[0][1]) / (reference[-1][0] - reference[0][0]) == pytest.approx(slope, rel=0.01)


def test_what_grows_too_fast_is_named(growth):
    assert too_fast(growth) == "faster than linearly: text with regions (1.90 to 2.00)"
    (section,) = growth_sections(growth)
    assert section.title == "Growth: FAIL"
    assert "text with regions" in section.remarks[0]
    verdicts = {row[0]: row[-1] for row in section.figures[1].table.rows}
    assert verdicts == {"whole": "linearly or slower", "boxes": "linearly or slower",
                        "recognise": "linearly or slower", "text": "FASTER than linearly"}  # fmt: skip


def test_throughput_is_crops_over_time(growth):
    figure = growth_sections(growth)[0].figures[-1]
    assert figure.title == "Throughput against batch"
    assert figure.table.header[:4] == ["part", "1", "2", "4"]
    assert figure.table.rows[0][:2] == ["recognise", "323"]  # a crop alone takes 3.1 ms
