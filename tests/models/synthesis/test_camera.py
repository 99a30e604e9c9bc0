import numpy as np
import pytest

from edgereader.models.synthesis.camera import blur, light_up, photograph, squeeze

IMAGE = np.zeros((64, 80, 3), np.uint8)
IMAGE[:, 40:] = 200


def test_the_same_seed_takes_the_same_photo():
    first, again, other = (photograph(np.random.default_rng(seed), IMAGE, 1.0) for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize("seed", range(12))
def test_a_photo_keeps_size_and_type(seed):
    photo = photograph(np.random.default_rng(seed), IMAGE, 1.0)
    assert photo.shape == IMAGE.shape
    assert photo.dtype == np.uint8


@pytest.mark.parametrize("seed", range(12))
def test_blur_softens_an_edge_and_leaves_flat_parts(seed):
    seen = blur(np.random.default_rng(seed), IMAGE, 1.0).astype(int)
    assert np.abs(np.diff(seen[32, :, 0])).max() <= 200
    assert (seen[32, :25] <= 1).all()
    assert (seen[32, -25:] >= 199).all()


def test_light_varies_over_the_scene():
    flat = np.full((64, 80, 3), 100, np.uint8)
    assert np.ptp(light_up(np.random.default_rng(2), flat, 1.0)) > 5


def test_low_quality_costs_detail():
    noisy = np.random.default_rng(0).integers(0, 256, (64, 64, 1)).astype(np.uint8).repeat(3, axis=2)
    fine, coarse = (np.abs(squeeze(noisy, quality).astype(int) - noisy).mean() for quality in (95, 20))
    assert coarse > 1.3 * fine
