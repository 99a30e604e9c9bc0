from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgereader.benchmarks.accuracy.causes import crop_cause, false_cause, left_over, missed_cause


def box(x, y, width=40, height=20):
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float32)


@dataclass(frozen=True)
class Place:
    quad: np.ndarray


@dataclass(frozen=True)
class Says:
    text: str
    confidence: float = 0.5
    accepted: bool = True


@pytest.mark.parametrize(
    ("label", "reading", "cause"),
    [
        ("1234", "", ("nothing read", "-")),
        ("12.50", "kWh", ("nothing read", "-")),
        ("1234", "123", ("digit dropped", "right end")),
        ("1234", "12", ("digits dropped", "right end")),
        ("1234", "234", ("digit dropped", "left end")),
        ("1234", "134", ("digit dropped", "inside")),
        ("1234", "23", ("digits dropped", "several places")),
        ("1234", "91234", ("digit added", "left end")),
        ("1234", "12349", ("digit added", "right end")),
        ("1234", "12934", ("digit added", "inside")),
        ("12-34", "12.84", ("digit changed", "inside")),
        ("1234", "1239", ("digit changed", "right end")),
        ("1234", "9934", ("digits changed", "left end")),
        ("7", "1", ("digit changed", "only digit")),
        ("7", "71", ("digit added", "right end")),
        ("12345", "92344", ("digits changed", "several places")),
        ("12345", "1239", ("digits wrong in several ways", "right end")),
        ("2015", "19", ("most digits wrong", "-")),
        ("%", "8", ("digit added", "several places")),
    ],
)
def test_what_went_wrong_in_a_crop_and_where(label, reading, cause):
    assert crop_cause(label, reading) == cause


@given(st.text("0123456789", min_size=1, max_size=6), st.text("0123456789", max_size=6))
def test_every_wrong_reading_has_a_cause(label, reading):
    if label != reading:
        what, where = crop_cause(label, reading)
        assert what
        assert where


def test_why_a_labelled_number_is_missing():
    label = box(100, 100)
    word, number = Says("exit", 0.9, accepted=False), Says("123", 0.3)
    here, there = Place(box(102, 101)), Place(box(300, 300))
    assert missed_cause(None, [(here, number)], [here]) == "the label has no box"
    assert missed_cause(label, [(there, number)], [there]) == "not found by the detector"
    assert missed_cause(label, [(here, word)], [there]) == "found, taken for a word"
    assert missed_cause(label, [(here, number)], []) == "found, below the least confidence"
    assert missed_cause(label, [(here, number)], [here]) == "found, misread"
    covers_less = Place(box(100, 100, 12, 20))
    assert missed_cause(label, [(covers_less, number), (here, word)], []) == "found, taken for a word"


def test_where_a_false_number_comes_from():
    assert false_cause(box(0, 0), [box(1, 1)], []) == "misread label"
    assert false_cause(box(0, 0), [None, box(90, 90)], [box(1, 1)]) == "label that was read already"
    assert false_cause(box(0, 0), [None], [box(90, 90)]) == "where nothing is labelled"


def test_of_equal_numbers_the_one_that_nothing_lies_near_stays():
    labels = [("12", box(0, 0)), ("1-2", box(200, 0)), ("12", None), ("7", box(50, 50))]
    read = [("12", box(202, 1)), ("99", box(0, 0))]
    assert left_over(labels, read, Counter(["12", "12", "7"])) == [0, 2, 3]
    assert left_over(read, labels, Counter(["99"])) == [1]
