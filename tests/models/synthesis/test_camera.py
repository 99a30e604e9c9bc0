import numpy as np
import pytest

from edgereader.models.synthesis.camera import (
    blur_crop,
    blur_scene,
    compressed,
    doubled,
    enlarged,
    grainy,
    light_crop,
    light_scene,
    photograph_crop,
)

IMAGE = np.zeros((64, 80, 3), np.uint8)
IMAGE[:, 40:] = 200


@pytest.mark.parametrize("seed", range(12))
def test_blur_softens_an_edge_and_leaves_flat_parts(seed):
    seen = blur_scene(np.random.default_rng(seed), IMAGE, 1.0).astype(int)
    assert np.abs(np.diff(seen[32, :, 0])).max() <= 200
    assert (seen[32, :25] <= 1).all()
    assert (seen[32, -25:] >= 199).all()


def test_light_varies_over_the_scene():
    flat = np.full((64, 80, 3), 100, np.uint8)
    assert np.ptp(light_scene(np.random.default_rng(2), flat, 1.0)) > 5


def test_low_quality_costs_detail():
    noisy = np.random.default_rng(0).integers(0, 256, (64, 64, 1)).astype(np.uint8).repeat(3, axis=2)
    fine, coarse = (np.abs(compressed(noisy, quality).astype(int) - noisy).mean() for quality in (95, 20))
    assert coarse > 1.3 * fine


NOISE = np.random.default_rng(0).integers(0, 256, (40, 90, 3), np.uint8)


@pytest.mark.parametrize("effect", [light_crop, blur_crop, doubled, enlarged, grainy])
def test_every_effect_keeps_shape_and_type_and_changes_something(effect):
    for seed in range(12):
        after = effect(NOISE, np.random.default_rng(seed))
        assert after.shape == NOISE.shape
        assert after.dtype == np.uint8
        assert (after != NOISE).any()


def test_a_flat_image_stays_flat_when_blurred():
    flat = np.full((20, 30, 3), 77, np.uint8)
    for seed in range(12):
        assert (abs(blur_crop(flat, np.random.default_rng(seed)).astype(int) - 77) <= 1).all()


def test_an_enlarged_image_has_lost_detail_but_not_below_sixteen_rows():
    step = np.zeros((64, 64, 3), np.uint8)
    step[:, 32:] = 200
    for seed in range(12):
        after = enlarged(step, np.random.default_rng(seed)).astype(int)
        assert (after[:, :24] < 60).all()
        assert (after[:, 40:] > 140).all()
    tiny = np.random.default_rng(0).integers(0, 256, (13, 4, 3), np.uint8)
    assert enlarged(tiny, np.random.default_rng(0)).shape == tiny.shape


def test_grain_leaves_faint_ink_readable():
    faint = np.full((40, 80, 3), 100, np.uint8)
    faint[:, 40:] = 110
    for seed in range(30):
        after = grainy(faint, np.random.default_rng(seed)).astype(float)
        assert after[:, 40:].mean() - after[:, :40].mean() > 2 * after[:, :40].std()


def test_nothing_happens_at_no_difficulty():
    assert (photograph_crop(NOISE, np.random.default_rng(0), hard=0.0) == NOISE).all()
