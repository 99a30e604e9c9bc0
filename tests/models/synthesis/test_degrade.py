import numpy as np
import pytest

from edgereader.models.synthesis.degrade import blurred, compressed, doubled, enlarged, grainy, lit, photographed

IMAGE = np.random.default_rng(0).integers(0, 256, (40, 90, 3), np.uint8)


@pytest.mark.parametrize("effect", [lit, blurred, doubled, enlarged, grainy, compressed])
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
    assert (photographed(IMAGE, np.random.default_rng(0), hard=0.0) == IMAGE).all()
