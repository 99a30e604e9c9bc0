from dataclasses import replace

import cv2
import numpy as np

from edgereader.models.synthesis.glyphs import Line
from edgereader.models.synthesis.placing import blend, placement, seen
from edgereader.models.synthesis.surroundings import Surroundings

BLACK, WHITE = np.zeros(3, np.float32), np.full(3, 255, np.float32)
AROUND = Surroundings(np.full(4, 0.1), WHITE, BLACK, 1.0)
LINE = Line(np.full((48, 120), 255, np.uint8), None, np.zeros((0, 4, 2), np.float32), "12")


def test_a_mask_that_shrinks_to_nothing_is_seen_faintly():
    mask = np.full((40, 90), 255, np.uint8)
    shown = seen(mask, np.diag([1e-3, 1e-3, 1]), (32, 16))
    assert shown.shape == (16, 32)
    assert shown.max() <= 1
    assert seen(mask, np.eye(3), (90, 40)).min() == 1


def test_a_line_lies_inside_a_crop_of_the_height_asked_for():
    for seed in range(30):
        transform, (width, height) = placement(LINE, np.random.default_rng(seed), 40, 1.0, AROUND)
        corners = np.array([[[0, 0], [120, 0], [120, 48], [0, 48]]], np.float64)
        x, y = cv2.perspectiveTransform(corners, transform)[0].T
        assert height == 40
        assert (x > -3).all()
        assert (x < width + 3).all()
        assert (y > -3).all()
        assert (y < height + 3).all()


def test_a_line_leans_as_its_surroundings_say():
    def lean(around):
        drawn = [placement(LINE, np.random.default_rng(seed), 40, 1.0, around)[0] for seed in range(60)]
        return np.mean([transform[0, 1] / transform[1, 1] for transform in drawn])

    assert abs(lean(AROUND)) < 0.1
    assert lean(replace(AROUND, lean=0.4)) > 0.2


def test_paint_covers_by_opacity_and_strength():
    canvas = np.zeros((1, 2, 3), np.float32)
    blend(canvas, np.array([[1.0, 0.5]], np.float32), WHITE, 0.5)
    assert np.allclose(canvas[0, :, 0], [127.5, 63.75])
