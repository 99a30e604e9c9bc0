"""Cases whose areas are computed by hand."""

import numpy as np
import pytest

from edgereader.benchmarks.accuracy.icdar import Boxes, icdar, intersection_over_union, match_boxes, shape


def box(x0, y0, x1, y1):
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)


DIAMOND = np.array([[5, -5], [15, 5], [5, 15], [-5, 5]], np.float32)  # 200 px², around the square below
SQUARE = box(0, 0, 10, 10)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (SQUARE, SQUARE, 1),
        (SQUARE, box(10, 0, 20, 10), 0),  # touching
        (SQUARE, box(5, 0, 15, 10), 50 / 150),
        (SQUARE, box(0, 0, 10, 5), 0.5),
        (SQUARE, DIAMOND, 100 / 200),  # turned by 45°
        (SQUARE, DIAMOND + 5, 50 / 250),  # its left half: |x - 10| + |y - 10| <= 10 within the square
        (SQUARE, np.zeros((4, 2), np.float32), 0),
        (SQUARE, None, 0),
        (SQUARE, SQUARE[[0, 2, 1, 3]], 1),  # corners in a wrong order: its hull is meant
    ],
)
def test_overlap_by_hand(first, second, expected):
    assert intersection_over_union(shape(first), shape(second)) == pytest.approx(expected)
    assert intersection_over_union(shape(second), shape(first)) == pytest.approx(expected)


def test_a_concave_polygon_is_no_hull():
    corner = np.array([[0, 0], [10, 0], [10, 2], [2, 2], [2, 10], [0, 10]], np.float32)  # an L of 36 px²
    assert intersection_over_union(shape(corner), shape(SQUARE)) == pytest.approx(0.36)


UNREADABLE = ("###", box(0, 0, 20, 10))


@pytest.mark.parametrize(
    ("labels", "readings", "expected"),
    [
        # half is not enough
        ([("12", SQUARE)], [("12", box(0, 0, 5, 10))], Boxes(1, 1, 0, found=0, read=0)),
        ([("12", SQUARE)], [("12", box(0, 0, 6, 10))], Boxes(1, 1, 0, found=1, read=1)),
        # a label takes one detection, and the second is false
        ([("12", SQUARE)], [("12", box(0, 0, 10, 9)), ("12", SQUARE)], Boxes(1, 2, 0, found=1, read=1)),
        # the organisers' greedy rule: the misread double comes first and is taken, although the other one says it
        ([("12", SQUARE)], [("17", box(0, 0, 10, 9)), ("12", SQUARE)], Boxes(1, 2, 0, found=1, read=0)),
        # the first label takes the first box (0.8), the second is left with one that it shares 0.6 with
        (
            [("12", SQUARE), ("34", box(0, 0, 10, 6))],
            [("34", box(0, 0, 10, 8)), ("12", SQUARE)],
            Boxes(2, 2, 0, found=2, read=0),
        ),
        # one detection over two numbers is one of them at most
        (
            [("12", box(0, 0, 12, 10)), ("34", box(12, 0, 20, 10))],
            [("1234", box(0, 0, 20, 10))],
            Boxes(2, 1, 0, found=1, read=0),
        ),
        # 10 of 10, 6 of 10 and 5 of 10 columns lie in what nobody can read: half is not more than half
        (
            [UNREADABLE],
            [("7", SQUARE), ("8", box(14, 0, 24, 10)), ("9", box(15, 0, 25, 10))],
            Boxes(0, 1, 2, found=0, read=0),
        ),
        # a detection over two such regions lies in one of them or counts
        (
            [("###", box(0, 0, 5, 10)), ("###", box(5, 0, 10, 10))],
            [("12", SQUARE)],
            Boxes(0, 1, 0, found=0, read=0),
        ),
        # words are not wanted and excuse nothing
        (
            [("EXIT", SQUARE), ("7 kg", box(50, 0, 60, 10))],
            [("11", SQUARE), ("7", box(50, 0, 60, 10)), ("kg", SQUARE)],
            Boxes(1, 2, 0, found=1, read=1),
        ),
    ],
)
def test_boxes_are_matched_by_the_organisers_rules(labels, readings, expected):
    assert match_boxes(labels, readings) == expected


def test_the_images_of_a_set_are_summed_up():
    other = box(50, 0, 60, 10)
    images = [
        ([("12", SQUARE), ("34", other)], [("12", SQUARE), ("39", other), ("5", box(80, 0, 90, 10))]),
        ([("56", SQUARE)], []),
        ([], [("78", SQUARE)]),
    ]
    found = icdar(images)
    assert (found.labels, found.detections, found.ignored) == (3, 4, 0)
    assert (found.detection.matched, found.detection.recall, found.detection.precision) == (
        2,
        pytest.approx(2 / 3),
        0.5,
    )
    assert found.detection.hmean == pytest.approx(2 * (2 / 3 * 1 / 2) / (2 / 3 + 1 / 2))
    assert (found.end_to_end.matched, found.end_to_end.recall, found.end_to_end.precision) == (
        1,
        pytest.approx(1 / 3),
        0.25,
    )


def test_without_boxes_or_labels_there_are_no_figures():
    assert icdar([([("12", SQUARE), ("34", None)], [("12", SQUARE)])]) is None
    assert icdar([([], [("12", SQUARE)])]) is None
    assert icdar([([("12", SQUARE), ("EXIT", None), ("###", None)], [])]).detection.hmean == 0
