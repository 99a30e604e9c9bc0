import numpy as np
import pytest

from edgereader.models.synthesis.cloth import draped


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


def test_a_seed_repeats():
    image = np.random.default_rng(1).integers(0, 256, (40, 30, 3), np.uint8)
    first, second = (draped(image, np.random.default_rng(2)) for _ in range(2))
    assert (first == second).all()
