import cv2
import numpy as np
import pytest

from edgereader.models.charsets import CHARSETS
from edgereader.models.training.backgrounds import Backgrounds
from edgereader.models.training.crops import HELD_OUT_METERS, CropMaker, MeterDigits, with_unit
from edgereader.models.training.glyphs import printed_line


@pytest.fixture(scope="module")
def maker(fonts):
    return CropMaker(fonts=fonts, backgrounds=Backgrounds([]))


@pytest.mark.parametrize("hard", [0.0, 0.5, 1.0])
def test_crops_are_small_colour_images_with_a_text_of_the_charset(maker, hard):
    rng = np.random.default_rng(0)
    for _ in range(60):
        image, text = maker.make(rng, hard=hard)
        assert image.dtype == np.uint8
        assert image.ndim == 3
        assert image.shape[2] == 3
        assert 10 <= image.shape[0] <= 64
        assert image.shape[1] >= 3
        assert text
        assert set(text) <= set(CHARSETS["numbers"])


def test_easy_crops_have_contrast_and_hard_ones_often_have_little(maker):
    def contrast(hard):  # the tenth percentile of the crops' contrasts
        rng = np.random.default_rng(1)
        spread = [np.ptp(np.percentile(cv2.cvtColor(maker.make(rng, hard=hard)[0], 6), [3, 97])) for _ in range(80)]
        return np.percentile(spread, 10)

    assert contrast(0.0) > 75 > contrast(1.0)


def test_a_seed_repeats(maker):
    first, second = (maker.make(np.random.default_rng(5)) for _ in range(2))
    assert first[1] == second[1]
    assert (first[0] == second[0]).all()


def test_a_unit_behind_a_number_is_not_read(maker, fonts):
    line = printed_line("42", np.random.default_rng(0), fonts)
    widened = with_unit(line, np.random.default_rng(0), fonts)
    assert widened.text == "42"
    assert len(widened.quads) == 2
    assert (widened.mask[:, : line.mask.shape[1]] == line.mask).all()
    assert widened.mask[:, line.mask.shape[1] :].max() > 100


def test_counters_are_composed_from_the_meters_that_may_be_seen(shared_data):
    seen = MeterDigits(shared_data / "digits_meter_apache2")
    kept = MeterDigits(shared_data / "digits_meter_apache2", held_out=True)
    assert set(kept.meters) == HELD_OUT_METERS
    assert not set(seen.meters) & set(kept.meters)
    image, text = seen.counter(np.random.default_rng(3))
    assert text.isdigit()
    assert image.shape[1] >= len(text) * 4
