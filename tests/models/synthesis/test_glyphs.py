import numpy as np
import pytest

from edgereader.models.synthesis.fonts import SIZE_PX
from edgereader.models.synthesis.glyphs import (
    block_line,
    dot_line,
    printed_line,
    segment_line,
    strokes,
    worn,
)

HANDS = {
    "printed": printed_line,
    "segments": lambda text, rng, _: segment_line(text, rng),
    "dots": lambda text, rng, _: dot_line(text, rng),
}


@pytest.mark.parametrize("hand", HANDS)
@pytest.mark.parametrize("text", ["7", "0123456789", "12.5", "-40", "08:15", "12 34"])
def test_every_character_has_a_quad_with_ink_in_it(hand, text, fonts):
    for seed in range(5):
        line = HANDS[hand](text, np.random.default_rng(seed), fonts)
        assert line.text == text
        assert line.quads.shape == (len(text.replace(" ", "")), 4, 2)
        for quad in line.quads:
            (x0, y0), (x1, y1) = np.floor(quad.min(0)).astype(int), np.ceil(quad.max(0)).astype(int)
            assert line.mask[max(y0, 0) : y1, max(x0, 0) : x1].max(initial=0) > 100


@pytest.mark.parametrize("hand", HANDS)
def test_quads_run_clockwise_from_the_top_left_and_from_left_to_right(hand, fonts):
    line = HANDS[hand]("481516", np.random.default_rng(1), fonts)
    top_left, top_right, bottom_right, bottom_left = np.moveaxis(line.quads, 1, 0)
    assert (top_left[:, 0] < top_right[:, 0]).all()
    assert (top_left[:, 1] < bottom_left[:, 1]).all()
    assert (bottom_right >= top_left).all()
    assert (np.diff(top_left[:, 0]) > 0).all()


def test_segments_of_an_eight_cover_those_of_every_digit():
    lit = {digit: segment_line(digit, np.random.default_rng(4)) for digit in "0123456789"}
    eight = (lit["8"].mask > 127).sum()
    assert all((line.mask > 127).sum() <= eight for line in lit.values())
    assert len({line.mask.tobytes() for line in lit.values()}) == 10


def test_ghosts_are_the_segments_that_are_off():
    lines = [segment_line("1", np.random.default_rng(seed)) for seed in range(20)]
    with_ghost = [line for line in lines if line.ghost is not None]
    assert 2 < len(with_ghost) < 18
    assert all((line.ghost > 127).any() for line in with_ghost)
    assert all(((line.ghost > 250) & (line.mask > 100)).sum() < 0.3 * (line.mask > 100).sum() for line in with_ghost)


def test_a_small_last_digit_has_a_quad_of_its_size_wherever_it_stands():
    tops, bottoms = set(), set()
    for seed in range(60):
        quads = segment_line("888", np.random.default_rng(seed)).quads
        heights = quads[:, 2, 1] - quads[:, 0, 1]
        if heights[2] < 0.9 * heights[0]:
            tops.add(bool(quads[2, 0, 1] < 1))
            bottoms.add(bool(abs(quads[2, 2, 1] - quads[0, 2, 1]) < 1))
            assert 0.45 < heights[2] / heights[0] < 0.9
    assert tops == bottoms == {True, False}


def test_some_displays_have_faint_segments():
    darkest = [np.percentile(line.mask[line.mask > 100], 30) for line in
               (segment_line("88888", np.random.default_rng(seed)) for seed in range(30))]  # fmt: skip
    assert 3 < sum(level < 250 for level in darkest) < 20
    assert min(darkest) > 127


def test_wear_changes_strokes_but_not_quads(fonts):
    line = printed_line("12345", np.random.default_rng(2), fonts)
    changed = 0
    for seed in range(40):
        after = worn(line, np.random.default_rng(seed))
        assert after.mask.shape == line.mask.shape
        assert (after.quads == line.quads).all()
        changed += not np.array_equal(after.mask, line.mask)
    assert 4 < changed < 25


@pytest.mark.parametrize("text", ["7", "10", "0123456789"])
def test_every_block_digit_has_a_quad_with_ink_in_it(text):
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
