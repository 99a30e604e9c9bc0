import cv2
import numpy as np
import pytest

from edgereader.models.charsets import CHARSETS
from edgereader.models.synthesis.backgrounds import Backgrounds
from edgereader.models.synthesis.crops import HELD_OUT_METERS, CropMaker, CropPool, MeterDigits, faded, varied


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
        assert 12 <= image.shape[0] <= 90
        assert image.shape[1] >= 3
        assert text or hard > 0
        assert set(text.lower()) <= set(CHARSETS["numbers-spaced"])


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


def test_some_hard_crops_show_nothing_to_read_and_no_easy_ones_do(maker):
    def empty(hard):
        rng = np.random.default_rng(2)
        return sum(maker.draw(rng, hard=hard)[1] == "" for _ in range(150))

    assert empty(0.0) == 0
    assert 5 < empty(1.0) < 40


def test_a_pool_draws_less_often_than_it_shows(fonts):
    maker = CropMaker(fonts=fonts, backgrounds=Backgrounds([]))
    drawn = []
    draw = maker.draw
    maker.draw = lambda rng, hard: drawn.append(draw(rng, hard=hard)) or drawn[-1]
    pool, rng = CropPool(maker, uses=4, size=20), np.random.default_rng(0)
    shown = [pool.make(rng) for _ in range(300)]
    assert 50 < len(drawn) < 130
    assert {text for _, text in shown} <= {text for _, text, _ in drawn}
    assert len({image.tobytes() for image, _ in shown}) == 300


def test_varied_crops_keep_their_height_and_most_of_their_width():
    image = np.random.default_rng(0).integers(0, 255, (32, 60, 3), np.uint8)
    seen = [varied(image, np.random.default_rng(seed), 1.0) for seed in range(40)]
    assert {crop.shape[0] for crop in seen} == {32}
    assert all(48 < crop.shape[1] < 96 for crop in seen)
    assert any(crop.mean() < image.mean() - 10 for crop in seen)


def test_varied_crops_lose_no_contrast_at_the_ends_of_the_scale():
    for low, high in ((0, 30), (225, 255)):
        image = np.full((32, 60, 3), low, np.uint8)
        image[:, 20:40] = high
        for seed in range(40):
            assert np.ptp(varied(image, np.random.default_rng(seed), 1.0)) >= 20


@pytest.mark.parametrize(("style", "signs"), [("display", "0123456789.:"), ("shirt", "0123456789")])
def test_a_style_can_be_drawn_alone(maker, style, signs):
    rng = np.random.default_rng(4)
    drawn = [getattr(maker, style)(rng) for _ in range(40)]
    assert all(text and set(text) <= set(signs) for _, text in drawn)
    assert all(image.dtype == np.uint8 and image.shape[2] == 3 for image, _ in drawn)


def test_shirts_are_narrow_and_displays_wide(maker):
    def ratio(style):
        rng = np.random.default_rng(5)
        return np.median([crop.shape[1] / crop.shape[0] for crop, _ in (getattr(maker, style)(rng) for _ in range(60))])

    assert 0.6 < ratio("shirt") < 1.1
    assert ratio("display") > 3


def test_ink_fades_no_further_than_its_depth():
    left = faded(np.random.default_rng(0), (90, 30), 0.5)
    assert left.shape == (30, 90)
    assert 0.5 <= left.min() < left.max() <= 1
    assert (faded(np.random.default_rng(0), (90, 30), 0.0) == 1).all()


def test_counters_are_composed_from_the_meters_that_may_be_seen(shared_data):
    seen = MeterDigits(shared_data / "digits_meter_apache2")
    kept = MeterDigits(shared_data / "digits_meter_apache2", held_out=True)
    assert set(kept.meters) == HELD_OUT_METERS
    assert not set(seen.meters) & set(kept.meters)
    image, text = seen.counter(np.random.default_rng(3))
    assert text.isdigit()
    assert image.shape[1] >= len(text) * 4


def test_letters_keep_their_case_for_charsets_that_have_both(maker):
    rng = np.random.default_rng(6)
    texts = [maker.draw(rng)[1] for _ in range(80)]
    assert any(text != text.lower() for text in texts)
    assert any(text != text.upper() for text in texts)
