import pytest
from msgspec.structs import replace

from edgereader.benchmarks.report.growth import growth_sections, line_of, reference, too_fast


def test_the_reference_is_linear_and_ends_where_the_whole_ends(growth):
    drawn = [line_of(curve) for curve in growth.curves if curve.what == "megapixels"]
    ((start, end),) = (line.points for line in reference(drawn))
    assert end == drawn[0].points[-1]
    assert start[1] / start[0] == pytest.approx(end[1] / end[0])
    assert start[1] >= min(time for line in drawn for _, time in line.points) - 1e-9
    assert reference([]) == []


def test_what_grows_too_fast_is_named(growth):
    assert too_fast(growth) == "faster than linearly: text with regions (1.90 to 2.00)"
    assert too_fast(replace(growth, curves=growth.curves[:3])) == "nothing grows faster than linearly"
    (section,) = growth_sections(growth)
    assert section.title == "Growth: FAIL"
    assert "text with regions" in section.remarks[0]
    verdicts = {row[0]: row[-1] for row in section.figures[1].table.rows}
    assert verdicts == {"whole": "linearly or slower", "boxes": "linearly or slower",
                        "recognize": "linearly or slower", "text": "FASTER than linearly"}  # fmt: skip


def test_throughput_is_crops_over_time(growth):
    figure = growth_sections(growth)[0].figures[-1]
    assert figure.title == "Throughput against batch"
    assert figure.table.header[:4] == ["part", "1", "2", "4"]
    assert figure.table.rows[0][:2] == ["recognize", "323"]  # a crop alone takes 3.1 ms
