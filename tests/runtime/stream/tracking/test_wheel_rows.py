"""Where digits stand, in rows that show ink or none."""

import numpy as np
import pytest

from edgereader.runtime.stream.tracking.wheel_rows import COLUMNS, ROWS, Gap, deepest_gap, extents_of, inked_rows


def a_wheel(begin, end, *more):
    """Rows of a wheel that show ink from one to another, and perhaps in more such places."""
    return [any(low <= row < high for low, high in ((begin, end), *more)) for row in range(ROWS)]


@pytest.mark.parametrize("tilt", [-2, 0, 3])
@pytest.mark.parametrize("moved", [0, 15, -15])
def test_wheels_that_turn_have_no_part_in_where_digits_stand(tilt, moved):
    """Two of six: the last one goes from 9 to 0, and takes along the one to its left."""
    wheels = [a_wheel(20 + tilt * at, 68 + tilt * at) for at in range(4)]
    wheels += [a_wheel(20 + tilt * at - moved, 68 + tilt * at - moved) for at in (4, 5)]
    expected = [(20 + tilt * at, 68 + tilt * at) for at in range(6)]
    for found, right in zip(extents_of(wheels), expected, strict=True):
        assert found == pytest.approx(right, abs=2)


def test_the_gap_says_which_digit_stands_and_how_far_it_has_moved():
    assert deepest_gap(a_wheel(20, 68), 20, 68) is None
    up, down = deepest_gap(a_wheel(8, 56, (80, 96)), 20, 68), deepest_gap(a_wheel(0, 6, (30, 78)), 20, 68)
    assert (up, up.hides(20, 68), up.moved(20, 68)) == (Gap(56, 80), 0.25, 12)
    assert (down, down.hides(20, 68), down.moved(20, 68)) == (Gap(6, 30), 10 / 48, -10)


def test_a_wheel_that_turns_away_from_the_light_has_strokes_alike():
    ink = np.zeros((1, ROWS, COLUMNS), np.float32)
    ink[0, 10:40, 8:14] = ink[0, 60:90, 4:20] = 1
    rows, even = inked_rows(ink * np.linspace(1, 0.5, ROWS, dtype=np.float32)[:, None])
    assert rows == [a_wheel(10, 40, (60, 90))]
    assert even == pytest.approx(ink, abs=1e-6)
