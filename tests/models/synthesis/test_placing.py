from dataclasses import replace

import cv2
import numpy as np
import pytest

from edgereader.models.synthesis.glyphs import Line
from edgereader.models.synthesis.placing import blend, draped, placement, seen
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


@pytest.mark.parametrize("hw", [(3, 3), (40, 29), (64, 120)])
def test_cloth_keeps_size_and_type(hw):
    image = np.random.default_rng(0).integers(0, 256, (*hw, 3), np.uint8)
    for seed in range(10):
        after = draped(image, np.random.default_rng(seed))
        assert after.shape == image.shape
        assert after.dtype == np.uint8


def test_a_line_is_bent_but_stays_near_its_place():
    image = np.zeros((60, 60, 3), np.uint8)
    image[:, 28:32] = 255
    bent = 0
    for seed in range(30):
        after = draped(image, np.random.default_rng(seed))[..., 0].astype(float)
        places = (after * np.arange(60)).sum(1) / after.sum(1)
        assert (abs(places - 29.5) < 15).all()
        bent += np.ptp(places) > 1
    assert bent > 8


def test_folds_are_shaded():
    flat = np.full((40, 40, 3), 128, np.uint8)
    assert max(np.ptp(draped(flat, np.random.default_rng(seed))) for seed in range(10)) > 20
