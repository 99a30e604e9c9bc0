"""H-mean, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from edgereader.export.precision.gate import Verdict, hmean, matched, overlap


def square(x: float, y: float, side: float = 10) -> np.ndarray:
    return np.array(((x, y), (x + side, y), (x + side, y + side), (x, y + side)), np.float32)


def test_overlap() -> None:
    assert overlap(square(0, 0), square(0, 0)) == pytest.approx(1)
    assert overlap(square(0, 0), square(5, 0)) == pytest.approx(1 / 3)
    assert overlap(square(0, 0), square(40, 0)) == 0
    assert overlap(square(0, 0), square(3, 3, 0)) == 0
    diamond = np.array(((5, 0), (10, 5), (5, 10), (0, 5)), np.float32)
    assert overlap(square(0, 0), diamond) == pytest.approx(0.5)


def test_each_quad_matches_once() -> None:
    assert matched([square(0, 0)], [square(0, 1), square(1, 0)]) == 1
    assert matched([square(0, 0), square(3, 0)], [square(1, 0), square(0, 0)]) == 2
    assert matched([], [square(0, 0)]) == 0


def test_hmean_is_over_all_pictures() -> None:
    truth = [[square(0, 0), square(50, 0)], [square(0, 0)]]
    found = [[square(0, 0)], [square(0, 0), square(90, 0)]]
    assert hmean(truth, found) == pytest.approx(2 / 3)
    assert hmean(truth, truth) == 1
    assert hmean([[]], [[]]) == 0


def test_a_verdict_says_its_figures() -> None:
    assert str(Verdict(True, 300, 0.995, 0, None, 20, 0.9)).startswith("99.50 % of 300 strings equal")
    assert "-0.70 points on 200 regions" in str(Verdict(False, 0, None, 200, 0.7))
