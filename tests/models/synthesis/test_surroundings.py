import numpy as np
import pytest

from edgereader.models.synthesis.glyphs import printed_line, segment_line
from edgereader.models.synthesis.surroundings import LUMA, contours, display, glass, paint_edges, rim, shirt


def test_glass_and_ink_differ_enough_to_be_seen():
    for seed in range(300):
        ground, ink, strength = glass(np.random.default_rng(seed))
        assert 0 < strength <= 1
        assert abs(LUMA @ (ink - ground)) * strength > 12
        assert min(ground.min(), ink.min()) >= 0
        assert max(ground.max(), ink.max()) <= 255


@pytest.mark.parametrize("seed", range(40))
def test_a_displays_small_print_stands_beside_its_number(seed, fonts):
    rng = np.random.default_rng(seed)
    line = segment_line("0123.4", rng)
    around = display(rng, line, fonts)
    height, width = line.mask.shape
    for mark in around.marks:
        (x, y), (high, wide) = mark.at, np.array(mark.mask.shape) * mark.scale
        clear = x >= width or x + wide <= 0.2 * height or y >= height or y + high <= 0
        assert clear, (mark.at, high, wide)


@pytest.mark.parametrize("seed", range(40))
def test_shirts_have_contrast(seed, fonts):
    rng = np.random.default_rng(seed)
    around = shirt(rng, printed_line("23", rng, fonts), fonts)
    marks = [colour for _, colour in around.rings] + [around.ink]
    assert max(abs(LUMA @ (colour - around.ground)) for colour in marks) >= 40
    assert (around.margins >= 0).all()
    assert 0.4 < around.narrow < 1.7


def test_contours_lie_in_each_other_and_differ_from_what_they_part():
    ink, ground = np.full(3, 255, np.float32), np.zeros(3, np.float32)
    drawn = [contours(np.random.default_rng(seed), ink, ground) for seed in range(200)]
    assert {len(rings) for rings in drawn} == {0, 1, 2}
    for rings in drawn:
        reaches = [reach for reach, _ in rings]
        assert reaches == sorted(reaches, reverse=True)
        if rings:
            assert min(abs(LUMA @ (rings[-1][1] - other)) for other in (ink, ground)) > 40


def test_a_rim_stays_off_the_number():
    line_hw = (50, 200)
    for seed in range(60):
        canvas = np.zeros((150, 300, 3), np.float32)
        edges = rim(np.random.default_rng(seed), np.array([0.9, 0.9, 0.9, 0.9]), line_hw)
        edges = [(points, np.full(3, 255, np.float32)) for points, _ in edges]
        paint_edges(canvas, edges, np.array([[1, 0, 50], [0, 1, 50], [0, 0, 1.0]]))
        assert canvas[51:99, 51:249].max() == 0
