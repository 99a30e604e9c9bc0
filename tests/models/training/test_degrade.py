import numpy as np
import pytest

from edgereader.models.training.degrade import blurred, compressed, grainy, lit, photographed

IMAGE = np.random.default_rng(0).integers(0, 256, (40, 90, 3), np.uint8)


@pytest.mark.parametrize("effect", [lit, blurred, grainy, compressed])
def test_every_effect_keeps_shape_and_type_and_changes_something(effect):
    for seed in range(12):
        after = effect(IMAGE, np.random.default_rng(seed))
        assert after.shape == IMAGE.shape
        assert after.dtype == np.uint8
        assert (after != IMAGE).any()


def test_a_flat_image_stays_flat_when_blurred():
    flat = np.full((20, 30, 3), 77, np.uint8)
    for seed in range(12):
        assert (abs(blurred(flat, np.random.default_rng(seed)).astype(int) - 77) <= 1).all()


def test_nothing_happens_at_no_difficulty():
    assert (photographed(IMAGE, np.random.default_rng(0), hard=0.0) == IMAGE).all()
