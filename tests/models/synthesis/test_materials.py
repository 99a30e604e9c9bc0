import numpy as np
import pytest

from edgereader.models.synthesis.materials import bricks, fabric, noise, place, plaster, plate, recess, relief


def test_noise_is_standardised_and_its_grains_have_their_size():
    rng = np.random.default_rng(0)
    fine, coarse = noise(rng, (200, 300), 3), noise(rng, (200, 300), 40)
    for picture in (fine, coarse):
        assert picture.shape == (200, 300)
        assert abs(picture.mean()) < 1e-3
        assert picture.std() == pytest.approx(1, abs=1e-2)
    assert np.abs(np.diff(fine)).mean() > 4 * np.abs(np.diff(coarse)).mean()


def test_relief_is_flat_where_the_height_is():
    assert (relief(np.full((9, 9), 3, np.float32), 0.5) == 1).all()


@pytest.mark.parametrize(
    "draw", [bricks, lambda rng: plaster(rng, (0.6, 0.6, 0.6)), lambda rng: fabric(rng, (0.2, 0.2, 0.7))]
)
def test_a_background_fills_the_photo_with_texture(draw):
    picture = draw(np.random.default_rng(0))
    assert picture.shape == (720, 1280, 3)
    assert picture.dtype == np.float32
    assert picture.std() > 0.01


def test_a_plate_has_round_corners_and_no_holes():
    panel, alpha = plate((80, 60), (0.2, 0.4, 0.6), radius_px=15)
    assert panel.shape == (60, 80, 3)
    assert alpha[0, 0] == 0
    assert (alpha[30] == 1).all()
    assert 0 <= panel.min() <= panel.max() <= 1


def test_a_recess_is_darkest_at_its_upper_edge():
    panel = np.full((60, 80, 3), 0.9, np.float32)
    recess(panel, (10, 10, 70, 50), (0.5, 0.5, 0.5))
    assert panel[10, 40, 0] < panel[15, 40, 0] < panel[30, 40, 0] == 0.5
    assert panel[5, 40, 0] == np.float32(0.9)


def test_a_panel_is_placed_with_its_shadow_below():
    wall = np.full((720, 1280, 3), 0.8, np.float32)
    place(
        wall,
        np.full((100, 200, 3), 0.1, np.float32),
        np.ones((100, 200), np.float32),
        [[400, 300], [800, 300], [800, 500], [400, 500]],
    )
    assert wall[400, 600, 0] == pytest.approx(0.1, abs=1e-3)
    assert wall[510, 600, 0] < 0.6
    assert wall[100, 100, 0] == pytest.approx(0.8, abs=1e-3)
