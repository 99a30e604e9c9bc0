import math

import numpy as np
import pytest

from edgereader.benchmarks.accuracy.certainty import (
    certainty,
    equal_mass_bins,
    equal_width_bins,
    expected_calibration_error,
    joined,
    judged,
    negative_log_likelihood,
)


def test_the_error_is_the_mean_gap_of_the_bins_weighted_by_their_sizes():
    readings = judged([0.99, 0.97, 0.98, 0.5, 0.49], [True, True, False, True, False])
    sure, middle = abs(2.94 - 2), abs(0.5 - 1 + 0.49)  # 0.49 and 0.5 share the bin (7/15, 8/15]
    assert certainty(readings).ece == pytest.approx((sure + middle) / 5)


def test_gaps_of_one_bin_may_cancel_and_those_of_two_may_not():
    right = [False, True]
    assert certainty(judged([0.5, 0.5], right)).ece == 0
    assert certainty(judged([0.3, 0.7], right)).ece == pytest.approx(0.3)


def test_borders_belong_to_the_bin_below():
    assert equal_width_bins(np.array([0.0, 1 / 15, 0.0667, 1.0])).tolist() == [0, 0, 1, 14]


def test_bins_of_equal_mass_hold_equally_many():
    bins = equal_mass_bins(np.linspace(0.999, 1, 150))
    assert np.bincount(bins).tolist() == [10] * 15
    assert equal_mass_bins(np.array([0.2, 0.1])).tolist() == [7, 0]


def test_a_calibrated_source_has_a_small_error_and_an_overconfident_one_its_gap():
    rng = np.random.default_rng(1)
    confidences = rng.random(20_000)
    honest = judged(confidences, rng.random(20_000) < confidences)
    assert certainty(honest).ece < 0.02
    boasting = judged(np.full(20_000, 0.95), rng.random(20_000) < 0.7)
    assert certainty(boasting).ece == pytest.approx(0.25, abs=0.02)
    assert expected_calibration_error(boasting, equal_mass_bins(boasting.confidences)) == pytest.approx(0.25, abs=0.02)


def test_the_likelihood_is_that_of_being_right_or_wrong():
    assert negative_log_likelihood(judged([0.8, 0.4], [True, False])) == pytest.approx(
        -(math.log(0.8) + math.log(0.6)) / 2
    )
    assert math.isfinite(negative_log_likelihood(judged([1.0, 0.0], [False, True])))


def test_sure_readings_are_counted_from_nine_tenths_on():
    found = certainty(judged([0.9, 0.95, 0.899, 1.0], [True, False, True, True]))
    assert (found.readings, found.sure, found.sure_right) == (4, 3, 2)
    assert (found.sure_share, found.sure_precision) == (0.75, pytest.approx(2 / 3))
    assert certainty(judged([0.1], [True])).sure_precision is None


def test_sets_are_joined_reading_by_reading():
    whole = joined([judged([0.9], [True]), judged([0.2, 0.3], [False, True])])
    assert whole.confidences.tolist() == [0.9, 0.2, 0.3]
    assert whole.right.tolist() == [True, False, True]
