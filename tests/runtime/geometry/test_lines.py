import numpy as np
import pytest

from edgereader.runtime.geometry.heatmaps import Region
from edgereader.runtime.geometry.images import box
from edgereader.runtime.geometry.lines import gap, joined, reading_order, rows


def turned(quad, degrees, around=(500, 500)):
    turn = np.radians(degrees)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return ((quad - np.float32(around)) @ matrix + around).astype(np.float32)


@pytest.mark.parametrize("degrees", [0, 20, 45, 90, 150, -60])
def test_a_gap_is_measured_along_the_text(degrees):
    one, other = (turned(quad, degrees) for quad in (box(100, 100, 80, 40), box(200, 104, 80, 36)))
    assert gap(one, other) == pytest.approx(20 / 36, abs=0.01)
    assert gap(other, one) == pytest.approx(-180 / 36, abs=0.01)


@pytest.mark.parametrize(
    "other",
    [
        box(200, 100, 80, 20),  # half as high
        box(200, 130, 80, 40),  # on another line
        turned(box(200, 100, 80, 40), 20, (240, 120)),  # runs another way
    ],
)
def test_what_is_not_on_one_line_has_no_gap(other):
    assert gap(box(100, 100, 80, 40), other) is None


def test_joined_regions_are_one_from_end_to_end():
    regions = [
        Region(quad, np.stack([quad]), score, thin)
        for quad, score, thin in (
            (box(100, 100, 80, 40), 0.7, (True, False)),
            (box(200, 104, 80, 36), 0.9, (False, False)),
            (box(300, 100, 50, 40), 0.8, (False, True)),
        )
    ]
    whole = joined(regions)
    assert whole.quad.tolist() == [[100, 100], [350, 100], [350, 140], [100, 140]]
    assert (len(whole.characters), whole.score, whole.open_ends) == (3, 0.9, (True, True))


ROWS = [
    box(100, 100, 120, 40), box(300, 108, 90, 36), box(500, 95, 120, 44),
    box(90, 160, 120, 40), box(320, 155, 60, 40),
    box(110, 220, 90, 30), box(310, 222, 90, 30), box(480, 219, 200, 30),
]  # fmt: skip


@pytest.mark.parametrize("degrees", [0, 3, -12, 30, 44, 90, 135, 180, -90])
def test_rows_are_read_along_the_texts_own_angle(degrees):
    quads = [turned(quad, degrees) for quad in ROWS]
    shuffled = [5, 2, 7, 0, 4, 6, 1, 3]
    assert [shuffled[at] for at in reading_order([quads[place] for place in shuffled])] == list(range(len(ROWS)))


def test_texts_that_run_another_way_come_last():
    quads = [turned(box(100, 100, 120, 40), 90), box(100, 300, 60, 40), box(100, 200, 60, 40)]
    assert reading_order(quads) == [2, 1, 0]
    assert reading_order([]) == []


def test_jitter_of_a_row_does_not_part_it():
    rng = np.random.default_rng(0)
    quads = [box(100 * at, 300 + at * 4, 80, 40) + rng.normal(0, 2, (4, 2)).astype(np.float32) for at in range(9)]
    order = rng.permutation(9).tolist()
    assert [order[at] for at in reading_order([quads[place] for place in order])] == list(range(9))


def test_what_has_no_direction_is_a_row_of_its_own():
    nowhere = np.zeros((4, 2), np.float32)
    assert rows([nowhere, nowhere]) == [[0], [1]]
    assert rows([]) == []
