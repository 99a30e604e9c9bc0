import numpy as np
import pytest

from edgereader.models.synthesis.textures import TEXTURES, ink


@pytest.mark.parametrize("name", sorted(TEXTURES))
def test_a_texture_is_an_image_of_the_size_asked_for_and_repeats_by_its_seed(name):
    first, again, other = (TEXTURES[name](np.random.default_rng(seed), (70, 110)) for seed in (3, 3, 4))
    assert first.shape == (70, 110, 3)
    assert first.dtype == np.uint8
    assert (first == again).all()
    assert (first != other).any()


def test_inks_are_colours():
    rng = np.random.default_rng(0)
    colours = np.array([ink(rng) for _ in range(200)])
    assert colours.min() >= 0
    assert colours.max() <= 255
    assert len({tuple(colour) for colour in colours.tolist()}) > 150
