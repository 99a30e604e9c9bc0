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


@pytest.mark.parametrize(("width", "found"), [(5, 0), (6, 1)])
def test_half_is_not_enough(width, found):
    assert match_boxes([("12", SQUARE)], [("12", box(0, 0, width, 10))]).found == found


def test_a_label_takes_one_detection_and_the_second_is_false():
    twice = [("12", box(0, 0, 10, 9)), ("12", SQUARE)]
    assert match_boxes([("12", SQUARE)], twice) == Boxes(labels=1, detections=2, ignored=0, found=1, read=1)


def test_labels_choose_in_their_order_and_the_first_detection_that_will_do():
    """The organisers' greedy rule: the misread double comes first and is taken, although the other one says it."""
    assert match_boxes([("12", SQUARE)], [("17", box(0, 0, 10, 9)), ("12", SQUARE)]).read == 0
    wide, narrow = box(0, 0, 10, 10), box(0, 0, 10, 6)
    both = match_boxes([("12", wide), ("34", narrow)], [("34", box(0, 0, 10, 8)), ("12", wide)])
    # the first label takes the first box (0.8), the second is left with one that it shares 0.6 with
    assert (both.found, both.read) == (2, 0)


def test_one_detection_over_two_numbers_is_one_of_them_at_most():
    labels = [("12", box(0, 0, 12, 10)), ("34", box(12, 0, 20, 10))]
    assert match_boxes(labels, [("1234", box(0, 0, 20, 10))]) == Boxes(2, 1, 0, found=1, read=0)


def test_what_nobody_can_read_is_neither_missed_nor_false():
    labels = [("###", box(0, 0, 20, 10)), ("12", box(50, 0, 60, 10))]
    readings = [
        ("7", box(0, 0, 10, 10)),
        ("8", box(14, 0, 24, 10)),
        ("9", box(15, 0, 25, 10)),
        ("12", box(50, 0, 60, 10)),
    ]
    # 10 of 10, 6 of 10 and 5 of 10 columns lie in the region: half is not more than half
    assert match_boxes(labels, readings) == Boxes(labels=1, detections=2, ignored=2, found=1, read=1)


def test_a_detection_over_two_regions_lies_in_one_of_them_or_counts():
    labels = [("###", box(0, 0, 5, 10)), ("###", box(5, 0, 10, 10))]
    assert match_boxes(labels, [("12", SQUARE)]) == Boxes(labels=0, detections=1, ignored=0, found=0, read=0)


def test_words_are_not_wanted_and_excuse_nothing():
    found = match_boxes(
        [("EXIT", SQUARE), ("7 kg", box(50, 0, 60, 10))], [("11", SQUARE), ("7", box(50, 0, 60, 10)), ("kg", SQUARE)]
    )
    assert found == Boxes(labels=1, detections=2, ignored=0, found=1, read=1)


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
