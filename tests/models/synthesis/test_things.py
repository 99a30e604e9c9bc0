import numpy as np
import pytest

from edgereader.models.synthesis.things import THINGS, Kit, digits


@pytest.mark.parametrize("name", sorted(THINGS))
@pytest.mark.parametrize("size", [9.0, 40.0])
def test_a_thing_bears_words_within_its_bounds(fonts, name, size):
    written = 0
    for seed in range(12):
        sheet = THINGS[name][0](np.random.default_rng(seed), size, Kit(fonts, 60.0))
        height, width = sheet.alpha.shape
        assert sheet.image.shape == (height, width, 3)
        for text, quads in sheet.words:
            written += 1
            assert len(text) == len(quads)
            assert " " not in text
            assert quads.min() >= -0.15 * size
            assert (quads.max((0, 1)) <= np.array([width, height]) + 0.15 * size).all()
    assert written >= 10


@pytest.mark.parametrize("name", sorted(THINGS))
def test_the_ink_shows(fonts, name):
    sheet = THINGS[name][0](np.random.default_rng(4), 40.0, Kit(fonts, 100.0))
    for _, quads in sheet.words:
        (x0, y0), (x1, y1) = (np.clip(edge, 0, None).astype(int) for edge in (quads.min((0, 1)), quads.max((0, 1))))
        window = np.dstack([sheet.image, sheet.alpha])[y0 : y1 + 1, x0 : x1 + 1].reshape(-1, 4)
        assert np.ptp(window, axis=0).max() > 15


def test_numbers_have_the_digits_asked_for():
    rng = np.random.default_rng(0)
    lengths = {len(digits(rng, 2, 5)) for _ in range(100)}
    assert lengths == {2, 3, 4}
