import numpy as np
import pytest

from edgereader.models.synthesis.athletic import block_line, strokes
from edgereader.models.synthesis.fonts import SIZE_PX


@pytest.mark.parametrize("text", ["7", "10", "0123456789"])
def test_every_digit_has_a_quad_with_ink_in_it(text):
    for seed in range(8):
        line = block_line(text, np.random.default_rng(seed))
        assert line.text == text
        assert line.quads.shape == (len(text), 4, 2)
        assert abs(line.mask.shape[0] - SIZE_PX) <= 1
        for quad in line.quads:
            (x0, y0), (x1, y1) = np.floor(quad.min(0)).astype(int), np.ceil(quad.max(0)).astype(int)
            assert line.mask[max(y0, 0) : y1, max(x0, 0) : x1].max(initial=0) > 200


def test_digits_differ_and_stay_in_their_cell():
    for feet in (False, True):
        drawn = {digit: strokes(digit, 0.2, feet=feet) for digit in "0123456789"}
        assert len({str(shape) for shape in drawn.values()}) == 10
        points = np.concatenate([stroke for shape in drawn.values() for stroke in shape])
        assert points.min() >= 0
        assert points.max() <= 1


def test_ink_leaves_the_counters_of_an_eight_open():
    for seed in range(30):
        mask = block_line("8", np.random.default_rng(seed)).mask
        assert mask[:, mask.shape[1] // 2].min() < 50, seed


def test_a_one_without_feet_is_narrow():
    widths = [block_line("1", np.random.default_rng(seed)).mask.shape[1] for seed in range(40)]
    assert min(widths) < 0.4 * SIZE_PX < max(widths)


def test_a_seed_repeats():
    first, second = (block_line("42", np.random.default_rng(3)).mask for _ in range(2))
    assert (first == second).all()
