"""What digits look like, learned from patterns that take their place."""

import cv2
import numpy as np
import pytest

from edgereader.runtime.stream.tracking.wheel_digits import ODD, Digits
from edgereader.runtime.stream.tracking.wheel_rows import COLUMNS, ROWS, Gap

LOW, HIGH = 24, 72
TALL, APART = HIGH - LOW, 24


def strip():
    """Ten patterns below each other, with a gap between any two, and the first one once more: grey, 0..1."""
    random, blank = np.random.default_rng(5), np.zeros((APART, COLUMNS), np.float32)
    rough = [random.uniform(0, 1, (6, 4)).astype(np.float32) for _ in range(10)]
    looks = [cv2.resize(pattern, (COLUMNS, TALL)) for pattern in rough]
    return np.vstack([blank, *(part for look in [*looks, *looks[:2]] for part in (look, blank))])


def cell_at(place):
    """A wheel that has turned so far: what a window of ROWS shows, and the gap below the upper digit."""
    top = round(place * (TALL + APART))
    shown = strip()[top : top + ROWS]
    end = LOW + TALL - round(place % 1 * (TALL + APART))
    return shown, Gap(end, end + APART)


@pytest.fixture
def taught():
    """Digits of which some were seen as they stood: taught(0, 1, 2)."""

    def teach(*known):
        digits = Digits()
        for digit in known:
            digits.learn(digit, cell_at(digit)[0], LOW, LOW, HIGH)
        return digits

    return teach


@pytest.mark.parametrize("turned", [0.3, 0.5, 0.7])
def test_a_wheel_between_two_known_digits_says_the_lower_one(taught, turned):
    digits = taught(*range(10))
    assert [digits.between(*cell_at(lower + turned), LOW, HIGH) for lower in range(10)] == list(range(10))


@pytest.mark.parametrize("turned", [0.3, 0.5, 0.7])
def test_a_pair_of_which_one_was_never_seen_is_not_guessed(taught, turned):
    digits = taught(*range(4))
    assert [digits.between(*cell_at(lower + turned), LOW, HIGH) for lower in range(10)] == [0, 1, 2] + [-1] * 7


def test_a_digit_is_learned_as_far_as_it_is_seen(taught):
    digits = taught(0, 1)
    moved = round(0.15 * (TALL + APART))
    shown, _ = cell_at(2.15)
    digits.learn(2, shown, LOW - moved, LOW, HIGH)
    assert np.isnan(digits._looks[2]).any(axis=1).sum() == pytest.approx((moved - TALL / 10), abs=2)
    assert digits.between(*cell_at(1.3), LOW, HIGH) == -1, "its beginning was not seen yet"
    shown, _ = cell_at(1.85)
    digits.learn(2, shown, LOW + moved, LOW, HIGH)
    assert digits.between(*cell_at(1.3), LOW, HIGH) == 1


def test_a_digit_that_looks_otherwise_is_refused_until_it_never_looks_as_before(taught):
    digits = taught(*range(10))
    asked = lambda digit, place: digits.is_as_before(digit, cell_at(place)[0], LOW, LOW, HIGH)  # noqa: E731
    assert asked(3, 3.0)
    assert [asked(3, 5.0) for _ in range(ODD - 1)] == [False] * (ODD - 1)
    assert asked(3, 3.0), "once as before, and all is forgotten that was not"
    assert [asked(3, 5.0) for _ in range(ODD)] == [False] * ODD
    assert asked(3, 5.0)
