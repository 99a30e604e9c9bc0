import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgereader.benchmarks.accuracy.scoring import digits, is_exact, match, ratio


@pytest.mark.parametrize(
    ("text", "expected"), [("-12.5 %", "125"), ("0042", "0042"), ("kWh", ""), ("", ""), ("٣4²", "4"), ("1O", "1")]
)
def test_only_the_ten_digits_count(text, expected):
    assert digits(text) == expected


@pytest.mark.parametrize(
    ("label", "reading", "exact"),
    [("62-03", "6203", True), ("$1.99", "199", True), ("12", "1 2", True), ("12", "21", False), ("12", "", False)],
)
def test_a_crop_is_exact_when_its_digits_are(label, reading, exact):
    assert is_exact(label, reading) is exact


def test_a_number_shown_twice_must_be_read_twice():
    result = match(["12", "12", "345"], ["12", "345", "345", "7", "exit"])
    assert result.matched == ("12", "345")
    assert result.missed == ("12",)
    assert result.false == ("345", "7")
    assert (result.labels, result.numbers, result.true_numbers) == (3, 3, 2)


def test_a_lone_digit_costs_no_precision_but_a_labelled_one_counts_for_recall():
    result = match(["7"], ["7", "9"])
    assert (result.labels, len(result.matched)) == (1, 1)
    assert (result.numbers, result.true_numbers) == (0, 0)


def test_labels_without_digits_are_no_numbers():
    assert match(["EXIT", ""], []).labels == 0


@given(st.lists(st.text("01a", max_size=3)), st.lists(st.text("01a", max_size=3)))
def test_matching_loses_and_invents_nothing(labels, readings):
    result = match(labels, readings)
    assert sorted(result.matched + result.missed) == sorted(filter(None, map(digits, labels)))
    assert sorted(result.matched + result.false) == sorted(filter(None, map(digits, readings)))
    assert not set(result.missed) & set(result.false)
    assert 0 <= result.true_numbers <= result.numbers


def test_a_figure_without_a_base_does_not_exist():
    assert ratio(0, 0) is None
    assert ratio(1, 4) == 0.25
